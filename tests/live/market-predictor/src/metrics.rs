//! What `/metrics` tells: requests, durations and failures by handler, predictions by symbol, and the process itself.

use std::{
    fmt::Write,
    fs,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

const HANDLERS: [&str; 5] = ["/health", "/metrics", "/predict", "/status", "/version"];
const SYMBOLS: [&str; 12] =
    ["ADA", "ATOM", "AVAX", "BCH", "BTC", "DOGE", "DOT", "ETH", "LINK", "LTC", "SOL", "XRP"];
/// Upper bounds in microseconds.
const BUCKETS: [u64; 10] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000];

#[derive(Default)]
struct Handler {
    ok: AtomicU64,
    failed: AtomicU64,
    micros: AtomicU64,
    /// Requests that took no longer than each bound.
    buckets: [AtomicU64; BUCKETS.len()],
}

#[derive(Default)]
pub struct Counts {
    handlers: [Handler; HANDLERS.len()],
    symbols: [AtomicU64; SYMBOLS.len()],
}

impl Counts {
    /// Counts a request; those to no handler are not counted.
    pub fn count(&self, path: &str, ok: bool, took: Duration) {
        let Some(handler) = HANDLERS.iter().position(|handler| *handler == path).map(|at| &self.handlers[at]) else {
            return;
        };
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if ok { &handler.ok } else { &handler.failed }.fetch_add(1, SeqCst);
        handler.micros.fetch_add(micros, SeqCst);
        for (bucket, bound) in handler.buckets.iter().zip(BUCKETS) {
            bucket.fetch_add(u64::from(micros <= bound), SeqCst);
        }
    }

    /// Counts a prediction, one symbol after another, and gives its symbol.
    pub fn predicted(&self) -> &'static str {
        let (ok, _) = self.predictions();
        let at = (ok % SYMBOLS.len() as u64) as usize;
        self.symbols[at].fetch_add(1, SeqCst);
        SYMBOLS[at]
    }

    /// Predictions that were made, and that failed.
    pub fn predictions(&self) -> (u64, u64) {
        let handler = &self.handlers[2];
        (handler.ok.load(SeqCst), handler.failed.load(SeqCst))
    }

    /// In Prometheus's text format.
    pub fn exposition(&self, in_flight: u64) -> String {
        let mut text = String::from("# TYPE http_requests_total counter\n");
        for (name, handler) in HANDLERS.iter().zip(&self.handlers) {
            for (status, count) in [("200", &handler.ok), ("500", &handler.failed)] {
                let count = count.load(SeqCst);
                let _ = writeln!(text, "http_requests_total{{handler=\"{name}\",status=\"{status}\"}} {count}");
            }
        }
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        for (name, handler) in HANDLERS.iter().zip(&self.handlers) {
            let all = handler.ok.load(SeqCst) + handler.failed.load(SeqCst);
            let metric = "http_request_duration_seconds";
            for (bucket, bound) in handler.buckets.iter().zip(BUCKETS) {
                let (bound, count) = (bound as f64 / 1e6, bucket.load(SeqCst));
                let _ = writeln!(text, "{metric}_bucket{{handler=\"{name}\",le=\"{bound}\"}} {count}");
            }
            let sum = handler.micros.load(SeqCst) as f64 / 1e6;
            let _ = writeln!(text, "{metric}_bucket{{handler=\"{name}\",le=\"+Inf\"}} {all}");
            let _ = writeln!(text, "{metric}_sum{{handler=\"{name}\"}} {sum}");
            let _ = writeln!(text, "{metric}_count{{handler=\"{name}\"}} {all}");
        }
        text.push_str("# TYPE predictions_total counter\n");
        for (symbol, count) in SYMBOLS.iter().zip(&self.symbols) {
            let _ = writeln!(text, "predictions_total{{symbol=\"{symbol}\"}} {}", count.load(SeqCst));
        }
        let process = [
            ("http_requests_in_flight", in_flight as f64),
            ("process_resident_memory_bytes", resident()),
            ("process_open_fds", fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as f64),
        ];
        for (name, value) in process {
            let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
        }
        let _ = writeln!(text, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {}", processor());
        text
    }
}

fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4_096.0
}

/// Seconds, of ticks of a hundredth.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>();
    ticks / 100.0
}
