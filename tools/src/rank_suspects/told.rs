//! What is told of a ranking: few lines, the most suspicious first.

use std::fmt;

use analysis::suspects::{Direction, MetricSuspect, ServiceSuspect, Signal};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::text;

/// A service as it is told.
#[derive(Debug, Serialize)]
pub(super) struct ServiceLine {
    pub(super) service: String,
    /// By what it is ranked.
    pub(super) score: f64,
    pub(super) since: Option<DateTime<Utc>>,
    /// Its metrics that stand out.
    pub(super) metrics: usize,
    pub(super) explained_by: Option<String>,
    pub(super) explains: Vec<String>,
}

/// A metric as it is told.
#[derive(Debug, Serialize)]
pub(super) struct MetricLine {
    pub(super) service: String,
    pub(super) metric: String,
    /// The labels that tell it from others of its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) labels: String,
    pub(super) signal: Signal,
    pub(super) direction: Direction,
    /// Robust standard deviations from its past.
    pub(super) score: f64,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) baseline: f64,
    pub(super) peak: f64,
    pub(super) present: Option<f64>,
}

impl From<&ServiceSuspect> for ServiceLine {
    fn from(suspect: &ServiceSuspect) -> Self {
        Self {
            service: suspect.service.clone(),
            score: short(suspect.score),
            since: moment(suspect.since),
            metrics: suspect.metrics,
            explained_by: suspect.explained_by.clone(),
            explains: suspect.explains.clone(),
        }
    }
}

impl MetricLine {
    /// A metric, and the labels that are its own.
    pub(super) fn of(suspect: &MetricSuspect, labels: &str) -> Self {
        Self {
            service: suspect.service.clone(),
            metric: text::one_line(&text::clean(&suspect.metric), 80),
            labels: text::one_line(&text::clean(labels), 80),
            signal: suspect.signal,
            direction: suspect.direction,
            score: short(suspect.score),
            since: moment(suspect.since),
            baseline: short(suspect.baseline),
            peak: short(suspect.peak),
            present: suspect.present.map(short),
        }
    }
}

impl fmt::Display for ServiceLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metrics = if self.metrics == 1 { "metric" } else { "metrics" };
        write!(out, "{} (score {}, {} {metrics}{})", self.service, self.score, self.metrics, since(self.since))?;
        if let Some(by) = &self.explained_by {
            write!(out, ", explained by {by}")?;
        }
        if !self.explains.is_empty() {
            let named = self.explains.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = self.explains.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            write!(out, ", explains {named}{more}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MetricLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = if self.labels.is_empty() { String::new() } else { format!("{{{}}}", self.labels) };
        write!(out, "{} {}{labels} ", self.service, self.metric)?;
        match (self.direction, self.present) {
            (Direction::Appeared, _) => write!(out, "appeared, {} at most", self.peak)?,
            (Direction::Vanished, _) | (_, None) => write!(out, "vanished, was {}", self.baseline)?,
            (Direction::Up | Direction::Down, Some(present)) => {
                write!(out, "{} → {present}", self.baseline)?;
                if self.peak != present {
                    write!(out, ", {} at its worst", self.peak)?;
                }
                write!(out, " ({} sigma)", self.score)?;
            }
        }
        out.write_str(&since(self.since))
    }
}

fn since(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| format!(", since {}", at.format("%H:%M:%S")))
}

fn moment(seconds: f64) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date fit")]
    DateTime::from_timestamp_millis((seconds * 1_000.0).round() as i64)
}

/// Three digits that count.
fn short(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}
