//! Queries for numbers: lines become samples once, then each moment is worked out from them.

use std::collections::BTreeMap;

use super::error::LokiError;
use super::labels::{self, Labels};
use super::matcher::MatchOperator;
use super::samples::{self, SampleSeries};
use super::store::LogStore;
use super::syntax::{
    BinaryOperation, Grouping, Metric, RangeAggregation, RangeFunction, VectorAggregation, VectorFunction,
};
use super::{binary_operation, range_aggregation, vector_aggregation};

/// Loki's own bound on the series of an answer.
const MAXIMUM_SERIES: usize = 500;

/// A series at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// The labels.
    pub(super) labels: Labels,
    /// The value.
    pub(super) value: f64,
}

/// What an expression is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Moment {
    /// A plain number.
    Number(f64),
    /// Series.
    Series(Vec<Sample>),
}

/// The moments asked for, in nanoseconds; `visible` is the last moment whose lines may be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The first.
    pub(super) start: i64,
    /// The last.
    pub(super) end: i64,
    /// Between two.
    pub(super) step: i64,
    /// Lines after it are not seen.
    pub(super) visible: i64,
}

/// A series over time: its labels, and points of nanoseconds and value.
pub(super) type TimeSeries = (Labels, Vec<(i64, f64)>);

/// The value at one moment; series are ordered by labels, or by value if the query says `sort`.
pub(super) fn instant(store: &LogStore, metric: &Metric, at: i64, visible: i64) -> Result<Moment, LokiError> {
    let times = Times { start: at, end: at, step: 1, visible };
    match prepare(store, metric, times, None).at(at)? {
        Moment::Number(number) => Ok(Moment::Number(number)),
        Moment::Series(samples) if samples.len() > MAXIMUM_SERIES => Err(too_many_series()),
        Moment::Series(mut samples) => {
            if !metric.sorts_by_value() {
                samples.sort_by(|left, right| left.labels.cmp(&right.labels));
            }
            Ok(Moment::Series(samples))
        }
    }
}

/// The values over time, ordered by the text of their labels.
pub(super) fn range(store: &LogStore, metric: &Metric, times: Times) -> Result<Vec<TimeSeries>, LokiError> {
    let prepared = prepare(store, metric, times, None);
    let mut series: BTreeMap<String, TimeSeries> = BTreeMap::new();
    let steps = times.end.saturating_sub(times.start) / times.step.max(1);
    for at in (0..=steps).map(|step| times.start.saturating_add(step.saturating_mul(times.step))) {
        let samples = match prepared.at(at)? {
            Moment::Number(value) => vec![Sample { labels: Labels::new(), value }],
            Moment::Series(samples) => samples,
        };
        for Sample { labels, value } in samples {
            let (_, points) = series.entry(labels::render(&labels)).or_insert_with(|| (labels, Vec::new()));
            points.push((at, value));
        }
        if series.len() > MAXIMUM_SERIES {
            return Err(too_many_series());
        }
    }
    Ok(series.into_values().collect())
}

fn too_many_series() -> LokiError {
    LokiError::Refused(format!(
        "maximum number of series ({MAXIMUM_SERIES}) reached for a single query; consider reducing query cardinality by \
         adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), \
         count() or topk()"
    ))
}

/// An expression with its samples.
enum Prepared<'a> {
    Number(f64),
    Vector(f64),
    Range(&'a RangeAggregation, Vec<SampleSeries>),
    Aggregate(&'a VectorAggregation, Box<Prepared<'a>>),
    Binary(&'a BinaryOperation, Box<Prepared<'a>>, Box<Prepared<'a>>),
}

fn prepare<'a>(store: &LogStore, metric: &'a Metric, times: Times, outer: Option<&Grouping>) -> Prepared<'a> {
    match metric {
        Metric::Literal(number) => Prepared::Number(*number),
        Metric::Vector(number) => Prepared::Vector(*number),
        Metric::Range(aggregation) => {
            let range = &aggregation.range;
            let after = times.start.saturating_sub(range.interval).saturating_sub(range.offset);
            let until = times.end.saturating_sub(range.offset).min(times.visible);
            Prepared::Range(aggregation, samples::extract(store, aggregation, outer, after, until))
        }
        Metric::Aggregate(aggregation) => {
            let grouping = sums_samples(aggregation).then_some(&aggregation.grouping);
            Prepared::Aggregate(aggregation, Box::new(prepare(store, &aggregation.inner, times, grouping)))
        }
        Metric::Binary(operation) => Prepared::Binary(
            operation,
            Box::new(prepare(store, &operation.left, times, None)),
            Box::new(prepare(store, &operation.right, times, None)),
        ),
    }
}

/// Whether the grouping of a `sum` may be applied to its samples already.
fn sums_samples(aggregation: &VectorAggregation) -> bool {
    let Metric::Range(inner) = aggregation.inner.as_ref() else {
        return false;
    };
    let sums = matches!(
        inner.function,
        RangeFunction::Rate
            | RangeFunction::CountOverTime
            | RangeFunction::BytesRate
            | RangeFunction::BytesOverTime
            | RangeFunction::SumOverTime
    );
    aggregation.function == VectorFunction::Sum && inner.grouping.is_none() && sums
}

impl Prepared<'_> {
    fn at(&self, at: i64) -> Result<Moment, LokiError> {
        Ok(match self {
            Self::Number(number) => Moment::Number(*number),
            Self::Vector(number) => Moment::Series(vec![Sample { labels: Labels::new(), value: *number }]),
            Self::Range(aggregation, series) => Moment::Series(range_at(aggregation, series, at)?),
            Self::Aggregate(aggregation, inner) => match inner.at(at)? {
                Moment::Series(samples) => Moment::Series(vector_aggregation::apply(aggregation, samples)),
                Moment::Number(_) => return Err(LokiError::Unsupported("an aggregation of a plain number".into())),
            },
            Self::Binary(operation, left, right) => binary_operation::apply(operation, left.at(at)?, right.at(at)?)?,
        })
    }
}

fn range_at(aggregation: &RangeAggregation, series: &[SampleSeries], at: i64) -> Result<Vec<Sample>, LokiError> {
    let range = &aggregation.range;
    let until = at.saturating_sub(range.offset);
    let after = until.saturating_sub(range.interval);
    let mut samples = Vec::new();
    for SampleSeries { labels, failed, points } in series {
        let first = points.partition_point(|(time, _)| *time <= after);
        let last = points.partition_point(|(time, _)| *time <= until);
        let window = points.get(first..last).unwrap_or_default();
        if window.is_empty() {
            continue;
        }
        if *failed {
            return Err(LokiError::pipeline(labels));
        }
        let value = range_aggregation::apply(aggregation.function, window, range.interval, aggregation.parameter);
        samples.push(Sample { labels: labels.clone(), value });
    }
    if aggregation.function != RangeFunction::AbsentOverTime {
        return Ok(samples);
    }
    let absent = Sample { labels: absent_labels(aggregation), value: 1.0 };
    Ok(if samples.is_empty() { vec![absent] } else { Vec::new() })
}

/// What is certain of a series that is not there.
fn absent_labels(aggregation: &RangeAggregation) -> Labels {
    let matchers = &aggregation.range.selector.matchers;
    let certain = |name: &str| {
        let mut of_name = matchers.iter().filter(|matcher| matcher.name == name);
        of_name.next().is_some_and(|matcher| matcher.operator == MatchOperator::Equal) && of_name.next().is_none()
    };
    let kept = matchers.iter().filter(|matcher| certain(&matcher.name));
    kept.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect()
}
