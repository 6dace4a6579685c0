//! The lines of a service over a time, oldest first, within bounds of lines and bytes.

use std::collections::BTreeMap;

use analysis::patterns::joined;
use chrono::{DateTime, Utc};

use crate::{
    Failure, Service,
    reach::{Docker, Loki, LokiAnswer},
};

/// Lines of one question to Loki; more it does not give by default.
const PAGE: usize = 5_000;
/// Questions, and lines and bytes in all: what is older is left out and said so.
const PAGES: usize = 12;
const LINES: usize = PAGE * PAGES;
const BYTES: usize = 24 << 20;

/// Lines as they were written, by stream.
pub(super) struct Lines {
    streams: BTreeMap<String, Vec<(DateTime<Utc>, String)>>,
    /// From when on they are whole.
    pub from: DateTime<Utc>,
    /// What was left out.
    pub says: Vec<String>,
}

/// The events of one part of it.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pub events: Vec<String>,
    pub lines: usize,
}

impl Lines {
    /// Before a moment and from it on; a stack trace is one event.
    pub(super) fn divided(&self, at: DateTime<Utc>) -> (Stretch, Stretch) {
        let (mut before, mut after) = (Stretch::default(), Stretch::default());
        for lines in self.streams.values() {
            let split = lines.partition_point(|(moment, _)| *moment < at);
            let (older, newer) = lines.split_at(split);
            for (part, lines) in [(&mut before, older), (&mut after, newer)] {
                part.lines += lines.len();
                part.events
                    .extend(joined(lines.iter().map(|(_, line)| line.as_str())).into_iter().map(|(_, event)| event));
            }
        }
        (before, after)
    }
}

/// From Loki, newest first, page by page.
pub(super) async fn by_loki(
    loki: &Loki,
    selector: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Lines, Failure> {
    let mut streams: BTreeMap<String, Vec<(DateTime<Utc>, String)>> = BTreeMap::new();
    let (mut end, mut lines, mut bytes) = (until, 0, 0);
    let mut whole_from = from;
    let mut says = Vec::new();
    for page in 0.. {
        let (answer, _) = loki.query_range(selector, from, end, PAGE, 60).await?;
        let LokiAnswer::Lines(found) = answer else {
            return Err(Failure::Tell(format!("the log selector {selector} is no selector of lines")));
        };
        let (count, oldest) = (found.len(), found.iter().map(|(at, ..)| *at).min());
        let full = count >= PAGE;
        // Of the oldest moment of a full page there may be more lines than fitted: all of them come with the next page.
        let again = oldest.filter(|oldest| full && found.iter().any(|(at, ..)| at > oldest));
        let mut kept = 0;
        for (at, labels, line) in found.into_iter().filter(|(at, ..)| Some(*at) != again) {
            kept += 1;
            bytes += line.len();
            let stream =
                labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
            streams.entry(stream).or_default().push((DateTime::from_timestamp_nanos(at), line));
        }
        lines += kept;
        let Some(oldest) = oldest.filter(|_| full) else { break };
        // One moment that fills a page cannot be read to its end: the page after it begins before it.
        let next = DateTime::from_timestamp_nanos(oldest + i64::from(again.is_some()));
        if again.is_none() {
            says.push(format!("more than {PAGE} lines are of one moment; some of them are left out"));
        }
        let oldest = DateTime::from_timestamp_nanos(oldest);
        if page + 1 >= PAGES || bytes >= BYTES {
            whole_from = oldest;
            says.push(format!(
                "{lines} lines were read, back to {}; older ones are left out",
                oldest.format("%H:%M:%S")
            ));
            break;
        }
        end = next;
    }
    for lines in streams.values_mut() {
        lines.reverse();
        lines.sort_by_key(|(at, _)| *at);
    }
    Ok(Lines { streams, from: whole_from, says })
}

/// From the containers themselves, stopped ones too.
pub(super) async fn by_docker(
    docker: &Docker,
    service: &Service,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Lines, Failure> {
    let mut streams = BTreeMap::new();
    let mut says = Vec::new();
    let mut whole_from = from;
    for container in docker.of_service(service).await? {
        let id = container.id.unwrap_or_default();
        let (read, cut) = docker.newest_logs(&id, from, LINES).await?;
        let full = cut || read.len() >= LINES;
        let mut lines: Vec<(DateTime<Utc>, String)> = Vec::with_capacity(read.len());
        for (_, line) in read {
            // Docker puts the moment before the line.
            let (stamp, rest) = line.split_once(' ').unwrap_or(("", &line));
            let at = stamp.parse().ok().or(lines.last().map(|(at, _)| *at));
            if let Some(at) = at.filter(|at| *at <= until) {
                lines.push((at, rest.trim_end().to_owned()));
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        if let Some((oldest, _)) = lines.first().filter(|_| full) {
            whole_from = whole_from.max(*oldest);
            says.push(format!("older lines than {} are left out", oldest.format("%H:%M:%S")));
        }
        streams.insert(id, lines);
    }
    Ok(Lines { streams, from: whole_from, says })
}
