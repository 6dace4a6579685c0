//! The webhook's durable intake, over HTTP, beside what the disk itself can do.
//!
//! `cargo bench --bench webhook` prints requests a second and p50/p99, and the rate of plain appends with fsync in the same folder.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark for people"
)]

use std::{
    fs::File,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use devops_agent::{config::Settings, http, parts::Parts};
use tools::{Clock, SystemClock};

/// Connections that post at the same time.
const CONNECTIONS: usize = 32;
/// Notifications in all.
const REQUESTS: usize = 20_000;

fn notification(number: usize) -> String {
    // One of a thousand alerts fires again: an episode of its own each time, so that each is written.
    let (alert, episode) = (number % 1_000, number / 1_000);
    let starts = chrono::DateTime::from_timestamp(1_790_000_000 + i64::try_from(episode).unwrap(), 0).unwrap();
    format!(
        r#"{{"receiver":"r","groupKey":"g{alert}","alerts":[{{"fingerprint":"{alert:016x}","status":"firing","startsAt":"{}",
        "labels":{{"alertname":"Down","service":"s{alert}","instance":"10.0.0.{alert}:80","severity":"critical"}},
        "annotations":{{"summary":"it is down","description":"no scrape of it has succeeded for a minute"}},"generatorURL":""}}]}}"#,
        starts.to_rfc3339()
    )
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir_in(std::env::var("BENCH_FOLDER").unwrap_or_else(|_| ".".to_owned())).unwrap();
    let fsyncs = fsync_rate(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(folder.path(), fsyncs));
}

/// Plain appends of one event's size, each with fsync, for two seconds.
fn fsync_rate(folder: &std::path::Path) -> f64 {
    let mut file = File::create(folder.join("fsync")).unwrap();
    let begun = Instant::now();
    let mut count = 0.0;
    while begun.elapsed() < Duration::from_secs(2) {
        file.write_all(&[b'x'; 900]).unwrap();
        file.sync_data().unwrap();
        count += 1.0;
    }
    count / begun.elapsed().as_secs_f64()
}

async fn run(folder: &std::path::Path, fsyncs: f64) {
    let mut settings = Settings::from_toml("[docker]\nhost = \"none\"\n[intake]\nqueue = 100000").unwrap();
    settings.journal.path = folder.join("journal.db");
    let parts = Parts::build(settings, Arc::new(SystemClock)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let router = http::router(parts.http(SystemClock.now()));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let client = reqwest::Client::new();
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let posting: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (client, url, next) = (client.clone(), url.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut took = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return took;
                    }
                    let begun = Instant::now();
                    let answer = client.post(&url).body(notification(number)).send().await.unwrap();
                    assert_eq!(answer.status(), 202);
                    answer.bytes().await.unwrap();
                    took.push(begun.elapsed());
                }
            })
        })
        .collect();
    let mut took = Vec::new();
    for post in posting {
        took.extend(post.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "durable webhooks   {:.0} requests/s over {CONNECTIONS} connections ({REQUESTS} in {seconds:.2} s)",
        REQUESTS as f64 / seconds
    );
    println!("latency            p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms", at(0.5), at(0.99), at(1.0));
    println!("the disk's own     {fsyncs:.0} appends with fsync a second, one after another");
    let (read, broken) = parts.journal.verify(None).await.unwrap();
    println!("journal            {read} entries, {} breaks in the chain", broken.len());
}
