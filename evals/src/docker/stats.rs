//! `/containers/{id}/stats`: from the container's own process metrics, where they were recorded.

use serde_json::{Value, json};

use crate::{
    prometheus::{Answer, Engine},
    world::container::{Container, docker_time},
};

/// The machine's memory in bytes, for containers without a limit.
const MACHINE_MEMORY: u64 = 8 << 30;
/// The machine's processors.
const PROCESSORS: u32 = 4;
/// Nanoseconds between the two readings that Docker compares.
const APART: f64 = 1e9;

/// One reading at `now`, with the one a second before it.
pub(super) fn reading(engine: &Engine, container: &Container, now: i64) -> Value {
    let document = container.inspect(now);
    let limit = document.pointer("/HostConfig/Memory").and_then(Value::as_u64).filter(|limit| *limit > 0);
    let name = &container.name;
    let value = |query: String| first(engine, &query, now);
    let (read, before) = (docker_time(now), docker_time(now - 1000));
    if !container.running {
        return json!({
            "read": "0001-01-01T00:00:00Z", "preread": "0001-01-01T00:00:00Z", "pids_stats": {}, "blkio_stats": {},
            "num_procs": 0, "storage_stats": {}, "cpu_stats": empty_processor(), "precpu_stats": empty_processor(),
            "memory_stats": {}, "name": format!("/{name}"), "id": container.id(),
        });
    }
    let used = value(format!("process_resident_memory_bytes{{job=\"{name}\"}}")).unwrap_or(40e6);
    let spent = value(format!("process_cpu_seconds_total{{job=\"{name}\"}}")).unwrap_or_default() * 1e9;
    let rate = value(format!("rate(process_cpu_seconds_total{{job=\"{name}\"}}[2m])")).unwrap_or_default();
    let threads = value(format!("process_threads{{job=\"{name}\"}}")).unwrap_or(12.0);
    json!({
        "read": read,
        "preread": before,
        "pids_stats": { "current": threads as u64, "limit": 18_446_744_073_709_551_615_u64 },
        "blkio_stats": {},
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": processor(spent, now as f64 * 1e6),
        "precpu_stats": processor((spent - rate * APART).max(0.0), now as f64 * 1e6 - APART * f64::from(PROCESSORS)),
        "memory_stats": {
            "usage": used as u64,
            "stats": { "inactive_file": (used * 0.04) as u64, "active_file": (used * 0.01) as u64, "anon": (used * 0.95) as u64 },
            "limit": limit.unwrap_or(MACHINE_MEMORY),
        },
        "name": format!("/{name}"),
        "id": container.id(),
        "networks": { "eth0": network(engine, name, now) },
    })
}

fn first(engine: &Engine, query: &str, now: i64) -> Option<f64> {
    match engine.instant(query, now).ok()? {
        Answer::Vector(series) => Some(series.first()?.points.first()?.1),
        Answer::Scalar(_) | Answer::Text(_) | Answer::Matrix(_) => None,
    }
}

fn processor(spent: f64, system: f64) -> Value {
    json!({
        "cpu_usage": { "total_usage": spent as u64, "usage_in_kernelmode": (spent * 0.2) as u64, "usage_in_usermode": (spent * 0.8) as u64 },
        "system_cpu_usage": system as u64,
        "online_cpus": PROCESSORS,
        "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 },
    })
}

fn empty_processor() -> Value {
    json!({
        "cpu_usage": { "total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0 },
        "throttling_data": { "periods": 0, "throttled_periods": 0, "throttled_time": 0 },
    })
}

fn network(engine: &Engine, name: &str, now: i64) -> Value {
    let requests = first(engine, &format!("sum(http_requests_total{{job=\"{name}\"}})"), now).unwrap_or_default();
    let (received, sent) = ((requests * 640.0) as u64, (requests * 1_920.0) as u64);
    json!({
        "rx_bytes": received, "rx_packets": received / 600, "rx_errors": 0, "rx_dropped": 0,
        "tx_bytes": sent, "tx_packets": sent / 900, "tx_errors": 0, "tx_dropped": 0,
    })
}
