//! Ranking 5,000 series of 240 points: at most 150 ms and 50 MB.
#![allow(
    missing_docs,
    clippy::print_stdout,
    reason = "a bench prints what it measured; criterion writes its own functions"
)]

use std::collections::BTreeSet;

use analysis::suspects::{Edge, Labels, Question, Series, Windows, rank};
use criterion::{Criterion, criterion_group, criterion_main};

const SERIES: u32 = 5_000;
const POINTS: u32 = 240;
const STEP: f64 = 15.0;

struct Made {
    name: String,
    service: String,
    labels: Labels,
    samples: Vec<(f64, f64)>,
}

/// Gauges, counters and histograms of forty services; of one of them a tenth goes wrong near the end.
fn made() -> Vec<Made> {
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        f64::from(u32::try_from(noise >> 40).unwrap_or_default()) / f64::from(1_u32 << 24)
    };
    let one = |index: u32| {
        let (service, kind) = (index / 125, index % 5);
        let mut labels = Labels::from([("instance".to_owned(), format!("10.0.0.{}:80", index % 125 / 5))]);
        let name = match kind {
            0 => format!("queue_{}_depth", index % 25),
            1 => format!("requests_{}_total", index % 25),
            _ => {
                let bound = ["0.1", "1", "+Inf"].get(usize::try_from(kind - 2).unwrap_or_default());
                labels.insert("le".to_owned(), bound.copied().unwrap_or("+Inf").to_owned());
                "request_duration_seconds_bucket".to_owned()
            }
        };
        let mut sum = 0.0;
        let sample = |point: u32| {
            let late = if service == 7 && point > 210 { 5.0 } else { 1.0 };
            let value = random() * late;
            sum += value;
            (f64::from(point) * STEP, if kind == 0 { value } else { sum })
        };
        Made { name, service: format!("service-{service}"), labels, samples: (0..POINTS).map(sample).collect() }
    };
    let mut one = one;
    (0..SERIES).map(&mut one).collect()
}

/// Kilobytes of memory used at most so far, as Linux tells it.
fn memory_most() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn suspects(criterion: &mut Criterion) {
    let before = memory_most();
    let made = made();
    let series: Vec<_> = made
        .iter()
        .map(|made| Series {
            name: &made.name,
            service: &made.service,
            labels: &made.labels,
            kind: None,
            samples: &made.samples,
        })
        .collect();
    let edges: BTreeSet<_> =
        (0..39).map(|index| Edge::new(format!("service-{index}"), format!("service-{}", index + 1))).collect();
    let end = f64::from(POINTS) * STEP;
    let windows = Windows::new(0.0..end * 0.8, end * 0.8..end).ok();
    let Some(windows) = windows else { return };
    let question = Question { windows, edges: &edges, alerting: Some("service-0"), symptom: None };
    let loaded = memory_most();
    let ranking = rank(&series, &question);
    println!(
        "{} of {} stand out; memory at most {} kB: {} kB the series, {} kB the ranking",
        ranking.metrics.len(),
        ranking.looked_at,
        memory_most(),
        loaded - before,
        memory_most() - loaded
    );
    criterion.bench_function("rank 5,000 series of 240 points", |bench| bench.iter(|| rank(&series, &question)));
}

criterion_group!(benches, suspects);
criterion_main!(benches);
