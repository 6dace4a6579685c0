//! `search_loki`: log lines and figures about them, by LogQL.

use std::{collections::BTreeMap, fmt, sync::Arc};

use chrono::{DateTime, TimeDelta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    log_lines::{LogLine, collapsed, errors},
    reach::{Loki, LokiAnswer},
    service,
    shape::Shapes,
    text,
};

/// Lines at most.
const MOST: usize = 500;
/// Series told of one answer.
const SERIES: usize = 20;

/// Searches Loki: give a service of the catalogue (its selector is added) or a whole LogQL query. A metric query, such as
/// `sum by (level) (count_over_time({job="payments"} | json [1m]))`, is answered by the shape of its series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "containing": "timeout", "minutes_back": 15}]))]
pub struct SearchLokiArgs {
    /// A service of the catalogue; its log selector is used.
    pub service: Option<String>,
    /// A whole LogQL query, instead of a service.
    pub query: Option<String>,
    /// Only lines that hold this text; with `service` only.
    pub containing: Option<String>,
    /// How far back, in minutes; 15 if not given.
    pub minutes_back: Option<u32>,
    /// How many minutes ago it ends; not given: now.
    pub until_minutes_ago: Option<u32>,
    /// How many lines, newest kept; 50 if not given, 500 at most.
    pub limit: Option<usize>,
}

/// Searches logs.
pub struct SearchLoki {
    loki: Option<Arc<Loki>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    query: String,
    /// Lines, oldest first.
    lines: Vec<String>,
    /// Lines that Loki gave.
    matched: usize,
    /// Of those, lines that tell of an error.
    error_lines: usize,
    /// Whether there may be more lines than were asked for.
    more: bool,
    /// For a metric query.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Shapes>,
}

impl SearchLoki {
    /// A tool over this Loki; without one every call says so.
    pub fn new(loki: Option<Arc<Loki>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { loki, catalogue, clock }
    }

    fn query(&self, args: &SearchLokiArgs) -> Result<String, Failure> {
        let name = match (&args.query, &args.service) {
            (Some(query), None) => return Ok(query.clone()),
            (None, Some(name)) => name,
            (Some(_), Some(_)) | (None, None) => {
                return Err(Failure::Tell("give either `service` or `query`".to_owned()));
            }
        };
        let selector = service::known(&self.catalogue, name)?.logs.ok_or_else(|| {
            Failure::Tell(format!(
                "{name} has no selector for Loki (`logs` in [services.{name}]); use read_container_logs"
            ))
        })?;
        Ok(match &args.containing {
            // Rust's debug form escapes as LogQL's strings do.
            Some(text) => format!("{selector} |= {text:?}"),
            None => selector,
        })
    }
}

impl Tool for SearchLoki {
    const NAME: &'static str = "search_loki";
    type Args = SearchLokiArgs;
    type Output = Found;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Found>, Failure> {
        let Some(loki) = &self.loki else {
            return Err(Failure::Tell("Loki is not configured ([loki] url); use read_container_logs".to_owned()));
        };
        let query = self.query(args)?;
        let minutes = args.minutes_back.unwrap_or(15).max(1);
        let limit = args.limit.unwrap_or(50).clamp(1, MOST);
        let end = self.clock.now() - TimeDelta::minutes(i64::from(args.until_minutes_ago.unwrap_or(0)));
        let start = end - TimeDelta::minutes(i64::from(minutes));
        let step = (minutes * 60 / 60).max(1);
        // Loki's end is not included; a line of this very moment is wanted.
        let (answer, mut raw) = loki.query_range(&query, start, end + TimeDelta::milliseconds(1), limit, step).await?;
        let output = match answer {
            LokiAnswer::Metric(series) => {
                let series = Some(Shapes::of(&series, step, SERIES));
                Found { query, lines: Vec::new(), matched: 0, error_lines: 0, more: false, series }
            }
            LokiAnswer::Lines(mut lines) => {
                lines.reverse();
                clean_streams(&mut lines);
                clean_raw(&mut raw);
                let lines: Vec<_> = lines
                    .into_iter()
                    .map(|(at, labels, line)| {
                        let stream =
                            labels.get("container").or_else(|| labels.get("service_name")).cloned().unwrap_or_default();
                        let at = DateTime::from_timestamp_nanos(at).format("%H:%M:%S");
                        LogLine { at: format!("{at} {}", text::one_line(&text::clean(&stream), 60)), text: line }
                    })
                    .collect();
                let (matched, error_lines) = (lines.len(), errors(&lines));
                Found { query, lines: collapsed(&lines), matched, error_lines, more: matched >= limit, series: None }
            }
        };
        Ok(Seen { output, raw: service::raw(&raw) })
    }
}

/// Each stream as a whole, since a key takes several lines; the lines come oldest first.
fn clean_streams(lines: &mut [(i64, BTreeMap<String, String>, String)]) {
    let mut streams: BTreeMap<&BTreeMap<String, String>, Vec<&mut String>> = BTreeMap::new();
    for (_, labels, line) in lines {
        streams.entry(labels).or_default().push(line);
    }
    streams.into_values().for_each(text::clean_log);
}

/// The same in Loki's own answer, where the lines of a stream come newest first.
fn clean_raw(raw: &mut Value) {
    for stream in raw.as_array_mut().into_iter().flatten() {
        let values = stream.get_mut("values").and_then(Value::as_array_mut).into_iter().flatten();
        let lines = values.filter_map(|value| match value.get_mut(1) {
            Some(Value::String(line)) => Some(line),
            Some(_) | None => None,
        });
        let lines: Vec<_> = lines.collect();
        text::clean_log(lines.into_iter().rev());
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(series) = &self.series {
            return write!(out, "{}\nquery: {}", series.lines(), self.query);
        }
        writeln!(out, "{} lines, {} of them tell of errors, for {}", self.matched, self.error_lines, self.query)?;
        if self.more {
            writeln!(out, "[older lines may be left out]")?;
        }
        write!(out, "{}", self.lines.join("\n"))
    }
}
