//! The daily cycle: what every hour of the day adds to the line.

use super::{
    part::Point,
    robust,
    trend::{residuals, slope},
};

/// Hours of one turn.
const DAY: f64 = 24.0;
const PHASES: usize = 24;
/// Turns without which a cycle cannot be told from a trend.
const TURNS: f64 = 2.0;
/// A cycle that leaves more than this share of the spread is none.
const LEAVES: f64 = 0.7;

/// What each hour of the day, counted back from the newest sample, adds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Daily(Vec<f64>);

impl Daily {
    /// What the hour adds in which a moment lies, by its hours from the newest sample.
    pub(super) fn at(&self, hours: f64) -> f64 {
        self.0.get(phase(hours)).copied().unwrap_or(0.0)
    }

    /// The points without it.
    pub(super) fn taken_out(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|point| Point { value: point.value - self.at(point.hours), ..*point }).collect()
    }
}

fn phase(hours: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 23")]
    let phase = hours.rem_euclid(DAY).floor() as usize;
    phase.min(PHASES - 1)
}

/// The daily cycle of points, where they reach over two days and it explains much of what the line does not.
pub(super) fn daily(points: &[Point]) -> Option<Daily> {
    let span = points.first().map_or(0.0, |point| -point.hours);
    if span < DAY * TURNS {
        return None;
    }
    let before = robust::deviation(&residuals(points, slope(points)));
    let mut daily = Daily(vec![0.0; PHASES]);
    // The cycle bends the first slope a little, and that slope the first cycle.
    for _ in 0..2 {
        let rest = residuals(points, slope(&daily.taken_out(points)));
        let mut by_phase = vec![Vec::new(); PHASES];
        for (point, rest) in points.iter().zip(rest) {
            by_phase.get_mut(phase(point.hours))?.push(rest);
        }
        if by_phase.iter().any(|rest| rest.len() < 2) {
            return None;
        }
        let heights: Vec<_> = by_phase.iter().map(|rest| robust::median(rest)).collect();
        let middle = robust::median(&heights);
        daily = Daily(heights.iter().map(|height| height - middle).collect());
    }
    let flattened = daily.taken_out(points);
    let after = robust::deviation(&residuals(&flattened, slope(&flattened)));
    (after <= before * LEAVES && before > 0.0).then_some(daily)
}
