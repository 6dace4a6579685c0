//! PromQL over the samples so far.

use std::{collections::BTreeMap, sync::Arc};

use promql_parser::parser::{Expr, parse, value::ValueType};
use tsink::{
    Label, TimestampPrecision,
    promql::{Engine as Evaluator, PromqlValue},
};

use super::{bounds, error::ApiError, position, rewrite, store::SeriesStore};
use crate::case::Labels;

/// Prometheus's own bound on the points of one series.
const MAXIMUM_POINTS: i64 = 11_000;

/// One series of an answer, its metric's name (as `__name__`) among the labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// Milliseconds since 1970 and the value.
    pub(crate) points: Vec<(i64, f64)>,
}

/// What a query gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Scalar(f64),
    Text(String),
    Vector(Vec<Series>),
    Matrix(Vec<Series>),
}

/// Evaluates PromQL.
#[derive(Clone)]
pub(crate) struct Engine {
    store: Arc<SeriesStore>,
    evaluator: Arc<Evaluator>,
}

impl Engine {
    pub(crate) fn new(store: Arc<SeriesStore>) -> Self {
        let storage: Arc<dyn tsink::Storage> = Arc::clone(&store) as Arc<dyn tsink::Storage>;
        Self { store, evaluator: Arc::new(Evaluator::with_precision(storage, TimestampPrecision::Milliseconds)) }
    }

    pub(crate) fn store(&self) -> &SeriesStore {
        &self.store
    }

    /// The query's value at `at` (milliseconds).
    pub(crate) fn instant(&self, query: &str, at: i64) -> Result<Answer, ApiError> {
        let written = rewrite::rewrite(&read(query)?, &self.store, at, 1)?;
        let answer = match self.evaluator.instant_query(&written, at).map_err(failed)? {
            PromqlValue::Scalar(value, _) => Answer::Scalar(value),
            PromqlValue::String(text, _) => Answer::Text(text),
            PromqlValue::InstantVector(samples) => {
                let series =
                    |sample: tsink::promql::Sample| series(&sample.metric, &sample.labels, vec![(at, sample.value)]);
                Answer::Vector(samples.into_iter().map(series).collect())
            }
            PromqlValue::RangeVector(all) => {
                let mut all: Vec<_> =
                    all.into_iter().map(|one| series(&one.metric, &one.labels, one.samples)).collect();
                all.sort_by(|one, other| one.labels.cmp(&other.labels));
                Answer::Matrix(all)
            }
        };
        unique(&answer)?;
        Ok(answer)
    }

    /// The query's value at each step (milliseconds).
    pub(crate) fn range(&self, query: &str, start: i64, end: i64, step: i64) -> Result<Vec<Series>, ApiError> {
        if step <= 0 {
            let problem = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(ApiError::parameter("step", problem));
        }
        if end < start {
            return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
        }
        if end.saturating_sub(start) / step > MAXIMUM_POINTS {
            return Err(ApiError::BadData(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned(),
            ));
        }
        let query = read(query)?;
        let steps = (end - start) / step + 1;
        if let ValueType::Matrix | ValueType::String = query.value_type() {
            let kind = if query.value_type() == ValueType::String { "string" } else { "range vector" };
            let problem =
                format!("invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector");
            return Err(ApiError::BadData(problem));
        }
        let mut all = if rewrite::depends_on_time(&query) {
            self.step_by_step(&query, start, end, step)?
        } else {
            let written = rewrite::rewrite(&query, &self.store, start, steps)?;
            let PromqlValue::RangeVector(all) =
                self.evaluator.range_query(&written, start, end, step).map_err(failed)?
            else {
                return Err(ApiError::Execution("the engine gave no matrix".to_owned()));
            };
            all.into_iter().map(|one| series(&one.metric, &one.labels, one.samples)).collect()
        };
        all.sort_by(|one, other| one.labels.cmp(&other.labels));
        Ok(all)
    }

    /// A range of a query that is written anew for each step.
    fn step_by_step(&self, query: &Expr, start: i64, end: i64, step: i64) -> Result<Vec<Series>, ApiError> {
        let mut all: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        let mut at = start;
        while at <= end {
            let written = rewrite::rewrite(query, &self.store, at, (end - start) / step + 1)?;
            match self.evaluator.instant_query(&written, at).map_err(failed)? {
                PromqlValue::InstantVector(samples) => {
                    for sample in samples {
                        let one = series(&sample.metric, &sample.labels, Vec::new());
                        all.entry(one.labels).or_default().push((at, sample.value));
                    }
                }
                PromqlValue::Scalar(value, _) => all.entry(Labels::new()).or_default().push((at, value)),
                PromqlValue::RangeVector(_) | PromqlValue::String(..) => (),
            }
            at += step;
        }
        Ok(all.into_iter().map(|(labels, points)| Series { labels, points }).collect())
    }
}

/// Parses a query as Prometheus does, its errors told in Prometheus's form.
pub(super) fn read(query: &str) -> Result<Expr, ApiError> {
    bounds::check_text(query).map_err(|problem| ApiError::parameter("query", problem))?;
    let parsed = parse(query).map_err(|error| ApiError::parameter("query", position::located(query, &error)))?;
    bounds::check_depth(&parsed).map_err(|problem| ApiError::parameter("query", problem))?;
    Ok(parsed)
}

fn failed(error: tsink::promql::PromqlError) -> ApiError {
    ApiError::Execution(error.to_string())
}

fn series(metric: &str, labels: &[Label], points: Vec<(i64, f64)>) -> Series {
    let mut all = Labels::new();
    if !metric.is_empty() {
        all.insert("__name__".to_owned(), metric.to_owned());
    }
    for label in labels.iter().filter(|label| !label.value.is_empty()) {
        let name = if label.name == rewrite::NAME { "__name__" } else { &label.name };
        all.insert(name.to_owned(), label.value.clone());
    }
    Series { labels: all, points }
}

/// Prometheus gives no two series of one label set.
fn unique(answer: &Answer) -> Result<(), ApiError> {
    let Answer::Vector(series) = answer else {
        return Ok(());
    };
    let mut seen = std::collections::BTreeSet::new();
    if series.iter().all(|one| seen.insert(&one.labels)) {
        return Ok(());
    }
    Err(ApiError::Execution("vector cannot contain metrics with the same labelset".to_owned()))
}
