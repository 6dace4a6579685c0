//! JSON lines: the logs of a segment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::metrics::LineError;

/// One recorded line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) line: String,
    /// Whether it was written to stderr.
    pub(crate) stderr: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    ts: DateTime<Utc>,
    labels: BTreeMap<String, String>,
    line: String,
    stream: Option<Stream>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Stream {
    Stdout,
    Stderr,
}

/// Reads one JSON object a line; the lines by `service`, each by time.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Vec<LogLine>>, LineError> {
    let mut services: BTreeMap<String, Vec<LogLine>> = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let fail = |problem: String| (index + 1, problem);
        let record: Record = serde_json::from_str(line).map_err(|error| {
            fail(format!(
                "{error}; a line is {{\"ts\":RFC 3339,\"labels\":{{…}},\"line\":…,\"stream\":\"stdout|stderr\"}}"
            ))
        })?;
        let Some(service) = record.labels.get("service").cloned() else {
            return Err(fail("there is no label `service`".to_owned()));
        };
        let at = record.ts.timestamp_nanos_opt().ok_or_else(|| fail("the time is beyond the year 2262".to_owned()))?;
        let stderr = record.stream == Some(Stream::Stderr);
        services.entry(service).or_default().push(LogLine { at, labels: record.labels, line: record.line, stderr });
    }
    for lines in services.values_mut() {
        lines.sort_by_key(|line| line.at);
    }
    Ok(services)
}
