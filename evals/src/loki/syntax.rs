//! A LogQL query, read and ready to run.

use super::label_filter::{Comparison, LabelFilter, Quantity};
use super::matcher::LabelMatcher;
use super::pipeline::Stage;

/// A whole query.
#[derive(Debug, Clone)]
pub(super) enum Query {
    /// Asks for lines.
    Log(LogSelector),
    /// Asks for numbers.
    Metric(Metric),
}

/// `{…} | …`: which streams, and what their lines run through.
#[derive(Debug, Clone, Default)]
pub(super) struct LogSelector {
    /// Conditions on the stream's labels.
    pub(super) matchers: Vec<LabelMatcher>,
    /// The pipeline.
    pub(super) stages: Vec<Stage>,
}

/// `| unwrap label`: the number in a label, in place of the line.
#[derive(Debug, Clone)]
pub(super) struct Unwrap {
    /// The label.
    pub(super) label: String,
    /// How its value is read.
    pub(super) quantity: Quantity,
    /// Filters after it.
    pub(super) filters: Vec<LabelFilter>,
}

/// `{…} | … [5m] offset 1m`.
#[derive(Debug, Clone)]
pub(super) struct LogRange {
    /// The lines.
    pub(super) selector: LogSelector,
    /// The number in them, if not one for each line.
    pub(super) unwrap: Option<Unwrap>,
    /// How far back, in nanoseconds.
    pub(super) interval: i64,
    /// How long before, in nanoseconds.
    pub(super) offset: i64,
}

/// `by (…)` or `without (…)`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Grouping {
    /// All labels but these.
    pub(super) without: bool,
    /// The labels' names.
    pub(super) names: Vec<String>,
}

/// What is made of the samples in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RangeFunction {
    Rate,
    CountOverTime,
    BytesRate,
    BytesOverTime,
    AverageOverTime,
    SumOverTime,
    MinimumOverTime,
    MaximumOverTime,
    VarianceOverTime,
    DeviationOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

/// `rate({…}[5m])`
#[derive(Debug, Clone)]
pub(super) struct RangeAggregation {
    /// The function.
    pub(super) function: RangeFunction,
    /// Its samples.
    pub(super) range: LogRange,
    /// The quantile.
    pub(super) parameter: Option<f64>,
    /// How series fall together.
    pub(super) grouping: Option<Grouping>,
}

/// What is made of series that fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VectorFunction {
    Sum,
    Average,
    Maximum,
    Minimum,
    Count,
    Deviation,
    Variance,
    TopK,
    BottomK,
    Sort,
    SortDescending,
}

/// `sum by (a) (…)`
#[derive(Debug, Clone)]
pub(super) struct VectorAggregation {
    /// The function.
    pub(super) function: VectorFunction,
    /// How many `topk` and `bottomk` keep.
    pub(super) keep: usize,
    /// How series fall together.
    pub(super) grouping: Grouping,
    /// The series.
    pub(super) inner: Box<Metric>,
}

/// An operator between two metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Compare(Comparison),
    And,
    Or,
    Unless,
}

/// Which labels must be equal for two series to meet.
#[derive(Debug, Clone, Default)]
pub(super) struct Matching {
    /// Only the named ones (`on`), or all but them (`ignoring`).
    pub(super) on: bool,
    /// The labels' names.
    pub(super) names: Vec<String>,
}

/// `left + right`
#[derive(Debug, Clone)]
pub(super) struct BinaryOperation {
    /// The operator.
    pub(super) operator: BinaryOperator,
    /// A comparison says 0 or 1, and drops nothing.
    pub(super) return_bool: bool,
    /// How series meet.
    pub(super) matching: Matching,
    /// Left.
    pub(super) left: Metric,
    /// Right.
    pub(super) right: Metric,
}

/// A query for numbers.
#[derive(Debug, Clone)]
pub(super) enum Metric {
    /// A number.
    Literal(f64),
    /// `vector(1)`: a number as a series without labels.
    Vector(f64),
    /// Over a range of lines.
    Range(Box<RangeAggregation>),
    /// Over series.
    Aggregate(VectorAggregation),
    /// Of two.
    Binary(Box<BinaryOperation>),
}

impl Metric {
    /// Whether the answer keeps the order of values (`sort`), not that of labels.
    pub(super) fn sorts_by_value(&self) -> bool {
        match self {
            Self::Literal(_) | Self::Vector(_) | Self::Range(_) => false,
            Self::Aggregate(aggregation) => {
                matches!(aggregation.function, VectorFunction::Sort | VectorFunction::SortDescending)
                    || aggregation.inner.sorts_by_value()
            }
            Self::Binary(operation) => operation.left.sorts_by_value() || operation.right.sorts_by_value(),
        }
    }
}
