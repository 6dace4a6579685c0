//! `read_container_logs`: the logs of a service, from the containers themselves.

use std::{collections::BTreeSet, fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    container::ContainerView,
    log_lines::{LogLine, collapsed, errors},
    reach::Docker,
    service, text,
};

/// Lines at most.
const MOST: usize = 400;

/// Reads the newest log lines of a service's containers, stopped ones too. Works without Loki.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "minutes_back": 15, "containing": "error"}]))]
pub struct ReadContainerLogsArgs {
    /// A service of the catalogue.
    pub service: String,
    /// How far back, in minutes; 15 if not given.
    pub minutes_back: Option<u32>,
    /// How many lines of each container, newest kept; 60 if not given, 400 at most.
    pub lines: Option<usize>,
    /// Only lines that hold this text (upper and lower case are the same).
    pub containing: Option<String>,
}

/// Reads logs.
pub struct ReadContainerLogs {
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct ContainerLogs {
    containers: Vec<ContainerLog>,
    /// Lines read that fit.
    matched: usize,
    /// Of those, lines that tell of an error.
    error_lines: usize,
    minutes_back: u32,
}

#[derive(Debug, Serialize)]
struct ContainerLog {
    name: String,
    lines: Vec<String>,
    /// Older lines that were left out.
    left_out: usize,
}

impl ReadContainerLogs {
    /// A tool over this Docker; without one every call says so.
    pub fn new(docker: Option<Arc<Docker>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { docker, catalogue, clock }
    }
}

impl Tool for ReadContainerLogs {
    const NAME: &'static str = "read_container_logs";
    type Args = ReadContainerLogsArgs;
    type Output = ContainerLogs;

    async fn run(&self, args: &Self::Args) -> Result<Seen<ContainerLogs>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let docker = service::docker(&self.docker)?;
        let most = args.lines.unwrap_or(60).clamp(1, MOST);
        let minutes_back = args.minutes_back.unwrap_or(15).max(1);
        let since = self.clock.now() - TimeDelta::minutes(i64::from(minutes_back));
        let wanted = args.containing.as_ref().map(|text| text.to_lowercase());
        // A filter looks at more than it gives.
        let tail = if wanted.is_some() { 5_000 } else { most + 1 };
        let mut logs = ContainerLogs { containers: Vec::new(), matched: 0, error_lines: 0, minutes_back };
        let mut raw = Vec::new();
        for container in docker.of_service(&service).await? {
            let read = docker.logs(container.id.as_deref().unwrap_or_default(), since, tail).await?;
            let mut lines = lines(&read);
            lines.retain(|line| wanted.as_ref().is_none_or(|wanted| line.text.to_lowercase().contains(wanted)));
            let left_out = lines.len().saturating_sub(most);
            let kept = lines.split_off(left_out);
            logs.matched += kept.len();
            logs.error_lines += errors(&kept);
            raw.extend(kept.iter().map(|line| Value::String(text::clean(&line.text))));
            logs.containers.push(ContainerLog {
                name: ContainerView::of(&container).name,
                lines: collapsed(&kept),
                left_out,
            });
        }
        Ok(Seen { output: logs, raw: service::raw(&raw) })
    }
}

/// A container's lines in the order in which they were written, cleaned; each stream as a whole, since a key takes several lines.
fn lines(read: &[(&'static str, String)]) -> Vec<LogLine> {
    let mut lines: Vec<_> = read.iter().map(|(stream, line)| parsed(stream, line)).collect();
    lines.sort_by_key(|(at, ..)| *at);
    for stream in lines.iter().map(|(_, stream, _)| *stream).collect::<BTreeSet<_>>() {
        text::clean_log(lines.iter_mut().filter(|(_, of, _)| *of == stream).map(|(.., text)| text));
    }
    lines.into_iter().map(|(at, stream, text)| told(at, stream, &text)).collect()
}

/// Docker puts the moment before the line.
fn parsed<'a>(stream: &'a str, line: &str) -> (Option<DateTime<Utc>>, &'a str, String) {
    let (stamp, rest) = line.split_once(' ').unwrap_or(("", line));
    let at: Option<DateTime<Utc>> = stamp.parse().ok();
    (at, stream, if at.is_some() { rest } else { line }.to_owned())
}

/// The stream is told where it is not the usual one.
fn told(at: Option<DateTime<Utc>>, stream: &str, text: &str) -> LogLine {
    let mark = if stream == "stderr" { "! " } else { "" };
    let at = at.map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
    LogLine { at, text: format!("{mark}{text}") }
}

impl fmt::Display for ContainerLogs {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.minutes_back;
        write!(
            out,
            "{} lines, {} of them tell of errors, in the last {minutes} minutes (! is stderr)",
            self.matched, self.error_lines
        )?;
        for log in &self.containers {
            write!(out, "\n{}:", log.name)?;
            if log.left_out > 0 {
                write!(out, " [older lines are left out]")?;
            }
            for line in &log.lines {
                write!(out, "\n{line}")?;
            }
        }
        Ok(())
    }
}
