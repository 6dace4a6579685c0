//! Medians and quantiles over a buffer that is used again: thousands of series are looked at, one buffer is kept.

/// Makes the median absolute deviation a standard deviation where the noise is normal.
pub(super) const NORMAL: f64 = 1.4826;

/// The value below which this share of the values is; of none 0. Puts the values in another order.
pub(super) fn quantile(values: &mut [f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the last index")]
    let index = (last as f64 * share.clamp(0.0, 1.0)).round() as usize;
    *values.select_nth_unstable_by(index.min(last), f64::total_cmp).1
}

/// The middle value. Puts the values in another order.
pub(super) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The middle of three or five values.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted = [f64::INFINITY; 5];
    let mut many = 0;
    for (place, value) in sorted.iter_mut().zip(values) {
        *place = value;
        many += 1;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(many / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_and_of_none() {
        assert_eq!(quantile(&mut [], 0.5), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0, 9.0, 1e9]), 3.0);
        assert_eq!(quantile(&mut [5.0, 1.0], 1.0), 5.0);
        let middle = |values: &[f64]| middle(values.iter().copied());
        assert_eq!(
            [middle(&[3.0, 1.0, 2.0]), middle(&[2.0, 2.0, -1.0]), middle(&[9.0, 1.0, 2.0, 0.0, 5.0])],
            [2.0, 2.0, 2.0]
        );
    }
}
