//! The world's time series: recorded samples let in as their moment comes, answered by an embedded PromQL engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use promql_parser::parser::{Expr, token};
use tsink::{
    DataPoint, Label, Row, Storage, StorageBuilder, TimestampPrecision,
    promql::{Engine, PromqlError, PromqlValue},
};

use crate::openmetrics::Series;

/// Labels of a series, `__name__` among them.
pub(crate) type Labels = BTreeMap<String, String>;

/// Series with their samples (milliseconds).
pub(crate) struct Metrics {
    storage: Arc<dyn Storage>,
    engine: Engine,
    waiting: Vec<Waiting>,
    /// All series that have been seen, with the moments of their first and last sample.
    seen: BTreeMap<Labels, (i64, i64)>,
}

/// A series whose later samples have not come yet.
struct Waiting {
    labels: Labels,
    samples: Vec<(i64, f64)>,
    next: usize,
    /// Whether it goes on after its last sample as it did before.
    held: bool,
}

/// An answer, in Prometheus's terms.
pub(crate) enum Answer {
    Scalar(i64, f64),
    Text(i64, String),
    Vector(Vec<(Labels, i64, f64)>),
    Matrix(Vec<(Labels, Vec<(i64, f64)>)>),
}

impl Metrics {
    pub(crate) fn new(series: &[Series]) -> Result<Self, String> {
        let storage = StorageBuilder::new()
            .with_timestamp_precision(TimestampPrecision::Milliseconds)
            .with_retention_enforced(false)
            .with_wal_enabled(false)
            .build()
            .map_err(|error| error.to_string())?;
        let engine = Engine::with_precision(Arc::clone(&storage), TimestampPrecision::Milliseconds);
        Ok(Self { storage, engine, waiting: waiting(series, 0), seen: BTreeMap::new() })
    }

    /// Other series from now on, moved so that the first of their samples stands at `now`.
    pub(crate) fn switch(&mut self, series: &[Series], now: i64) {
        let first = series.iter().filter_map(|series| series.samples.first()).map(|(at, _)| *at).min().unwrap_or(now);
        self.waiting = waiting(series, now - first);
    }

    /// Lets in what has come by `now`.
    pub(crate) fn show(&mut self, now: i64) {
        let mut rows = Vec::new();
        for waiting in &mut self.waiting {
            waiting.go_on(now);
            while let Some((at, value)) = waiting.samples.get(waiting.next).copied().filter(|(at, _)| *at <= now) {
                rows.push(row(&waiting.labels, at, value));
                let seen = self.seen.entry(waiting.labels.clone()).or_insert((at, at));
                seen.1 = seen.1.max(at);
                waiting.next += 1;
            }
        }
        if !rows.is_empty()
            && let Err(error) = self.storage.insert_rows(&rows)
        {
            tracing::error!(%error, "the world could not let samples in");
        }
    }

    pub(crate) fn instant(&self, query: &str, at: i64) -> Result<Answer, PromqlError> {
        let drops = drops_name(query);
        Ok(match self.engine.instant_query(query, at)? {
            PromqlValue::Scalar(value, at) => Answer::Scalar(at, value),
            PromqlValue::String(text, at) => Answer::Text(at, text),
            PromqlValue::InstantVector(samples) => {
                let of =
                    |sample: tsink::promql::Sample| (labels(&sample.metric, &sample.labels, drops), at, sample.value);
                Answer::Vector(samples.into_iter().map(of).collect())
            }
            PromqlValue::RangeVector(series) => Answer::Matrix(merged(series, drops)),
        })
    }

    pub(crate) fn range(&self, query: &str, start: i64, end: i64, step: i64) -> Result<Answer, PromqlError> {
        let drops = drops_name(query);
        match self.engine.range_query(query, start, end, step)? {
            PromqlValue::RangeVector(series) => Ok(Answer::Matrix(merged(series, drops))),
            PromqlValue::Scalar(..) | PromqlValue::String(..) | PromqlValue::InstantVector(_) => {
                Ok(Answer::Matrix(Vec::new()))
            }
        }
    }

    /// Series that had samples between two moments.
    pub(crate) fn series(&self, start: i64, end: i64) -> impl Iterator<Item = &Labels> {
        self.seen.iter().filter(move |(_, (first, last))| *first <= end && *last >= start).map(|(labels, _)| labels)
    }
}

impl Waiting {
    /// After its last recorded sample a series goes on: a counter at its last rate, a gauge at its last value.
    fn go_on(&mut self, now: i64) {
        while self.held
            && let [.., (before, value_before), (last, value)] = self.samples.as_slice()
            && *last < now
        {
            let step = (last - before).max(1_000);
            let grows = is_counter(&self.labels) && value >= value_before;
            let next = if grows { value + (value - value_before) } else { *value };
            let at = last + step;
            self.samples.push((at, next));
        }
    }
}

fn waiting(series: &[Series], shift: i64) -> Vec<Waiting> {
    let end = series.iter().filter_map(|series| series.samples.last()).map(|(at, _)| *at).max().unwrap_or(0);
    let of = |series: &Series| {
        let step = match series.samples.as_slice() {
            [.., (before, _), (last, _)] => last - before,
            _ => 0,
        };
        // One that ended before the others did was gone; it does not come back.
        let held = series.samples.last().is_some_and(|(last, _)| end - last <= step);
        let samples = series.samples.iter().map(|(at, value)| (at + shift, *value)).collect();
        Waiting { labels: series.labels.clone(), samples, next: 0, held }
    };
    series.iter().map(of).collect()
}

fn is_counter(labels: &Labels) -> bool {
    let name = labels.get("__name__").map_or("", String::as_str);
    ["_total", "_count", "_sum", "_bucket"].iter().any(|ending| name.ends_with(ending))
}

fn row(labels: &Labels, at: i64, value: f64) -> Row {
    let metric = labels.get("__name__").cloned().unwrap_or_default();
    let labels = labels.iter().filter(|(name, _)| *name != "__name__").map(|(name, value)| Label::new(name, value));
    Row::with_labels(metric, labels.collect(), DataPoint::new(at, value))
}

fn labels(metric: &str, labels: &[Label], drops: bool) -> Labels {
    let mut all: Labels = labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
    if drops {
        all.remove("__name__");
    } else if !metric.is_empty() {
        all.insert("__name__".to_owned(), metric.to_owned());
    }
    all
}

/// Series that are the same but for a name that is dropped become one.
fn merged(series: Vec<tsink::promql::Series>, drops: bool) -> Vec<(Labels, Vec<(i64, f64)>)> {
    let mut all: BTreeMap<Labels, BTreeMap<i64, f64>> = BTreeMap::new();
    for series in series {
        all.entry(labels(&series.metric, &series.labels, drops)).or_default().extend(series.samples);
    }
    all.into_iter().map(|(labels, samples)| (labels, samples.into_iter().collect())).collect()
}

/// Whether PromQL drops the metric's name from the result; the engine keeps it in functions over a range.
fn drops_name(query: &str) -> bool {
    fn drops(expression: &Expr) -> bool {
        match expression {
            Expr::Paren(inner) => drops(&inner.expr),
            Expr::Subquery(inner) => drops(&inner.expr),
            Expr::Unary(_) => true,
            Expr::Aggregate(aggregate) => {
                let keeps = [token::T_TOPK, token::T_BOTTOMK].contains(&aggregate.op.id());
                !keeps || drops(&aggregate.expr)
            }
            Expr::Binary(binary) => {
                let filter = binary.op.is_comparison_operator() && !binary.return_bool();
                let set = binary.op.is_set_operator();
                !(filter || set) || drops(&binary.lhs)
            }
            Expr::Call(call) => match call.func.name {
                "last_over_time" | "label_replace" | "label_join" | "sort" | "sort_desc" | "first_over_time" => {
                    call.args.args.first().is_none_or(|first| drops(first))
                }
                _ => true,
            },
            Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {
                false
            }
            Expr::Extension(_) => false,
        }
    }
    promql_parser::parser::parse(query).is_ok_and(|expression| drops(&expression))
}

/// Names of the labels of these series.
pub(crate) fn names<'a>(series: impl Iterator<Item = &'a Labels>) -> BTreeSet<String> {
    series.flat_map(|labels| labels.keys().cloned()).collect()
}
