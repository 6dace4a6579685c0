//! Medians and the spread around them, which a few wild values do not move.

use super::part::Point;

/// Makes the median absolute deviation a standard deviation where the noise is normal.
const NORMAL: f64 = 1.4826;

/// The middle value; of an even number the mean of both. 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    middle(&sorted)
}

/// The middle of sorted values.
pub(super) fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.get(half), half.checked_sub(1).and_then(|below| sorted.get(below))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => lower + (upper - lower) / 2.0,
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

/// A robust standard deviation: the median distance from the median.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let center = median(values);
    NORMAL * median(&values.iter().map(|value| (value - center).abs()).collect::<Vec<_>>())
}

/// The least and the most value of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Whether what varies is less than the digits of a double.
    pub(super) fn is_flat(self) -> bool {
        self.most - self.least <= self.most.abs().max(self.least.abs()) * 1e-12
    }
}

/// The least and the most value.
pub(super) fn spread(points: &[Point]) -> Spread {
    let values = || points.iter().map(|point| point.value);
    Spread { least: values().fold(f64::INFINITY, f64::min), most: values().fold(f64::NEG_INFINITY, f64::max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wild_value_moves_neither_median_nor_deviation_far() {
        assert_eq!(median(&[3.0, 1.0, 2.0, 1e9]), 2.5);
        assert_eq!(median(&[]), 0.0);
        assert!(deviation(&[1.0, 2.0, 3.0, 4.0, 1e9]) < 3.0);
    }
}
