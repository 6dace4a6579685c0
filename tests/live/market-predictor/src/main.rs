//! A small market-predictor that can be broken: `/health`, `/status`, `/version`, `/metrics`, `/predict`, and switches by POST.
//!
//! It has as many series as a service of its kind, and writes a line for each prediction and for each request that failed.
//!
//! By environment: `LISTEN` (127.0.0.1) and `PORT` (8000); `VERSION`, shown at `/version`; `PORT_SHARING=1` listens with
//! SO_REUSEPORT and answers its health check by a socket of its own, since the port may be answered by another process;
//! `GRACEFUL=1` takes SIGTERM for "accept what waits, finish what is under way, end"; `SICK=start` is never healthy, `SICK=3` is no
//! longer healthy after three seconds. `market-predictor load HOST:PORT SECONDS THREADS` asks for predictions and counts failures.

mod load;
mod metrics;

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where the process answers its own health check when the port may be another's.
const OWN_SOCKET: &str = "/health.sock";
/// How long what is under way may take to its end.
const DRAIN: Duration = Duration::from_secs(10);

/// Written into the container's own file system: it survives a restart, and the next start fails.
const MARK: &str = "/broken-start";

#[derive(Default)]
struct State {
    hung: AtomicBool,
    errors: AtomicBool,
    sick: AtomicBool,
    counts: metrics::Counts,
    in_flight: AtomicU64,
    /// Connections that are being answered.
    open: AtomicU64,
    stopping: AtomicBool,
}

fn main() {
    let port = env::var("PORT").unwrap_or_else(|_| "8000".to_owned());
    let shares = env::var("PORT_SHARING").is_ok();
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("healthcheck") => exit(if healthy(&port, shares) { 0 } else { 1 }),
        Some("load") => exit(load::run(&arguments)),
        _ => {}
    }
    log("info", "starting market-predictor");
    if Path::new(MARK).exists() {
        log("error", "model file is corrupt: cannot start");
        exit(1);
    }
    let address = format!("{}:{port}", env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1".to_owned()));
    let listener = match listen(&address, shares) {
        Ok(listener) => Arc::new(listener),
        Err(error) => {
            log("error", &format!("cannot listen on {port}: {error}"));
            exit(2);
        }
    };
    let state = Arc::new(State::default());
    be_sick(&state);
    if shares {
        answer_own_socket(&state);
    }
    if env::var("GRACEFUL").is_ok() {
        end_gracefully(&listener, &state);
    }
    log("info", "ready");
    loop {
        match listener.accept() {
            Ok((stream, _)) => serve(stream, &state),
            // The thread that ends the process has closed the listener.
            Err(_) if state.stopping.load(SeqCst) => thread::sleep(DRAIN * 2),
            Err(_) => {}
        }
    }
}

fn listen(address: &str, shares: bool) -> std::io::Result<TcpListener> {
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    if shares {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1_024)?;
    Ok(socket.into())
}

fn serve(stream: TcpStream, state: &Arc<State>) {
    let state = Arc::clone(state);
    state.open.fetch_add(1, SeqCst);
    thread::spawn(move || {
        answer(&stream, &state);
        let _ = stream.shutdown(Shutdown::Write);
        state.open.fetch_sub(1, SeqCst);
    });
}

fn answer_own_socket(state: &Arc<State>) {
    let _ = fs::remove_file(OWN_SOCKET);
    let Ok(listener) = UnixListener::bind(OWN_SOCKET) else {
        log("error", "the health check's own socket cannot be made");
        exit(2);
    };
    let state = Arc::clone(state);
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(&stream, &state)));
}

/// SIGTERM: accept what waits already, listen no longer, finish what is under way.
fn end_gracefully(listener: &Arc<TcpListener>, state: &Arc<State>) {
    let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM]) else { exit(2) };
    let (listener, state) = (Arc::clone(listener), Arc::clone(state));
    thread::spawn(move || {
        signals.forever().next();
        log("info", "ending: finishing what is under way");
        state.stopping.store(true, SeqCst);
        let _ = listener.set_nonblocking(true);
        while let Ok((stream, _)) = listener.accept() {
            let _ = stream.set_nonblocking(false);
            serve(stream, &state);
        }
        let _ = socket2::SockRef::from(&*listener).shutdown(Shutdown::Both);
        let begun = Instant::now();
        // The other thread may hold one that it has taken and not counted yet.
        thread::sleep(Duration::from_millis(100));
        while state.open.load(SeqCst) > 0 && begun.elapsed() < DRAIN {
            thread::sleep(Duration::from_millis(1));
        }
        exit(0);
    });
}

fn be_sick(state: &Arc<State>) {
    match env::var("SICK").as_deref() {
        Ok("start") => state.sick.store(true, SeqCst),
        Ok(seconds) => {
            let (seconds, state) = (seconds.parse().unwrap_or(0), Arc::clone(state));
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(seconds));
                state.sick.store(true, SeqCst);
                log("error", "the model answers no longer");
            });
        }
        Err(_) => {}
    }
}

fn healthy(port: &str, shares: bool) -> bool {
    let patience = Some(Duration::from_millis(800));
    if shares {
        return UnixStream::connect(OWN_SOCKET).is_ok_and(|stream| stream.set_read_timeout(patience).is_ok() && asked(stream));
    }
    TcpStream::connect(format!("127.0.0.1:{port}"))
        .is_ok_and(|stream| stream.set_read_timeout(patience).is_ok() && asked(stream))
}

fn asked(mut stream: impl Read + Write) -> bool {
    let mut text = String::new();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut text).is_ok()
        && text.starts_with("HTTP/1.1 200")
}

fn answer<S>(mut stream: &S, state: &State)
where
    for<'a> &'a S: Read + Write,
{
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
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
        ("GET", "/health") if state.sick.load(SeqCst) => ("503 Service Unavailable", "{\"status\":\"sick\"}".to_owned()),
        ("GET", "/health") => ("200 OK", "{\"status\":\"ok\"}".to_owned()),
        ("GET", "/version") => ("200 OK", format!("{{\"version\":\"{}\"}}", env::var("VERSION").unwrap_or_default())),
        ("GET", "/status") => ("200 OK", status(state)),
        ("GET", "/metrics") => ("200 OK", state.counts.exposition(state.in_flight.load(SeqCst))),
        ("GET", "/predict") => predict(state),
        ("POST", switch) => turn(switch, state),
        _ => ("404 Not Found", "{\"detail\":\"Not Found\"}".to_owned()),
    };
    let took = begun.elapsed();
    state.counts.count(path, status.starts_with("200"), took);
    if path == "/predict" {
        log("info", &format!("{method} {path} {} in {} us", &status[..3], took.as_micros()));
    }
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
}

fn predict(state: &State) -> (&'static str, String) {
    if state.errors.load(SeqCst) {
        log("error", "feature store timeout after 20ms");
        return ("500 Internal Server Error", "{\"detail\":\"feature store timeout\"}".to_owned());
    }
    let symbol = state.counts.predicted();
    log("info", &format!("predicted {symbol} for the next 60 seconds"));
    ("200 OK", format!("{{\"symbol\":\"{symbol}\",\"move\":0.0012}}"))
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
    let (ok, failed) = state.counts.predictions();
    format!("{{\"predictions\":{ok},\"errors\":{failed}}}")
}

fn log(level: &str, message: &str) {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    println!("{{\"level\":\"{level}\",\"msg\":\"{message}\",\"at\":{at}}}");
}
