//! The samples that have been scraped so far, in memory, readable by the PromQL engine.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use tsink::{
    DataPoint, Label, MetricSeries, QueryOptions, Row, Storage, TsinkError, promql::types::PROMETHEUS_STALE_NAN_BITS,
};

use crate::case::Labels;

/// For how long after its last sample a series is still seen, in milliseconds.
pub(super) const LOOKBACK: i64 = 5 * 60 * 1000;

/// The samples of one series. Invariant: by time, one a millisecond.
#[derive(Debug, Default)]
struct Samples {
    points: Vec<(i64, f64)>,
}

/// The samples so far. Invariant: nothing in it is later than the world's now, so no query can see the future.
#[derive(Debug, Default)]
pub(crate) struct SeriesStore(RwLock<BTreeMap<String, BTreeMap<Labels, Samples>>>);

impl SeriesStore {
    /// Adds samples to a series.
    pub(crate) fn add(&self, metric: &str, labels: &Labels, points: impl IntoIterator<Item = (i64, f64)>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let series = all.entry(metric.to_owned()).or_default();
        if !series.contains_key(labels) {
            series.insert(labels.clone(), Samples::default());
        }
        if let Some(samples) = series.get_mut(labels) {
            points.into_iter().for_each(|point| samples.insert(point));
        }
    }

    /// Ends all series of a target at `at`, but for those about the scrape itself: what Prometheus does when a scrape fails.
    pub(crate) fn end(&self, job: &str, instance: &str, at: i64) {
        self.end_but(job, instance, at, |metric, _| metric == "up" || metric.starts_with("scrape_"));
    }

    /// Ends the series of a target at `at`, but for those to `keep`.
    pub(crate) fn end_but(&self, job: &str, instance: &str, at: i64, keep: impl Fn(&str, &Labels) -> bool) {
        let is = |labels: &Labels, name: &str, value: &str| labels.get(name).is_some_and(|found| found == value);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (metric, series) in all.iter_mut() {
            let of_target =
                series.iter_mut().filter(|(labels, _)| is(labels, "job", job) && is(labels, "instance", instance));
            for (_, samples) in of_target.filter(|(labels, _)| !keep(metric, labels)) {
                samples.end(at);
            }
        }
    }

    /// Forgets samples before `at`, and series that have none left.
    pub(crate) fn forget(&self, at: i64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for series in all.values_mut() {
            series.retain(|_, samples| {
                let first = samples.points.partition_point(|(there, _)| *there < at);
                samples.points.drain(..first);
                !samples.points.is_empty()
            });
        }
    }

    /// The last value of a series that is no end mark.
    pub(crate) fn last(&self, metric: &str, labels: &Labels) -> Option<f64> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let samples = all.get(metric)?.get(labels)?;
        samples.points.iter().rev().map(|(_, value)| *value).find(|value| !is_end(*value))
    }

    /// The time of a series' last sample, in milliseconds.
    pub(crate) fn last_time(&self, metric: &str, labels: &Labels) -> Option<i64> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(metric)?.get(labels)?.points.last().map(|(at, _)| *at)
    }

    /// The series that have a sample from `start` to `end` (milliseconds, both included), with their names.
    pub(crate) fn list(&self, start: i64, end: i64) -> Vec<(String, Labels)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let named = all
            .iter()
            .flat_map(|(metric, series)| series.iter().map(move |(labels, samples)| (metric, labels, samples)));
        named
            .filter(|(.., samples)| {
                samples.between(start, end.saturating_add(1)).iter().any(|(_, value)| !is_end(*value))
            })
            .map(|(metric, labels, _)| (metric.clone(), labels.clone()))
            .collect()
    }
}

impl Samples {
    fn insert(&mut self, point: (i64, f64)) {
        match self.points.binary_search_by_key(&point.0, |(at, _)| *at) {
            Ok(index) => {
                if let Some(there) = self.points.get_mut(index) {
                    *there = point;
                }
            }
            Err(index) => self.points.insert(index, point),
        }
    }

    fn end(&mut self, at: i64) {
        let before = self.points.partition_point(|(there, _)| *there <= at);
        let last = before.checked_sub(1).and_then(|index| self.points.get(index));
        if last.is_some_and(|(there, value)| *there < at && !is_end(*value)) {
            self.points.insert(before, (at, f64::from_bits(PROMETHEUS_STALE_NAN_BITS)));
        }
    }

    fn between(&self, start: i64, end: i64) -> &[(i64, f64)] {
        let first = self.points.partition_point(|(at, _)| *at < start);
        let last = self.points.partition_point(|(at, _)| *at < end);
        self.points.get(first..last).unwrap_or_default()
    }

    fn points(&self, start: i64, end: i64) -> Vec<DataPoint> {
        self.between(start, end).iter().map(|(at, value)| DataPoint::new(*at, *value)).collect()
    }
}

fn is_end(value: f64) -> bool {
    value.to_bits() == PROMETHEUS_STALE_NAN_BITS
}

fn to_engine(labels: &Labels) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(name, value)).collect()
}

fn unsupported<T>(operation: &'static str) -> Result<T, TsinkError> {
    Err(TsinkError::UnsupportedOperation {
        operation,
        reason: "the world's samples come from its recording".to_owned(),
    })
}

impl Storage for SeriesStore {
    fn insert_rows(&self, _: &[Row]) -> Result<(), TsinkError> {
        unsupported("insert_rows")
    }

    fn select(&self, metric: &str, labels: &[Label], start: i64, end: i64) -> Result<Vec<DataPoint>, TsinkError> {
        let labels = labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let samples = all.get(metric).and_then(|series| series.get::<Labels>(&labels));
        Ok(samples.map(|samples| samples.points(start, end)).unwrap_or_default())
    }

    fn select_with_options(&self, _: &str, _: QueryOptions) -> Result<Vec<DataPoint>, TsinkError> {
        unsupported("select_with_options")
    }

    fn select_all(&self, metric: &str, start: i64, end: i64) -> Result<Vec<(Vec<Label>, Vec<DataPoint>)>, TsinkError> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let series = all.get(metric).into_iter().flatten();
        Ok(series
            .map(|(labels, samples)| (to_engine(labels), samples.points(start, end)))
            .filter(|(_, points)| !points.is_empty())
            .collect())
    }

    fn list_metrics(&self) -> Result<Vec<MetricSeries>, TsinkError> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let series = all.iter().flat_map(|(name, series)| {
            series.keys().map(|labels| MetricSeries { name: name.clone(), labels: to_engine(labels) })
        });
        Ok(series.collect())
    }

    fn close(&self) -> Result<(), TsinkError> {
        Ok(())
    }
}
