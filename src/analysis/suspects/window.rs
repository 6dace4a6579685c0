//! The two times that are compared.

use std::ops::Range;

use super::SuspectsError;

/// A quiet time before, and the time in which something may have gone wrong; in seconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    baseline: Range<f64>,
    present: Range<f64>,
}

impl Windows {
    /// The baseline's end and the present's beginning may be apart, so that what led up to it is in neither.
    ///
    /// # Errors
    /// When a time is empty or no number, or the baseline does not end before the present begins.
    pub fn new(baseline: Range<f64>, present: Range<f64>) -> Result<Self, SuspectsError> {
        let holds = |range: &Range<f64>| range.start.is_finite() && range.end.is_finite() && range.start < range.end;
        if !holds(&baseline) || !holds(&present) {
            return Err(SuspectsError::EmptyWindow { baseline, present });
        }
        if baseline.end > present.start {
            return Err(SuspectsError::Overlap { baseline_end: baseline.end, present_start: present.start });
        }
        Ok(Self { baseline, present })
    }

    /// The same, but that the time asked about ends no later than this.
    pub(super) fn until(&self, newest: f64) -> Self {
        let end = if newest > self.present.start { self.present.end.min(newest) } else { self.present.end };
        Self { baseline: self.baseline.clone(), present: self.present.start..end }
    }

    /// Whether a moment is in the quiet time.
    pub(super) fn is_baseline(&self, at: f64) -> bool {
        self.baseline.contains(&at)
    }

    /// Whether a moment is in the time that is asked about; its end is in it.
    pub(super) fn is_present(&self, at: f64) -> bool {
        at >= self.present.start && at <= self.present.end
    }

    /// When the time that is asked about begins.
    pub(super) fn start(&self) -> f64 {
        self.present.start
    }

    /// The moment at which this share of it is over.
    pub(super) fn after(&self, share: f64) -> f64 {
        self.present.start + self.lasts() * share
    }

    /// When it ends.
    pub(super) fn end(&self) -> f64 {
        self.present.end
    }

    /// Seconds that the time asked about lasts.
    pub(super) fn lasts(&self) -> f64 {
        self.present.end - self.present.start
    }

    /// Seconds that the quiet time lasts.
    pub(super) fn quiet(&self) -> f64 {
        self.baseline.end - self.baseline.start
    }
}
