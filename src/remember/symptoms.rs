//! What was seen of an incident before anything was changed, one line each: what the next one like it will look like.

use serde_json::Value;
use tools::Touches;

use super::line;
use crate::{
    alert::Alert,
    incident::{AnswerStatus, CallState, Entry, Event, Incident},
};

/// Lines that are kept of one incident.
const SYMPTOMS: usize = 48;
/// Characters of a line.
const LINE: usize = 300;
/// Lines of one answer.
const OF_ANSWER: usize = 8;
/// Alerts that are told; a group may hold hundreds.
const ALERTS: usize = 5;
/// Labels that name one replica, one address or one sender, and so tell nothing of the next incident.
pub(crate) const PASSING: [&str; 12] = [
    "alertname",
    "instance",
    "pod",
    "pod_name",
    "node",
    "host",
    "hostname",
    "container_id",
    "id",
    "uid",
    "replica",
    "prometheus",
];
/// Annotations of one alert that are kept, and those that are the first by the custom of rules' authors.
const ANNOTATIONS: usize = 6;
const FIRST: [&str; 4] = ["summary", "description", "message", "title"];
/// Annotations that are links, not words.
const LINKS: [&str; 3] = ["runbook_url", "dashboard_url", "generator_url"];
/// How a line of `log_patterns` begins that tells of one pattern; the others tell of the reading.
const PATTERNS: [&str; 4] = ["new ", "much more often ", "vanished ", "much more seldom "];

pub(super) fn of(incident: &Incident, entries: &[Entry]) -> Vec<String> {
    let mut lines = Vec::new();
    for joined in incident.alerts.iter().take(ALERTS) {
        alert(&joined.alert, &mut lines);
    }
    let changed = incident.changes().find(|(_, change)| change.touches == Touches::Service);
    let until = changed.map_or(u64::MAX, |(_, change)| change.seq);
    for entry in entries.iter().filter(|entry| entry.seq < until) {
        let Event::Answered { call, tool, text, data, status: AnswerStatus::Ok, .. } = &entry.event else {
            continue;
        };
        let of = incident.call(call).and_then(of_service);
        match tool.as_str() {
            "inspect_container" => lines.extend(container(of, data)),
            "check_health" => lines.extend(health(of, data)),
            "rank_suspects" => lines.extend(suspects(data)),
            "log_patterns" => lines.extend(patterns(text)),
            _ => {}
        }
    }
    let mut kept: Vec<String> = Vec::new();
    for told in lines.iter().map(|told| line(told, LINE)) {
        if kept.len() < SYMPTOMS && !told.is_empty() && !kept.contains(&told) {
            kept.push(told);
        }
    }
    kept
}

fn alert(alert: &Alert, lines: &mut Vec<String>) {
    let telling = |name: &&String| !PASSING.contains(&name.as_str());
    let labels: Vec<_> =
        alert.labels.iter().filter(|(name, _)| telling(name)).map(|(name, value)| format!("{name}={value}")).collect();
    lines.push(format!("alert {} {}", alert.name(), labels.join(" ")));
    let words = alert.annotations.iter().filter(|(name, _)| !LINKS.contains(&name.as_str()));
    let (first, others): (Vec<_>, Vec<_>) = words.partition(|(name, _)| FIRST.contains(&name.as_str()));
    let kept = first.into_iter().chain(others).take(ANNOTATIONS);
    lines.extend(kept.map(|(name, value)| format!("{name}: {value}")));
}

fn of_service(state: &CallState) -> Option<&str> {
    state.call.args.get("service").and_then(Value::as_str)
}

/// The state of a container in the words of Docker.
fn container(of: Option<&str>, data: &Value) -> Option<String> {
    let state = data.get("state")?.as_str()?;
    let mut told = vec![state.to_owned()];
    let flag = |field: &str| data.get(field).and_then(Value::as_bool) == Some(true);
    if !flag("running")
        && let Some(code) = data.get("exit_code").and_then(Value::as_i64)
    {
        told.push(format!("exit code {code}"));
    }
    if flag("oom_killed") {
        told.push("killed for want of memory".to_owned());
    }
    if let Some(health) = data.get("health").and_then(Value::as_str).filter(|health| *health != "none") {
        told.push(format!("health check {health}"));
    }
    if let Some(restarts) = data.get("restarts").and_then(Value::as_i64).filter(|count| *count > 0) {
        told.push(format!("restarted {restarts} times"));
    }
    if let Some(error) = data.get("error").and_then(Value::as_str).filter(|error| !error.is_empty()) {
        told.push(error.to_owned());
    }
    Some(format!("container of {}: {}", of.unwrap_or("?"), told.join(", ")))
}

fn health(of: Option<&str>, data: &Value) -> Option<String> {
    let outcome = data.get("outcome")?.as_str()?;
    Some(format!("health of {}: {outcome}", of.unwrap_or("?")))
}

/// Which metrics left their past, and how; not by how much, which differs each time.
fn suspects(data: &Value) -> impl Iterator<Item = String> {
    let metrics = data.get("metrics").and_then(Value::as_array).into_iter().flatten();
    let told = metrics.filter_map(|suspect| {
        let word = |field: &str| suspect.get(field).and_then(Value::as_str);
        let labels = word("labels").map(|labels| format!("{{{labels}}}")).unwrap_or_default();
        Some(format!("suspect: {} {}{labels} {}", word("service")?, word("metric")?, word("direction")?))
    });
    told.take(OF_ANSWER)
}

/// What the log says that it did not say before: each pattern behind its count.
fn patterns(text: &str) -> impl Iterator<Item = String> {
    let told = text.lines().filter_map(|line| {
        let kind = PATTERNS.iter().find(|kind| line.starts_with(*kind))?;
        let (_, said) = line.split_once("): ")?;
        Some(format!("log, {}: {said}", kind.trim()))
    });
    told.take(OF_ANSWER)
}
