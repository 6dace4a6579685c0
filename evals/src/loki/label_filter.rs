//! Label filters: `status >= 500 and (symbol="BTC" or took > 25ms)`.

use super::matcher::LabelMatcher;
use super::units;
use super::working_labels::WorkingLabels;

/// How values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// `=`, `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Comparison {
    /// The comparison that `symbol` writes.
    pub(super) fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" | "==" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// Whether it holds; nothing but `!=` holds for a value that is no number.
    pub(super) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

/// What a label's value is read as before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// A plain number.
    Number,
    /// A duration; in seconds.
    Duration,
    /// A size; in bytes.
    Bytes,
}

impl Quantity {
    /// Reads a value; the error is Go's text.
    pub(super) fn read(self, value: &str) -> Result<f64, String> {
        match self {
            Self::Number => units::float(value),
            Self::Duration => units::go_duration(value).map(|nanoseconds| nanoseconds as f64 / units::SECOND as f64),
            Self::Bytes => units::bytes(value).map(|bytes| bytes as f64),
        }
    }
}

/// A condition on a line's labels.
#[derive(Debug, Clone)]
pub(super) enum LabelFilter {
    /// On a value as text; a missing label is empty.
    Text(LabelMatcher),
    /// On a value as a quantity; a missing label never passes, and one that cannot be read passes, marked.
    Quantity {
        /// The label.
        name: String,
        /// How its value is read.
        quantity: Quantity,
        /// How it is compared.
        comparison: Comparison,
        /// With what, in the quantity's unit.
        value: f64,
    },
    /// Both.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// Either.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

impl LabelFilter {
    /// Whether the filter keeps the line; marks the line where a value cannot be read.
    pub(super) fn keeps(&self, labels: &mut WorkingLabels<'_>) -> bool {
        match self {
            Self::Text(matcher) => matcher.matches(labels.filter_value(&matcher.name)),
            Self::Quantity { name, quantity, comparison, value } => {
                let Some(read) = labels.get(name).map(|text| quantity.read(text)) else {
                    return false;
                };
                read.map(|read| comparison.holds(read, *value)).unwrap_or_else(|details| {
                    if !labels.failed() {
                        labels.fail("LabelFilterErr", details);
                    }
                    true
                })
            }
            Self::And(left, right) => {
                let kept = left.keeps(labels);
                right.keeps(labels) && kept
            }
            Self::Or(left, right) => left.keeps(labels) || right.keeps(labels),
        }
    }

    /// The labels that the filter reads.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Text(matcher) => vec![matcher.name.clone()],
            Self::Quantity { name, .. } => vec![name.clone()],
            Self::And(left, right) | Self::Or(left, right) => [left.names(), right.names()].concat(),
        }
    }
}
