//! Operators between numbers and series.

use std::collections::{BTreeMap, BTreeSet};

use super::error::LokiError;
use super::labels::{self, Labels};
use super::metric::{Moment, Sample};
use super::syntax::{BinaryOperation, BinaryOperator, Matching};

/// The operator between two numbers; a comparison says 1 or 0.
pub(super) fn of_numbers(operator: BinaryOperator, left: f64, right: f64) -> f64 {
    match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        // Unlike Prometheus, Loki has no infinity here.
        BinaryOperator::Divide | BinaryOperator::Modulo if right == 0.0 => f64::NAN,
        BinaryOperator::Divide => left / right,
        BinaryOperator::Modulo => left % right,
        BinaryOperator::Power => left.powf(right),
        BinaryOperator::Compare(comparison) => f64::from(u8::from(comparison.holds(left, right))),
        BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Unless => f64::NAN,
    }
}

/// The operator between two sides at one moment.
pub(super) fn apply(operation: &BinaryOperation, left: Moment, right: Moment) -> Result<Moment, LokiError> {
    let between = |left: f64, right: f64, kept: f64| merged(operation, left, right, kept);
    Ok(match (left, right) {
        (Moment::Number(left), Moment::Number(right)) => Moment::Number(of_numbers(operation.operator, left, right)),
        (Moment::Series(samples), Moment::Number(number)) => {
            Moment::Series(with_values(samples, |value| between(value, number, value)))
        }
        (Moment::Number(number), Moment::Series(samples)) => {
            Moment::Series(with_values(samples, |value| between(number, value, value)))
        }
        (Moment::Series(left), Moment::Series(right)) => Moment::Series(match operation.operator {
            BinaryOperator::And => kept_if_met(left, &right, &operation.matching, true),
            BinaryOperator::Unless => kept_if_met(left, &right, &operation.matching, false),
            BinaryOperator::Or => {
                let missing = kept_if_met(right, &left, &operation.matching, false);
                left.into_iter().chain(missing).collect()
            }
            BinaryOperator::Add
            | BinaryOperator::Subtract
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::Power
            | BinaryOperator::Compare(_) => one_to_one(operation, left, right)?,
        }),
    })
}

/// The value, or nothing where a comparison drops it; `kept` is what a comparison leaves.
fn merged(operation: &BinaryOperation, left: f64, right: f64, kept: f64) -> Option<f64> {
    let value = of_numbers(operation.operator, left, right);
    let filters = matches!(operation.operator, BinaryOperator::Compare(_)) && !operation.return_bool;
    if filters { (value == 1.0).then_some(kept) } else { Some(value) }
}

fn with_values(samples: Vec<Sample>, new_value: impl Fn(f64) -> Option<f64>) -> Vec<Sample> {
    let renewed = |sample: Sample| new_value(sample.value).map(|value| Sample { labels: sample.labels, value });
    samples.into_iter().filter_map(renewed).collect()
}

fn signature(labels: &Labels, matching: &Matching) -> Labels {
    labels::group(labels, &matching.names, !matching.on)
}

fn kept_if_met(samples: Vec<Sample>, others: &[Sample], matching: &Matching, met: bool) -> Vec<Sample> {
    let signatures: BTreeSet<Labels> = others.iter().map(|other| signature(&other.labels, matching)).collect();
    samples.into_iter().filter(|sample| signatures.contains(&signature(&sample.labels, matching)) == met).collect()
}

fn one_to_one(operation: &BinaryOperation, left: Vec<Sample>, right: Vec<Sample>) -> Result<Vec<Sample>, LokiError> {
    let mut rights: BTreeMap<Labels, f64> = BTreeMap::new();
    for sample in right {
        if rights.insert(signature(&sample.labels, &operation.matching), sample.value).is_some() {
            let text = "found duplicate series on the right hand-side;many-to-many matching not allowed: matching labels must be unique on one side";
            return Err(LokiError::Refused(text.into()));
        }
    }
    let mut met: BTreeSet<Labels> = BTreeSet::new();
    let mut results = Vec::new();
    for sample in left {
        let labels = signature(&sample.labels, &operation.matching);
        let Some(right) = rights.get(&labels) else {
            continue;
        };
        if !met.insert(labels.clone()) {
            let text = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
            return Err(LokiError::Refused(text.into()));
        }
        let value = merged(operation, sample.value, *right, sample.value);
        results.extend(value.map(|value| Sample { labels, value }));
    }
    Ok(results)
}
