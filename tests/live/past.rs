//! The hour before the suite: what the service's own metrics would have been, told to Prometheus as promtool fills it.
//!
//! A Prometheus that is minutes old has nothing to compare with, and nothing to leave out.

use std::{
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use tokio::process::Command;

/// Seconds between two points of the past.
const STEP: i64 = 15;
/// Points of each series: an hour.
const POINTS: i64 = 240;
/// Seconds between the past's last point and now: what comes later is Prometheus's own.
const PAUSE: i64 = 5;

/// Writes an hour of these metrics, as a scrape tells them, into a Prometheus's folder, for each job by its port.
pub(crate) async fn write(exposition: &str, jobs: &[(&str, u16)], now: DateTime<Utc>, data: &Path) -> Result<()> {
    let file = data.with_extension("past.om");
    let of_job = |(job, port): &(&str, u16)| samples(exposition, job, *port, now.timestamp() - PAUSE);
    let all: String = jobs.iter().map(of_job).collect();
    std::fs::write(&file, format!("{all}# EOF\n"))?;
    fill(&file, data).await
}

/// Makes blocks of a Prometheus of the samples in a file.
pub(crate) async fn fill(samples: &Path, data: &Path) -> Result<()> {
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([samples, data])
        .output()
        .await
        .context("promtool")?;
    ensure!(made.status.success(), "promtool: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

fn samples(exposition: &str, job: &str, port: u16, end: i64) -> String {
    let mut text = String::new();
    let of_job = format!("job=\"{job}\",instance=\"127.0.0.1:{port}\"");
    let mut counter = false;
    let series = |text: &mut String, name: &str, value: &dyn Fn(i64) -> f64| {
        for point in 0..POINTS {
            let at = end - (POINTS - 1 - point) * STEP;
            let _ = writeln!(text, "{name} {} {at}", value(point));
        }
    };
    for line in exposition.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            counter = !kind.ends_with(" gauge");
        }
        let Some((name, value)) = line.split_once(' ').filter(|_| !line.starts_with('#')) else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let name = match name.split_once('{') {
            Some((name, labels)) => format!("{name}{{{of_job},{labels}"),
            None => format!("{name}{{{of_job}}}"),
        };
        if counter {
            // One wave for all, so that the buckets of a histogram stay in order; it never falls.
            series(&mut text, &name, &|point| value * (point as f64 + 0.8 * (point as f64 / 5.0).sin()).max(0.0));
        } else {
            let phase = phase(&name);
            series(&mut text, &name, &|point| value * (1.0 + 0.05 * (point as f64 + phase).sin()));
        }
    }
    series(&mut text, &format!("up{{{of_job}}}"), &|_| 1.0);
    text
}

/// Gauges do not swing together.
fn phase(name: &str) -> f64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % 628) as f64 / 100.0
}
