//! Queries for lines.

use std::collections::BTreeMap;

use super::labels::{self, Labels};
use super::pipeline;
use super::store::{Entry, LogStore};
use super::syntax::LogSelector;
use super::working_labels::{Hints, WorkingLabels};

/// What a query for lines asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogRequest {
    /// From this time on, in nanoseconds.
    pub(super) start: i64,
    /// To before this time.
    pub(super) end: i64,
    /// How many lines at most.
    pub(super) limit: usize,
    /// The newest first.
    pub(super) backward: bool,
    /// Streams by the stream's own labels alone, the others beside each line.
    pub(super) categorize: bool,
}

/// A line of the answer.
#[derive(Debug)]
pub(super) struct Line {
    /// When, in nanoseconds.
    pub(super) at: i64,
    /// The text that the pipeline left.
    pub(super) text: String,
    /// Structured metadata.
    pub(super) metadata: Labels,
    /// What the pipeline found.
    pub(super) parsed: Labels,
}

/// Lines that have the same labels.
#[derive(Debug)]
pub(super) struct AnsweredStream {
    /// The labels.
    pub(super) labels: Labels,
    /// The lines, in the order asked for.
    pub(super) lines: Vec<Line>,
}

/// Runs a query; also says how many lines were looked at.
pub(super) fn run(store: &LogStore, selector: &LogSelector, request: LogRequest) -> (Vec<AnsweredStream>, usize) {
    let mut candidates: Vec<(&Labels, &Entry)> = store
        .select(&selector.matchers)
        .flat_map(|(labels, stream)| stream.between(request.start, request.end).map(move |entry| (labels, entry)))
        .collect();
    candidates.sort_by_key(|(_, entry)| entry.at);
    if request.backward {
        candidates.reverse();
    }
    // Loki orders streams by the text of their labels.
    let mut streams: BTreeMap<String, AnsweredStream> = BTreeMap::new();
    let (mut found, mut looked_at) = (0, 0);
    for (stream, entry) in candidates {
        if found == request.limit {
            break;
        }
        looked_at += 1;
        let hints = Hints::default();
        let mut working = WorkingLabels::new(stream, &entry.metadata, &hints);
        let Some(text) = pipeline::run(&selector.stages, &entry.line, &mut working) else {
            continue;
        };
        found += 1;
        let labels = if request.categorize { working.stream_labels() } else { working.all() };
        let line = Line {
            at: entry.at,
            text: text.into_owned(),
            metadata: working.metadata_labels(),
            parsed: working.parsed_labels(),
        };
        let answered = streams.entry(labels::render(&labels));
        answered.or_insert_with(|| AnsweredStream { labels, lines: Vec::new() }).lines.push(line);
    }
    (streams.into_values().collect(), looked_at)
}
