//! When something runs full: a robust line through what is used, and the moment at which it meets the limit.
//!
//! The slope is the median of those between all pairs of samples (Theil 1950), its interval their order statistics (Sen 1968),
//! widened where samples follow those before them (Hamed and Rao 1998). Before that the samples are put in order: numbers only,
//! the part since the last drop that stuck, without the daily cycle, and only as far back as the same line holds.

mod crossing;
mod cycle;
mod part;
mod robust;
mod trend;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crossing::Crossing;
use part::{Part, Point};
pub use trend::Trend;

/// Samples without which no line is drawn.
const LEAST: usize = 8;
/// Samples that a line is drawn through; more are thinned to this many.
const MOST: usize = 240;
/// A moment so many times farther away than the samples reach back is not told.
const REACH: f64 = 30.0;

/// What is used at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: DateTime<Utc>,
    /// How much, in the limit's unit; what is no number is left out.
    pub value: f64,
}

/// What is to be expected of one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Whether and when it runs full.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What is used at the newest sample; absent without one.
    pub level: Option<f64>,
    /// What there is of it.
    pub limit: f64,
    /// The line; absent with too little data.
    pub trend: Option<Trend>,
    /// The first sample that the line goes through.
    pub since: Option<DateTime<Utc>>,
    /// The newest sample.
    pub newest: Option<DateTime<Utc>>,
    /// Drops that stuck: a disk that was cleaned up, a process that was restarted.
    pub drops: usize,
    /// Whether a daily cycle was taken out.
    pub daily_cycle: bool,
}

/// Whether and when something runs full.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It runs full.
    Fills {
        /// When, by the line.
        at: DateTime<Utc>,
        /// The early end of the interval of 90 %.
        earliest: DateTime<Utc>,
        /// The late end; absent when the slowest growth that fits the samples never gets there in any time worth telling.
        latest: Option<DateTime<Utc>>,
    },
    /// It does not run full as things are.
    DoesNotFill {
        /// Why not.
        why: NoFill,
    },
    /// Nothing can be said.
    TooLittleData {
        /// What is missing.
        why: TooLittle,
    },
    /// It is full at this moment.
    AlreadyFull,
}

/// Why something does not run full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoFill {
    /// It does not change.
    Flat,
    /// It becomes less.
    Falls,
    /// Neither growth nor the want of it can be told from the noise.
    NoClearTrend,
    /// It grows and is brought down again, every time at about the same height.
    ComesBackDown,
    /// It grows so slowly that the moment is farther away than the samples can tell.
    TooFarAway,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TooLittle {
    /// There is no sample that is a number.
    NoSamples,
    /// There are fewer than the eight that a line needs.
    FewSamples,
    /// It dropped a moment ago, and fewer than eight samples stand after that.
    JustDropped,
}

/// A limit that is no number has no moment at which it is met.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("the limit is {0}, which nothing can reach; right would be a number such as 1073741824")]
pub struct BadLimit(pub f64);

/// When `samples` meet `limit`. Their order does not matter; those later than `now` are left out.
///
/// # Errors
/// When the limit is not finite.
pub fn forecast(samples: &[Sample], limit: f64, now: DateTime<Utc>) -> Result<Forecast, BadLimit> {
    if !limit.is_finite() {
        return Err(BadLimit(limit));
    }
    let samples = in_order(samples, now);
    let newest = samples.last().map(|sample| sample.at);
    let blank = Forecast {
        outcome: Outcome::TooLittleData { why: TooLittle::NoSamples },
        level: None,
        limit,
        trend: None,
        since: samples.first().map(|sample| sample.at),
        newest,
        drops: 0,
        daily_cycle: false,
    };
    let Some(newest) = newest else { return Ok(blank) };
    let last: Vec<_> = samples.iter().rev().take(3).map(|sample| sample.value).collect();
    let blank = Forecast { level: samples.last().map(|sample| sample.value), ..blank };
    if robust::median(&last) >= limit {
        return Ok(Forecast { outcome: Outcome::AlreadyFull, ..blank });
    }
    let points = part::thinned(&samples, newest, MOST);
    if points.len() < LEAST {
        return Ok(Forecast { outcome: Outcome::TooLittleData { why: TooLittle::FewSamples }, ..blank });
    }
    Ok(of_points(&points, blank, newest, now))
}

/// The forecast of points that are in order.
fn of_points(points: &[Point], blank: Forecast, newest: DateTime<Utc>, now: DateTime<Utc>) -> Forecast {
    let drops = part::drops(points);
    let blank = Forecast { drops: drops.len(), ..blank };
    let none = |why| Outcome::DoesNotFill { why };
    let points = match part::of(points, &drops, blank.limit) {
        Part::Since(part) if part.len() < LEAST => {
            return Forecast { outcome: Outcome::TooLittleData { why: TooLittle::JustDropped }, ..blank };
        }
        Part::Since(part) => part.to_vec(),
        Part::Peaks(peaks) => {
            let Some(trend) = Trend::of(&peaks).filter(|trend| trend.least_per_hour > 0.0) else {
                return Forecast { outcome: none(NoFill::ComesBackDown), ..blank };
            };
            return along(&peaks, None, trend, blank, newest, now);
        }
    };
    let cycle = cycle::daily(&points);
    let flattened = cycle.as_ref().map_or_else(|| points.clone(), |cycle| cycle.taken_out(&points));
    let part = trend::newest_part(&flattened, LEAST);
    let Some(trend) = Trend::of(part) else {
        return Forecast { outcome: Outcome::TooLittleData { why: TooLittle::FewSamples }, ..blank };
    };
    along(part, cycle.as_ref(), trend, blank, newest, now)
}

/// The forecast along one line.
fn along(
    part: &[Point],
    cycle: Option<&cycle::Daily>,
    trend: Trend,
    blank: Forecast,
    newest: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Forecast {
    let crossing = Crossing::of(part, &trend, cycle, blank.limit);
    let first = part.first().map_or(0.0, |point| point.hours);
    let reach = -first * REACH;
    let later = |hours: f64| later(newest, hours).map(|at| at.max(now));
    let outcome = match (crossing.hours, crossing.earliest) {
        _ if robust::spread(part).is_flat() => Outcome::DoesNotFill { why: NoFill::Flat },
        _ if trend.most_per_hour < 0.0 => Outcome::DoesNotFill { why: NoFill::Falls },
        _ if trend.least_per_hour <= 0.0 => Outcome::DoesNotFill { why: NoFill::NoClearTrend },
        (Some(hours), Some(earliest)) if hours <= reach => match (later(hours), later(earliest)) {
            (Some(at), Some(earliest)) => {
                let latest = crossing.latest.filter(|hours| *hours <= reach * 10.0).and_then(later);
                Outcome::Fills { at, earliest: earliest.min(at), latest: latest.map(|latest| latest.max(at)) }
            }
            (None, _) | (_, None) => Outcome::DoesNotFill { why: NoFill::TooFarAway },
        },
        (Some(_) | None, Some(_) | None) => Outcome::DoesNotFill { why: NoFill::TooFarAway },
    };
    Forecast {
        outcome,
        trend: Some(trend),
        since: later_unbounded(newest, first),
        daily_cycle: cycle.is_some(),
        ..blank
    }
}

/// Numbers only, oldest first, one at a moment.
fn in_order(samples: &[Sample], now: DateTime<Utc>) -> Vec<Sample> {
    let mut kept: Vec<_> =
        samples.iter().filter(|sample| sample.value.is_finite() && sample.at <= now).copied().collect();
    kept.sort_by_key(|sample| sample.at);
    kept.dedup_by_key(|sample| sample.at);
    kept
}

/// A moment so many hours after another; `None` beyond ten years, where nobody plans.
fn later(from: DateTime<Utc>, hours: f64) -> Option<DateTime<Utc>> {
    const TEN_YEARS: f64 = 10.0 * 365.25 * 24.0;
    if !(0.0..=TEN_YEARS).contains(&hours) {
        return None;
    }
    later_unbounded(from, hours)
}

fn later_unbounded(from: DateTime<Utc>, hours: f64) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a number too large ends at the largest")]
    let milliseconds = (hours * 3_600_000.0).round() as i64;
    from.checked_add_signed(TimeDelta::try_milliseconds(milliseconds)?)
}

#[cfg(test)]
mod tests;
