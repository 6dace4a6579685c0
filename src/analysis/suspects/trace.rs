//! From samples to values that can be compared: a gauge's own, a counter's increase by second, a histogram's quantile.

use std::cmp::Ordering;

use super::window::Windows;

/// Values of one series in the two times, in a buffer that is used again.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// Values of the quiet time.
    pub(super) baseline: Vec<f64>,
    /// Moments and values of the time that is asked about.
    pub(super) present: Vec<(f64, f64)>,
    /// The last moment of all with a value.
    pub(super) newest: Option<f64>,
    /// The longest time between two values of the quiet time.
    pub(super) longest: f64,
    /// What one event is of a rate, where events are so few that they are taken together.
    pub(super) grain: Option<f64>,
    increases: Vec<(f64, f64, f64)>,
}

/// Of so many increases in a row a rate is made at most.
const TOGETHER: usize = 8;
/// A counter of which more than this share of increases are zero is read over more samples.
const EMPTY: f64 = 0.25;

impl Trace {
    /// Reads values as they are.
    pub(super) fn levels(&mut self, samples: &[(f64, f64)], windows: &Windows) {
        self.clear();
        for (at, value) in samples.iter().filter(|sample| sample.1.is_finite()) {
            self.push(*at, *value, windows);
        }
    }

    /// Reads a counter's increases by second; what falls has begun anew at zero. A counter that moves rarely is read over more
    /// than one step, so that single events do not look like bursts.
    pub(super) fn rates(&mut self, samples: &[(f64, f64)], windows: &Windows) {
        self.clear();
        let mut increases = std::mem::take(&mut self.increases);
        increases.clear();
        let mut before: Option<(f64, f64)> = None;
        for (at, value) in samples.iter().copied().filter(|sample| sample.1.is_finite()) {
            if let Some((then, was)) = before
                && at > then
            {
                let increase = if value < was { value } else { value - was };
                increases.push((at, increase.max(0.0), at - then));
            }
            before = Some((at, value));
        }
        let quiet = || increases.iter().filter(|(at, ..)| windows.is_baseline(*at));
        let (all, zero) = (quiet().count(), quiet().filter(|(_, increase, _)| *increase == 0.0).count());
        let mut together = 1;
        // A counter that never moved has nothing to be smoothed.
        while zero < all && together < TOGETHER && zeros(&increases, together, windows) > EMPTY {
            together *= 2;
        }
        for (index, (at, ..)) in increases.iter().enumerate() {
            let from = (index + 1).saturating_sub(together);
            let run = increases.get(from..=index).unwrap_or_default();
            let (sum, seconds) = run.iter().fold((0.0, 0.0), |(sum, seconds), step| (sum + step.1, seconds + step.2));
            self.push(*at, sum / seconds, windows);
        }
        self.grain = grain(&increases, together);
        self.increases = increases;
    }

    /// Adds one value.
    pub(super) fn push(&mut self, at: f64, value: f64, windows: &Windows) {
        if !value.is_finite() {
            return;
        }
        if windows.is_baseline(at) {
            if let Some(before) = self.newest.filter(|before| windows.is_baseline(*before)) {
                self.longest = self.longest.max(at - before);
            }
            self.baseline.push(value);
        } else if windows.is_present(at) {
            self.present.push((at, value));
        }
        if self.newest.is_none_or(|newest| at.total_cmp(&newest) == Ordering::Greater) && at <= windows.end() {
            self.newest = Some(at);
        }
    }

    /// Forgets what was read.
    pub(super) fn clear(&mut self) {
        self.baseline.clear();
        self.present.clear();
        self.newest = None;
        self.longest = 0.0;
        self.grain = None;
    }
}

/// What one event is of a rate that is made of so many increases; absent where events are many.
fn grain(increases: &[(f64, f64, f64)], together: usize) -> Option<f64> {
    let least = increases.iter().map(|step| step.1).filter(|increase| *increase > 0.0).reduce(f64::min)?;
    let seconds: f64 = increases.iter().map(|step| step.2).sum();
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    let run = seconds / increases.len() as f64 * together as f64;
    (together > 1).then_some(least / run)
}

/// The share of rates of the quiet time that are zero when so many steps are taken together.
fn zeros(increases: &[(f64, f64, f64)], together: usize, windows: &Windows) -> f64 {
    let runs = || increases.windows(together).filter(|run| run.last().is_some_and(|(at, ..)| windows.is_baseline(*at)));
    let (all, zero) =
        (runs().count(), runs().filter(|run| run.iter().all(|(_, increase, _)| *increase == 0.0)).count());
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    let share = if all == 0 { 0.0 } else { zero as f64 / all as f64 };
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> Windows {
        Windows::new(0.0..60.0, 60.0..100.0).unwrap()
    }

    #[test]
    fn a_counter_is_read_as_increases_over_resets_gaps_and_nan() {
        let mut trace = Trace::default();
        let samples = [(0.0, 100.0), (10.0, 110.0), (20.0, f64::NAN), (30.0, 130.0), (60.0, 5.0), (70.0, 15.0)];
        trace.rates(&samples, &windows());
        assert_eq!(trace.baseline, [1.0, 1.0]);
        assert_eq!(trace.present, [(60.0, 5.0 / 30.0), (70.0, 1.0)]);
        trace.rates(&[(0.0, 1.0)], &windows());
        assert!(trace.baseline.is_empty() && trace.present.is_empty() && trace.newest.is_none());
    }

    #[test]
    fn a_counter_asked_more_often_than_it_is_scraped_has_a_steady_rate() {
        let mut trace = Trace::default();
        let samples: Vec<_> = (0..20).map(|step| (f64::from(step) * 5.0, f64::from(step / 2) * 10.0)).collect();
        trace.rates(&samples, &windows());
        assert!(trace.present.iter().all(|(_, rate)| (*rate - 1.0).abs() < 1e-9), "{trace:?}");
    }
}
