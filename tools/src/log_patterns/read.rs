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
/// Where that is too much it is asked for a quarter, until it is so few; then for twice as many each time.
const FEWER: usize = 4;
const LEAST: usize = 8;
/// In Loki's words for a query that it does not understand: fewer lines would not help.
const NOT_UNDERSTOOD: &str = "parse error";
/// Questions, and lines and bytes in all: what is older is left out and said so.
const QUESTIONS: usize = 40;
const LINES: usize = 12 * PAGE;
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
    let (mut end, mut lines, mut bytes, mut limit) = (until, 0, 0, PAGE);
    let (mut whole_from, mut crowded) = (from, false);
    let mut says = Vec::new();
    for question in 1.. {
        let found = page(loki, selector, from, end, &mut limit).await?;
        let oldest = found.iter().map(|(at, ..)| *at).min().filter(|_| found.len() >= limit);
        // Of the oldest moment of a full page there may be more lines than fitted: all of them come with the next page.
        let again = oldest.filter(|oldest| found.iter().any(|(at, ..)| at > oldest));
        for (at, labels, line) in found.into_iter().filter(|(at, ..)| Some(*at) != again) {
            lines += 1;
            let stream =
                labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
            let room = if streams.contains_key(&stream) { 0 } else { stream.len() };
            bytes += line.len() + room;
            streams.entry(stream).or_default().push((DateTime::from_timestamp_nanos(at), line));
        }
        let Some(oldest) = oldest else { break };
        // One moment that fills a page cannot be read to its end: the page after it begins before it.
        let next = DateTime::from_timestamp_nanos(oldest.saturating_add(i64::from(again.is_some())));
        crowded |= again.is_none();
        if question >= QUESTIONS || lines + limit > LINES || bytes >= BYTES {
            whole_from = next;
            says.push(format!("{lines} lines were read, back to {}; older ones are left out", next.format("%H:%M:%S")));
            break;
        }
        end = next;
        limit = (limit * 2).min(PAGE);
    }
    if crowded {
        says.push("more lines than can be read at once are of one moment; some are left out".to_owned());
    }
    for lines in streams.values_mut() {
        lines.reverse();
        lines.sort_by_key(|(at, _)| *at);
    }
    Ok(Lines { streams, from: whole_from, says })
}

/// The newest lines before `end`, as many as `limit`, which becomes less where that is too much.
async fn page(
    loki: &Loki,
    selector: &str,
    from: DateTime<Utc>,
    end: DateTime<Utc>,
    limit: &mut usize,
) -> Result<Vec<(i64, BTreeMap<String, String>, String)>, Failure> {
    loop {
        match loki.query_range(selector, from, end, *limit, 60).await {
            Ok((LokiAnswer::Lines(found), _)) => return Ok(found),
            Ok((LokiAnswer::Metric(_), _)) => {
                return Err(Failure::Tell(format!("the log selector {selector} is no selector of lines")));
            }
            // So many lines may be more bytes than an answer may have, or more than Loki is set up to give.
            Err(Failure::Tell(why)) if *limit > LEAST && !why.contains(NOT_UNDERSTOOD) => {
                *limit = (*limit / FEWER).max(LEAST);
            }
            Err(failure) => return Err(failure),
        }
    }
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
    let containers = docker.of_service(service).await?;
    // What a container says is gone with it: before the oldest of them there may have been others.
    let made = containers.iter().map(|container| container.created).min().flatten();
    if let Some(made) = made.filter(|made| *made > from) {
        whole_from = made;
        says.push(format!("its containers were made at {}; what others said before is gone", made.format("%H:%M:%S")));
    }
    let room = BYTES / containers.len().max(1);
    for container in containers {
        let id = container.id.unwrap_or_default();
        let read = docker.newest_logs(&id, from, LINES, room).await?;
        let full = read.cut || read.lines.len() >= LINES;
        let mut lines: Vec<(DateTime<Utc>, String)> = Vec::with_capacity(read.lines.len());
        for (_, line) in read.lines {
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
        }
        streams.insert(id, lines);
    }
    if made.map_or(from, |made| made.max(from)) < whole_from {
        // Before it some containers tell nothing, which would look as if they had been silent.
        streams.values_mut().for_each(|lines| lines.retain(|(at, _)| *at >= whole_from));
        says.push(format!("older lines than {} are left out", whole_from.format("%H:%M:%S")));
    }
    Ok(Lines { streams, from: whole_from, says })
}
