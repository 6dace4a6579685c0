//! Constant load: every request is counted, and every one that fails is told.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Counted {
    ok: u64,
    failed: BTreeMap<String, u64>,
    versions: BTreeMap<String, u64>,
}

/// `load HOST:PORT SECONDS THREADS`: 0 when no request failed.
pub fn run(arguments: &[String]) -> i32 {
    let [_, target, seconds, threads] = arguments else {
        eprintln!("right would be: load HOST:PORT SECONDS THREADS");
        return 2;
    };
    let (Ok(seconds), Ok(threads)) = (seconds.parse(), threads.parse::<usize>()) else {
        eprintln!("SECONDS and THREADS are numbers");
        return 2;
    };
    let until = Instant::now() + Duration::from_secs(seconds);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let target = target.clone();
            thread::spawn(move || work(&target, until))
        })
        .collect();
    let mut all = Counted::default();
    for worker in workers {
        let Ok(counted) = worker.join() else { return 2 };
        all.ok += counted.ok;
        counted.failed.into_iter().for_each(|(why, count)| *all.failed.entry(why).or_default() += count);
        counted.versions.into_iter().for_each(|(version, count)| *all.versions.entry(version).or_default() += count);
    }
    let failed: u64 = all.failed.values().sum();
    println!("{{\"ok\":{},\"failed\":{failed},\"why\":{:?},\"versions\":{:?}}}", all.ok, all.failed, all.versions);
    i32::from(failed > 0)
}

fn work(target: &str, until: Instant) -> Counted {
    let mut counted = Counted::default();
    while Instant::now() < until {
        match ask(target) {
            Ok(version) => {
                counted.ok += 1;
                *counted.versions.entry(version).or_default() += 1;
            }
            Err(why) => *counted.failed.entry(why).or_default() += 1,
        }
        thread::sleep(Duration::from_millis(2));
    }
    counted
}

/// One request, as any good client makes it: the name is looked up anew, and where one address refuses the next one is tried.
/// What was sent once is not sent again.
fn ask(target: &str) -> Result<String, String> {
    let addresses: Vec<_> = target.to_socket_addrs().map_err(|error| format!("name: {error}"))?.collect();
    let mut refused = String::from("no address");
    for address in &addresses {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(stream) => return exchange(stream),
            Err(error) => refused = format!("connect: {error}"),
        }
    }
    Err(refused)
}

fn exchange(mut stream: TcpStream) -> Result<String, String> {
    let mut text = String::new();
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    stream
        .write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .map_err(|error| format!("send: {error}"))?;
    stream.read_to_string(&mut text).map_err(|error| format!("receive: {error}"))?;
    if !text.starts_with("HTTP/1.1 200") {
        return Err(format!("answer: {}", text.lines().next().unwrap_or("none")));
    }
    Ok(text.split("\"version\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned())
}
