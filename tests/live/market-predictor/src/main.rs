//! A small market-predictor that can be broken: `/health`, `/status`, `/metrics`, `/predict`, and switches by POST.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Written into the container's own file system: it survives a restart, and the next start fails.
const MARK: &str = "/broken-start";

#[derive(Default)]
struct State {
    hung: AtomicBool,
    errors: AtomicBool,
    ok: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU64,
    micros: AtomicU64,
}

fn main() {
    let port = env::var("PORT").unwrap_or_else(|_| "8000".to_owned());
    if env::args().nth(1).as_deref() == Some("healthcheck") {
        exit(if healthy(&port) { 0 } else { 1 });
    }
    log("info", "starting market-predictor");
    if Path::new(MARK).exists() {
        log("error", "model file is corrupt: cannot start");
        exit(1);
    }
    let listener = match TcpListener::bind(format!("127.0.0.1:{port}")) {
        Ok(listener) => listener,
        Err(error) => {
            log("error", &format!("cannot listen on {port}: {error}"));
            exit(2);
        }
    };
    log("info", "ready");
    let state = Arc::new(State::default());
    for stream in listener.incoming().flatten() {
        let state = Arc::clone(&state);
        thread::spawn(move || answer(stream, &state));
    }
}

fn healthy(port: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(format!("127.0.0.1:{port}")) else { return false };
    let patience = Some(Duration::from_millis(800));
    let mut text = String::new();
    stream.set_read_timeout(patience).is_ok()
        && stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut text).is_ok()
        && text.starts_with("HTTP/1.1 200")
}

fn answer(mut stream: TcpStream, state: &State) {
    let mut line = String::new();
    let mut reader = BufReader::new(&stream);
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
        header.clear();
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if state.hung.load(SeqCst) && method == "GET" {
        // The listener accepts and nobody answers.
        state.in_flight.fetch_add(1, SeqCst);
        thread::sleep(Duration::from_secs(3_600));
    }
    let begun = Instant::now();
    let (status, body) = match (method, path) {
        ("GET", "/health") => ("200 OK", "{\"status\":\"ok\"}".to_owned()),
        ("GET", "/status") => ("200 OK", status(state)),
        ("GET", "/metrics") => ("200 OK", metrics(state)),
        ("GET", "/predict") => predict(state, begun),
        ("POST", switch) => turn(switch, state),
        _ => ("404 Not Found", "{\"detail\":\"Not Found\"}".to_owned()),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
}

fn predict(state: &State, begun: Instant) -> (&'static str, String) {
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(0);
    state.micros.fetch_add(micros, SeqCst);
    if state.errors.load(SeqCst) {
        state.failed.fetch_add(1, SeqCst);
        log("error", "feature store timeout after 20ms");
        return ("500 Internal Server Error", "{\"detail\":\"feature store timeout\"}".to_owned());
    }
    state.ok.fetch_add(1, SeqCst);
    ("200 OK", "{\"symbol\":\"BTC\",\"move\":0.0012}".to_owned())
}

fn turn(switch: &str, state: &State) -> (&'static str, String) {
    log("warn", &format!("switch {switch}"));
    match switch {
        "/switch/crash" => exit(1),
        "/switch/hang" => state.hung.store(true, SeqCst),
        "/switch/errors" => state.errors.store(true, SeqCst),
        "/switch/broken-start" => {
            if let Err(error) = fs::write(MARK, "broken") {
                log("error", &format!("the mark could not be written: {error}"));
            }
            exit(1);
        }
        "/switch/leak" => {
            thread::spawn(|| {
                let mut held: Vec<Vec<u8>> = Vec::new();
                loop {
                    held.push(vec![1; 4 << 20]);
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        _ => return ("404 Not Found", "{\"detail\":\"no such switch\"}".to_owned()),
    }
    ("200 OK", "{}".to_owned())
}

fn status(state: &State) -> String {
    format!("{{\"predictions\":{},\"errors\":{}}}", state.ok.load(SeqCst), state.failed.load(SeqCst))
}

fn metrics(state: &State) -> String {
    let (ok, failed) = (state.ok.load(SeqCst), state.failed.load(SeqCst));
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    format!(
        "# TYPE http_requests_total counter\nhttp_requests_total{{status=\"200\"}} {ok}\nhttp_requests_total{{status=\"500\"}} {failed}\n\
         # TYPE http_requests_in_flight gauge\nhttp_requests_in_flight {}\n\
         # TYPE http_request_duration_seconds summary\nhttp_request_duration_seconds_sum {}\nhttp_request_duration_seconds_count {}\n\
         # TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {}\n",
        state.in_flight.load(SeqCst),
        state.micros.load(SeqCst) as f64 / 1e6,
        ok + failed,
        pages * 4_096
    )
}

fn log(level: &str, message: &str) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    println!("{{\"level\":\"{level}\",\"msg\":\"{message}\",\"at\":{at}}}");
}
