//! Where a line meets the limit, in hours after the newest point.

use super::{
    cycle::Daily,
    part::Point,
    robust,
    trend::{Trend, Z90, residuals},
};

/// Hours that are looked through for the first one in which cycle and line together reach the limit.
const HOURS: u32 = 90 * 24;

/// Where the line, and the ends of its interval, meet the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crossing {
    /// By the line; `None` when it does not get there.
    pub(super) hours: Option<f64>,
    /// By the steepest slope and the highest level that fit.
    pub(super) earliest: Option<f64>,
    /// By the flattest slope and the lowest level that fit.
    pub(super) latest: Option<f64>,
}

impl Crossing {
    pub(super) fn of(part: &[Point], trend: &Trend, cycle: Option<&Daily>, limit: f64) -> Self {
        let rest = residuals(part, trend.per_hour);
        // The newest quarter: where the line does not fit well, what is used now is not where it was at first.
        let newest = rest.get(rest.len() - (rest.len() / 4).max(5).min(rest.len())..).unwrap_or(&rest);
        let level = robust::median(newest);
        let noise = Z90 * robust::deviation(&rest);
        let from = |level: f64, slope: f64| first(level, slope, cycle, limit);
        Self {
            hours: from(level, trend.per_hour),
            earliest: from(level + noise, trend.most_per_hour),
            latest: from(level - noise, trend.least_per_hour),
        }
    }
}

/// The first moment at which the limit is met; `None` when never.
fn first(level: f64, slope: f64, cycle: Option<&Daily>, limit: f64) -> Option<f64> {
    let meets = |height: f64| {
        let room = limit - height;
        if room <= 0.0 { Some(0.0) } else { (slope > 0.0).then(|| room / slope) }
    };
    let Some(cycle) = cycle else { return meets(level) };
    for hour in 0..HOURS {
        let hour = f64::from(hour);
        if let Some(hours) = meets(level + cycle.at(hour)).map(|hours| hours.max(hour)).filter(|at| *at < hour + 1.0) {
            return Some(hours);
        }
    }
    // So far away the cycle is a small thing.
    meets(level)
}
