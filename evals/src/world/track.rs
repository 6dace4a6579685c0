//! One name's (a metrics' `job`, a logs' `service`) way through the recording.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::playback;
use crate::{
    case::{Labels, RecordedSeries, Segment},
    loki::LogStore,
    prometheus::SeriesStore,
};

/// Milliseconds from which on a container did not run, and until when.
#[derive(Debug, Clone, Copy)]
struct Outage {
    from: i64,
    to: Option<i64>,
}

/// A line that a container wrote.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Nanoseconds since 1970.
    pub(crate) at: i64,
    pub(crate) line: String,
    pub(crate) stderr: bool,
}

/// Where a name's metrics and logs are read from, and how far they have been played.
#[derive(Debug)]
pub(super) struct Track {
    name: String,
    /// The container's name, where it is not the one that was recorded.
    container: Option<String>,
    /// The instance, where it is not the one that was recorded.
    instance: Option<String>,
    segment: Arc<Segment>,
    /// What is added to the recording's time, in milliseconds.
    shift: i64,
    /// The world's time up to which all has been played, in milliseconds.
    played: i64,
    /// What is added to a counter, so that it goes on from where it was; by the series' place in the recording.
    offsets: BTreeMap<usize, f64>,
    outages: Vec<Outage>,
    /// Whether another container has taken its place, so that it is no target any more.
    gone: bool,
}

impl Track {
    /// Plays a segment from the beginning of its recording, which is after 1970.
    pub(super) fn first(name: &str, segment: Arc<Segment>) -> Self {
        Self {
            name: name.to_owned(),
            container: None,
            instance: None,
            segment,
            shift: 0,
            played: 0,
            offsets: BTreeMap::new(),
            outages: Vec::new(),
            gone: false,
        }
    }

    /// Plays a later segment, shifted so that it begins at `now`, for the container of the track before.
    pub(super) fn later(name: &str, segment: Arc<Segment>, now: i64, before: Option<&Self>) -> Self {
        Self {
            shift: now - segment.begins,
            played: now,
            container: before.and_then(|track| track.container.clone()),
            instance: before.and_then(|track| track.instance.clone()),
            gone: before.is_some_and(|track| track.gone),
            ..Self::first(name, segment)
        }
    }

    /// The same for another container of the service, which has just been started.
    pub(super) fn beside(&self, container: &str, instance: &str, now: i64) -> Self {
        let mut track = Self {
            shift: self.shift,
            played: now,
            container: Some(container.to_owned()),
            instance: Some(instance.to_owned()),
            ..Self::first(&self.name, Arc::clone(&self.segment))
        };
        track.comes_up(now);
        track
    }

    /// Counters go on, but for those of a container that was `restarted`.
    pub(super) fn begin_counters(&mut self, restarted: bool, store: &SeriesStore) {
        if restarted {
            return;
        }
        let mut offsets = BTreeMap::new();
        for (index, series) in self.series().iter().enumerate().filter(|(_, series)| series.cumulative) {
            let before = store.last(&series.metric, &self.labels(series));
            let first = series.samples.first().map_or(0.0, |(_, value)| *value);
            offsets.insert(index, before.map_or(0.0, |before| before - first));
        }
        self.offsets = offsets;
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The container has another name now.
    pub(super) fn renamed(&mut self, container: &str) {
        self.container = Some(container.to_owned());
    }

    /// Where the instance listens, as recorded.
    pub(super) fn port(&self) -> Option<&str> {
        self.series().iter().find_map(|series| Some(series.labels.get("instance")?.rsplit_once(':')?.1))
    }

    fn labels<'a>(&self, series: &'a RecordedSeries) -> Cow<'a, Labels> {
        let Some(instance) = &self.instance else {
            return Cow::Borrowed(&series.labels);
        };
        let mut labels = series.labels.clone();
        labels.insert("instance".to_owned(), instance.clone());
        Cow::Owned(labels)
    }

    fn series(&self) -> &[RecordedSeries] {
        self.segment.metrics.jobs.get(&self.name).map_or(&[], Vec::as_slice)
    }

    /// Ends series that were there before and that this track will not go on with.
    pub(super) fn end_others(&self, now: i64, store: &SeriesStore) {
        if let Some(instance) = self.target() {
            store.end_but(&self.name, &instance, now, |metric, labels| {
                self.series().iter().any(|mine| mine.metric == metric && *self.labels(mine) == *labels)
            });
        }
    }

    fn target(&self) -> Option<String> {
        let recorded = || self.series().iter().find_map(|series| series.labels.get("instance").cloned());
        self.instance.clone().or_else(recorded)
    }

    /// It is scraped no more: another container has taken its place.
    pub(super) fn goes(&mut self, now: i64, store: &SeriesStore) {
        self.gone = true;
        if let Some(instance) = self.target() {
            store.end_but(&self.name, &instance, now, |_, _| false);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// The container stops running.
    pub(super) fn goes_down(&mut self, now: i64) {
        if self.outages.last().is_none_or(|outage| outage.to.is_some()) {
            self.outages.push(Outage { from: now, to: None });
        }
    }

    /// The container runs again; its counters begin anew. Invariant: played up to `now`.
    pub(super) fn comes_up(&mut self, now: i64) {
        self.gone = false;
        if let Some(outage) = self.outages.last_mut() {
            outage.to.get_or_insert(now);
        }
        let ends = self.ends();
        let recorded = now - self.shift;
        let before: Vec<(usize, f64)> = (self.series().iter().enumerate())
            .filter(|(_, series)| series.cumulative)
            .filter_map(|(index, series)| {
                let samples = playback::samples(series, ends, recorded - 120_000, recorded);
                Some((index, -samples.last()?.1))
            })
            .collect();
        self.offsets.extend(before);
    }

    fn ends(&self) -> i64 {
        self.series().iter().filter_map(|series| Some(series.samples.last()?.0)).max().unwrap_or_default()
    }

    fn is_down(&self, at: i64) -> bool {
        self.outages.iter().any(|outage| outage.from < at && outage.to.is_none_or(|to| at < to))
    }

    /// Plays metrics and lines up to `now`.
    pub(super) fn play(
        &mut self,
        now: i64,
        store: &SeriesStore,
        logs: &RwLock<LogStore>,
        written: &mut BTreeMap<String, Vec<Written>>,
    ) {
        if now <= self.played {
            return;
        }
        if !self.gone {
            self.play_metrics(now, store);
            self.play_lines(now, logs, written);
        }
        self.played = now;
        self.outages.retain(|outage| outage.to.is_none_or(|to| to > now));
    }

    fn play_metrics(&self, now: i64, store: &SeriesStore) {
        let ends = self.ends();
        let mut failed: Vec<(String, i64)> = Vec::new();
        for (index, series) in self.series().iter().enumerate() {
            let offset = self.offsets.get(&index).copied().unwrap_or_default();
            let recorded = playback::samples(series, ends, self.played.saturating_sub(self.shift), now - self.shift);
            if recorded.is_empty() {
                continue;
            }
            let labels = self.labels(series);
            let mut points = Vec::with_capacity(recorded.len());
            for (at, value) in recorded {
                let at = at + self.shift;
                if series.metric == "up" {
                    let value = if self.is_down(at) { 0.0 } else { value };
                    if value == 0.0 {
                        failed.push((labels.get("instance").cloned().unwrap_or_default(), at));
                    }
                    points.push((at, value));
                } else if !self.is_down(at) {
                    points.push((at, self.moved(&series.metric, value) + offset));
                }
            }
            store.add(&series.metric, &labels, points);
        }
        for (instance, at) in failed {
            store.end(&self.name, &instance, at);
        }
    }

    /// A value that is itself a time of the segment moves with it.
    fn moved(&self, metric: &str, value: f64) -> f64 {
        let is_time = metric.ends_with("_time_seconds") || metric.ends_with("_timestamp_seconds");
        let begins = self.segment.begins as f64 / 1000.0;
        if is_time && value >= begins - 1.0 { value + self.shift as f64 / 1000.0 } else { value }
    }

    fn play_lines(&self, now: i64, logs: &RwLock<LogStore>, written: &mut BTreeMap<String, Vec<Written>>) {
        let Some(lines) = self.segment.logs.get(&self.name) else {
            return;
        };
        let nanoseconds = |milliseconds: i64| milliseconds.saturating_mul(1_000_000);
        let ends = self.segment.logs.values().filter_map(|lines| Some(lines.last()?.at)).max().unwrap_or_default();
        let from = nanoseconds(self.played.saturating_sub(self.shift));
        let mut logs = logs.write().unwrap_or_else(PoisonError::into_inner);
        for (at, line) in playback::lines(lines, ends, from, nanoseconds(now - self.shift)) {
            let at = at + nanoseconds(self.shift);
            if self.is_down(at / 1_000_000) {
                continue;
            }
            let mut labels = line.labels.clone();
            if let Some(container) = &self.container {
                labels.insert("container".to_owned(), container.clone());
            }
            if let Some(container) = labels.get("container") {
                let line = Written { at, line: line.line.clone(), stderr: line.stderr };
                written.entry(container.clone()).or_default().push(line);
            }
            logs.push(labels, at, line.line.clone());
        }
    }
}
