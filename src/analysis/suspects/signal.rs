//! What a metric tells of: the four golden signals (Site Reliability Engineering, chapter 6), read from its name and labels.

use serde::Serialize;

use super::{departure::Direction, series::Labels};

/// What a metric tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests that fail, restarts, availability: somebody is not served.
    Errors,
    /// How long something takes.
    Latency,
    /// How full something is: processor, memory, connections, queues.
    Saturation,
    /// How much is asked for.
    Traffic,
    /// The name does not say.
    Other,
}

/// Parts of names by what they tell of, the most telling signal first.
const WORDS: [(Signal, &[&str]); 6] = [
    // Time of a processor is no waiting, and memory that is available is no availability.
    (
        Signal::Saturation,
        &[
            "cpu",
            "memory",
            "mem",
            "heap",
            "rss",
            "filesystem",
            "fs",
            "disk",
            "diskio",
            "blkio",
            "iops",
            "gc",
            "goroutines",
            "threads",
        ],
    ),
    (
        Signal::Errors,
        &[
            "error",
            "errors",
            "fail",
            "failed",
            "failure",
            "failures",
            "exception",
            "exceptions",
            "timeout",
            "timeouts",
            "timedout",
            "retry",
            "retries",
            "retransmits",
            "rejected",
            "dropped",
            "drop",
            "drops",
            "aborted",
            "panic",
            "panics",
            "restarts",
            "restart",
            "oom",
            "ooms",
            "availability",
            "success",
            "unhealthy",
            "healthy",
            "health",
            "up",
            "unavailable",
            "refused",
            "reconnects",
            "evicted",
            "crash",
            "crashes",
            "deadlocks",
        ],
    ),
    (
        Signal::Latency,
        &["latency", "latencies", "lat", "duration", "delay", "lag", "rtt", "seconds", "milliseconds", "ms", "elapsed"],
    ),
    (
        Signal::Traffic,
        &[
            "request",
            "requests",
            "calls",
            "hits",
            "ops",
            "qps",
            "rps",
            "tps",
            "received",
            "sent",
            "transmitted",
            "receive",
            "transmit",
            "throughput",
            "workload",
            "load",
            "lod",
            "messages",
            "ingested",
            "published",
            "consumed",
            "queries",
            "commits",
            "transactions",
            "reads",
            "writes",
            "read",
            "write",
            "events",
            "network",
            "bandwidth",
            "packets",
        ],
    ),
    (
        Signal::Saturation,
        &[
            "usage",
            "used",
            "utilization",
            "utilisation",
            "util",
            "saturation",
            "connections",
            "conns",
            "pool",
            "queue",
            "queued",
            "pending",
            "backlog",
            "waiting",
            "waiters",
            "throttled",
            "throttling",
            "flight",
            "inflight",
            "active",
            "busy",
            "fds",
            "socket",
            "sockets",
            "depth",
            "occupancy",
            "open",
        ],
    ),
    (Signal::Traffic, &["count", "total", "bytes"]),
];

/// Words that say how full something is although the name also says what it is full of: requests in flight.
const FULL: [&str; 9] =
    ["flight", "inflight", "pending", "queued", "queue", "backlog", "waiting", "active", "throttled"];
/// Labels that hold the outcome of a request.
const OUTCOMES: [&str; 11] = [
    "status",
    "code",
    "status_code",
    "http_status",
    "response_code",
    "http_status_code",
    "http_response_status_code",
    "grpc_code",
    "grpc_status",
    "outcome",
    "result",
];
/// Outcomes that are errors and no numbers.
const FAILED: [&str; 9] = [
    "error",
    "failure",
    "failed",
    "timeout",
    "exception",
    "unavailable",
    "internal",
    "server_error",
    "deadlineexceeded",
];

impl Signal {
    /// What a metric of this name and these labels tells of.
    pub fn of(name: &str, labels: &Labels) -> Self {
        if OUTCOMES.iter().filter_map(|label| labels.get(*label)).any(|outcome| failed(outcome)) {
            return Self::Errors;
        }
        let words = words(name);
        if words.iter().any(|word| FULL.contains(&word.as_str())) {
            return Self::Saturation;
        }
        let told = |(_, list): &&(Self, &[&str])| words.iter().any(|word| list.contains(&word.as_str()));
        WORDS.iter().find(told).map_or(Self::Other, |(signal, _)| *signal)
    }
}

/// Words of what is good to have much of.
const GOOD: [&str; 15] = [
    "availability",
    "available",
    "avail",
    "success",
    "successes",
    "successful",
    "succeeded",
    "healthy",
    "health",
    "up",
    "ready",
    "free",
    "idle",
    "uptime",
    "memavailable",
];

/// Whether more of it is worse.
pub(super) fn harmful_upwards(name: &str) -> bool {
    !words(name).iter().any(|word| GOOD.contains(&word.as_str()))
}

/// How much a departure speaks for the service itself being ill, between 0 and 1. What is asked of it less comes from those that
/// ask, and what becomes better is no illness.
pub(super) fn weight(signal: Signal, direction: Direction, harmful_upwards: bool) -> f64 {
    let harmful = match direction {
        Direction::Up | Direction::Appeared => harmful_upwards,
        Direction::Down => !harmful_upwards,
        Direction::Vanished => return 0.5,
    };
    let weight = match (signal, harmful) {
        (Signal::Errors | Signal::Latency, true) => 1.0,
        (Signal::Saturation, true) => 0.9,
        (Signal::Other, _) => 0.7,
        (Signal::Traffic, true) => 0.6,
        (Signal::Errors | Signal::Latency | Signal::Saturation | Signal::Traffic, false) => 0.3,
    };
    match (direction, signal) {
        // Errors that are counted for the first time are errors; anything else that is new may be a new instance.
        (Direction::Appeared, Signal::Latency | Signal::Saturation | Signal::Traffic | Signal::Other) => weight * 0.4,
        (Direction::Appeared, Signal::Errors) | (Direction::Up | Direction::Down | Direction::Vanished, _) => weight,
    }
}

/// Words of what a service sees of those that it asks: their errors and their slowness, not its own.
const SEEN: [&str; 8] = ["client", "upstream", "outgoing", "outbound", "downstream", "remote", "egress", "dependency"];

/// Whether a metric tells of those that its service asks.
pub(super) fn of_others(name: &str) -> bool {
    words(name).iter().any(|word| SEEN.contains(&word.as_str()))
}

/// Words of what a service has for itself: that it is full comes of no call to another.
const RESOURCES: [&str; 12] =
    ["cpu", "memory", "mem", "heap", "rss", "filesystem", "fs", "disk", "diskio", "blkio", "iops", "gc"];

/// Whether a metric tells of something that a service has for itself.
pub(super) fn of_resource(name: &str) -> bool {
    words(name).iter().any(|word| RESOURCES.contains(&word.as_str()))
}

/// What remains of the weight of a metric that tells of those that its service asks.
pub(super) const OTHERS: f64 = 0.6;

/// A departure of less weight is no harm by itself.
pub(super) const HARMFUL: f64 = 0.31;

/// A departure of at least this weight makes a service ill; others only show that something is different.
pub(super) const ILL: f64 = 0.6;

/// How well a departure fits what shows at the service that alerts, between 0 and 1: errors come of errors, slowness of
/// slowness, and either of a resource that is full.
pub(super) fn fits(signal: Signal, symptom: Option<Signal>) -> f64 {
    match (symptom, signal) {
        (Some(Signal::Errors), Signal::Latency) => 0.4,
        (Some(Signal::Latency), Signal::Errors) => 0.7,
        (Some(Signal::Errors | Signal::Latency), Signal::Saturation | Signal::Other) => 0.8,
        (Some(Signal::Errors | Signal::Latency), Signal::Traffic) => 0.6,
        (Some(Signal::Errors), Signal::Errors) | (Some(Signal::Latency), Signal::Latency) => 1.0,
        (None | Some(Signal::Saturation | Signal::Traffic | Signal::Other), _) => 1.0,
    }
}

fn failed(outcome: &str) -> bool {
    let code =
        outcome.len() == 3 && outcome.starts_with('5') && outcome.chars().skip(1).all(|digit| digit.is_ascii_digit());
    code || outcome.eq_ignore_ascii_case("5xx") || FAILED.iter().any(|failed| outcome.eq_ignore_ascii_case(failed))
}

/// The words of a name, small: parted at what is no letter or digit, and where a capital follows a small letter.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for letter in name.chars() {
        let parts = !letter.is_alphanumeric() || (small && letter.is_uppercase());
        if parts {
            words.push(String::new());
        }
        small = letter.is_lowercase() || letter.is_ascii_digit();
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_tell_the_signal() {
        let status = |status: &str| Labels::from([("status".to_owned(), status.to_owned())]);
        let none = Labels::new();
        let told = |name: &str| Signal::of(name, &none);
        assert_eq!(told("process_cpu_seconds_total"), Signal::Saturation);
        assert_eq!(told("http_request_duration_seconds"), Signal::Latency);
        assert_eq!(told("PodServerLatencyP90(s)"), Signal::Latency);
        assert_eq!(told("http_requests_in_flight"), Signal::Saturation);
        assert_eq!(told("feature_fetch_errors_total"), Signal::Errors);
        assert_eq!(told("up"), Signal::Errors);
        assert_eq!(told("node_memory_MemAvailable_bytes"), Signal::Saturation);
        assert_eq!(told("quotes_ingested_total"), Signal::Traffic);
        assert_eq!(told("temperature"), Signal::Other);
        assert_eq!(Signal::of("http_requests_total", &status("503")), Signal::Errors);
        assert_eq!(Signal::of("http_requests_total", &status("200")), Signal::Traffic);
        assert_eq!(
            Signal::of("rpcs_total", &Labels::from([("grpc_code".into(), "Unavailable".into())])),
            Signal::Errors
        );
    }
}
