//! What is made of the samples in one window of time.

use super::syntax::RangeFunction;
use super::units::SECOND;

/// The function's value over `points`, which are not empty; `interval` is the window's length in nanoseconds.
pub(super) fn apply(function: RangeFunction, points: &[(i64, f64)], interval: i64, quantile_of: Option<f64>) -> f64 {
    let values = points.iter().map(|(_, value)| *value);
    let seconds = interval as f64 / SECOND as f64;
    match function {
        RangeFunction::Rate | RangeFunction::BytesRate => values.sum::<f64>() / seconds,
        RangeFunction::CountOverTime => points.len() as f64,
        RangeFunction::BytesOverTime | RangeFunction::SumOverTime => values.sum(),
        RangeFunction::AverageOverTime => mean(values),
        RangeFunction::MinimumOverTime => values.fold(f64::NAN, f64::min),
        RangeFunction::MaximumOverTime => values.fold(f64::NAN, f64::max),
        RangeFunction::VarianceOverTime => variance(values),
        RangeFunction::DeviationOverTime => variance(values).sqrt(),
        RangeFunction::QuantileOverTime => quantile(quantile_of.unwrap_or(f64::NAN), values.collect()),
        RangeFunction::FirstOverTime => points.first().map_or(f64::NAN, |(_, value)| *value),
        RangeFunction::LastOverTime => points.last().map_or(f64::NAN, |(_, value)| *value),
        RangeFunction::AbsentOverTime => 1.0,
    }
}

/// The mean, without a sum that could overflow.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    values.zip(1_u32..).fold(0.0, |mean, (value, count)| mean + (value - mean) / f64::from(count))
}

/// The variance of a whole population.
pub(super) fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

fn quantile(of: f64, mut values: Vec<f64>) -> f64 {
    if of < 0.0 {
        return f64::NEG_INFINITY;
    }
    if of > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(f64::total_cmp);
    let rank = of * (values.len() as f64 - 1.0);
    let weight = rank - rank.floor();
    let lower = values.get(rank.floor() as usize).copied().unwrap_or(f64::NAN);
    let upper = values.get(rank.floor() as usize + 1).copied().unwrap_or(lower);
    lower * (1.0 - weight) + upper * weight
}
