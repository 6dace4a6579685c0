//! A line that a third of wild samples does not bend, and how sure its slope is.

use serde::Serialize;

use super::{part::Point, robust};

/// The normal deviate of an interval of 90 %.
pub(super) const Z90: f64 = 1.645;

/// How fast something grows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Trend {
    /// Growth in one hour: the median of the slopes between all pairs (Theil 1950).
    pub per_hour: f64,
    /// The lower end of its interval of 90 % (Sen 1968).
    pub least_per_hour: f64,
    /// The upper end.
    pub most_per_hour: f64,
    /// How much of the spread the line explains, 0 to 1.
    pub fit: f64,
}

impl Trend {
    /// The line through points; `None` when there are fewer than four, which no interval of 90 % can be drawn from.
    pub(super) fn of(points: &[Point]) -> Option<Self> {
        let slopes = slopes(points);
        if points.len() < 4 || slopes.is_empty() {
            return None;
        }
        let per_hour = robust::middle(&slopes);
        let rest = residuals(points, per_hour);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred points have some ten thousand pairs")]
        let (count, pairs) = (points.len() as f64, slopes.len() as f64);
        let variance = count * (count - 1.0) * (2.0 * count + 5.0) / 18.0 * inflation(&rest);
        let width = Z90 * variance.sqrt();
        let at = |rank: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the pairs")]
            let index = rank.clamp(0.0, pairs - 1.0) as usize;
            slopes.get(index).copied()
        };
        // More noise than the pairs can answer for: growth and the want of it are both possible.
        let (least, most) = if width >= pairs {
            (at(0.0)?.min(0.0), at(pairs)?.max(0.0))
        } else {
            (at(((pairs - width) / 2.0).floor() - 1.0)?, at(((pairs + width) / 2.0).ceil())?)
        };
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let (left, whole) = (robust::deviation(&rest), robust::deviation(&values));
        let fit = if whole > 0.0 { (1.0 - (left / whole).powi(2)).clamp(0.0, 1.0) } else { 0.0 };
        Some(Self { per_hour, least_per_hour: least, most_per_hour: most, fit })
    }
}

impl Trend {
    /// Whether two slopes differ by more than chance explains, with a margin: of many parts that are compared some differ by chance.
    fn is_apart(&self, other: &Self) -> bool {
        let width = |trend: &Self| trend.most_per_hour - trend.least_per_hour;
        (self.per_hour - other.per_hour).abs() > 1.5 * (width(self) + width(other))
    }
}

/// Slopes between all pairs, sorted.
fn slopes(points: &[Point]) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (index, a) in points.iter().enumerate() {
        let later = points.iter().skip(index + 1).filter(|b| b.hours > a.hours);
        slopes.extend(later.map(|b| (b.value - a.value) / (b.hours - a.hours)));
    }
    slopes.sort_by(f64::total_cmp);
    slopes
}

/// The slope alone.
pub(super) fn slope(points: &[Point]) -> f64 {
    robust::middle(&slopes(points))
}

/// What a line of that slope leaves, as its height at the newest point.
pub(super) fn residuals(points: &[Point], per_hour: f64) -> Vec<f64> {
    points.iter().map(|point| point.value - per_hour * point.hours).collect()
}

/// How much wider the interval is because a sample follows those before it: Hamed and Rao (1998), with only those
/// correlations that are no chance, and never narrower.
fn inflation(rest: &[f64]) -> f64 {
    let ranks = ranks(rest);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = ranks.len() as f64;
    let mean = (count - 1.0) / 2.0;
    let variance: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if variance <= 0.0 || count < 3.0 {
        return 1.0;
    }
    let mut sum = 0.0;
    let mut left = count;
    for lag in 1..ranks.len() {
        left -= 1.0;
        let together: f64 = ranks.iter().zip(ranks.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean)).sum();
        let correlation = together / variance;
        // Beyond the first lag that chance explains there is nothing but chance.
        if correlation <= Z90 / count.sqrt() {
            break;
        }
        sum += left * (left - 1.0) * (left - 2.0) * correlation;
    }
    (1.0 + 2.0 / (count * (count - 1.0) * (count - 2.0)) * sum).max(1.0)
}

/// The rank of each value, from 0; equal ones share their mean. Those are equal that only their last digits tell apart: a line
/// through two points leaves the same of both, but for rounding.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = values.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut ranked = Vec::with_capacity(order.len());
    let mut before = 0.0;
    let range = order.last().zip(order.first()).map_or(0.0, |((_, most), (_, least))| most - least);
    for equal in order.chunk_by(|(_, a), (_, b)| b - a <= range * 1e-9) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let many = equal.len() as f64;
        ranked.extend(equal.iter().map(|(index, _)| (*index, before + (many - 1.0) / 2.0)));
        before += many;
    }
    ranked.sort_by_key(|(index, _)| *index);
    ranked.into_iter().map(|(_, rank)| rank).collect()
}

/// The newest points that one line holds for: while the newest half, quarter or eighth has another slope than what was before
/// it, that says nothing any more of what comes.
pub(super) fn newest_part(points: &[Point], least: usize) -> &[Point] {
    let mut part = points;
    while let Some(newer) = [2, 4, 8].into_iter().find_map(|share| newer(part, part.len() / share, least)) {
        part = newer;
    }
    part
}

/// The newest `count` points, where their slope is another one.
fn newer(part: &[Point], count: usize, least: usize) -> Option<&[Point]> {
    let (older, newer) = part.split_at_checked(part.len() - count)?;
    if older.len() < least || newer.len() < least {
        return None;
    }
    Trend::of(older)?.is_apart(&Trend::of(newer)?).then_some(newer)
}
