//! Streams of log lines in memory.

use std::collections::{BTreeMap, VecDeque};

use super::labels::{DETECTED_LEVEL, Labels, SERVICE_NAME};
use super::level;
use super::matcher::LabelMatcher;

/// Lines kept; the oldest make room.
const MAXIMUM_LINES: usize = 1_000_000;
/// Bytes of lines kept; the oldest make room.
const MAXIMUM_BYTES: usize = 256 << 20;
/// Loki's own bound on a line.
pub(super) const MAXIMUM_LINE_BYTES: usize = 256 << 10;

/// Where a stream's `service_name` is taken from; earlier names win.
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// A line.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// When, in nanoseconds since 1970.
    pub(super) at: i64,
    /// The text.
    pub(super) line: String,
    /// Structured metadata, the detected level among it.
    pub(super) metadata: Labels,
}

/// The lines of one stream. Invariant: by time, and those of one time as they came.
#[derive(Debug, Default)]
pub(super) struct Stream {
    entries: VecDeque<Entry>,
}

impl Stream {
    /// The lines from `from` to before `to`, in nanoseconds.
    pub(super) fn between(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = &Entry> {
        let first = self.entries.partition_point(|entry| entry.at < from);
        let last = self.entries.partition_point(|entry| entry.at < to);
        self.entries.range(first..last.max(first))
    }

    /// Whether the same line is there already; Loki keeps one of them.
    fn holds(&self, at: i64, line: &str) -> bool {
        self.between(at, at.saturating_add(1)).any(|entry| entry.line == line)
    }
}

/// All streams; bounded, the oldest lines make room for new ones.
#[derive(Debug, Default)]
pub struct LogStore {
    streams: BTreeMap<Labels, Stream>,
    lines: usize,
    bytes: usize,
}

impl LogStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line to the stream with these labels; `service_name` and the line's level are found as Loki finds them,
    /// and a line of more than 256 KiB is cut.
    pub fn push(&mut self, labels: BTreeMap<String, String>, at_nanoseconds: i64, line: String) {
        self.push_with_metadata(labels, at_nanoseconds, line, Labels::new());
    }

    /// Adds a line that has structured metadata.
    pub(super) fn push_with_metadata(&mut self, labels: Labels, at: i64, mut line: String, mut metadata: Labels) {
        line.truncate(line.floor_char_boundary(MAXIMUM_LINE_BYTES));
        let labels = with_service_name(labels);
        let detected =
            metadata.get(DETECTED_LEVEL).cloned().unwrap_or_else(|| level::detect(&labels, &metadata, &line));
        metadata.insert(DETECTED_LEVEL.into(), detected);
        let stream = self.streams.entry(labels).or_default();
        if stream.holds(at, &line) {
            return;
        }
        self.lines += 1;
        self.bytes += line.len();
        let place = stream.entries.partition_point(|entry| entry.at <= at);
        stream.entries.insert(place, Entry { at, line, metadata });
        while self.lines > MAXIMUM_LINES || self.bytes > MAXIMUM_BYTES {
            self.forget_oldest();
        }
    }

    /// The streams that meet all conditions.
    pub(super) fn select(&self, matchers: &[LabelMatcher]) -> impl Iterator<Item = (&Labels, &Stream)> {
        let meets = |labels: &Labels| {
            matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).map_or("", String::as_str)))
        };
        self.streams.iter().filter(move |(labels, _)| meets(labels))
    }

    fn forget_oldest(&mut self) {
        let first = |stream: &Stream| stream.entries.front().map_or(i64::MAX, |entry| entry.at);
        let Some((labels, stream)) = self.streams.iter_mut().min_by_key(|(_, stream)| first(stream)) else {
            return;
        };
        if let Some(entry) = stream.entries.pop_front() {
            self.lines -= 1;
            self.bytes -= entry.line.len();
        }
        if stream.entries.is_empty() {
            let labels = labels.clone();
            self.streams.remove(&labels);
        }
    }
}

fn with_service_name(mut labels: Labels) -> Labels {
    labels.retain(|_, value| !value.is_empty());
    if !labels.contains_key(SERVICE_NAME) {
        let service = SERVICE_LABELS.iter().find_map(|name| labels.get(*name)).cloned();
        labels.insert(SERVICE_NAME.into(), service.unwrap_or_else(|| "unknown_service".into()));
    }
    labels
}
