//! Which samples say something of what comes: thinned, and those since the last drop that stuck.

use chrono::{DateTime, Utc};

use super::{Sample, robust};

/// A drop is told from noise by so many of its standard deviations, and by this share of the whole range.
const OVER_NOISE: f64 = 6.0;
const OF_RANGE: f64 = 0.2;
/// Samples on either side of a drop that say how far it went and whether it stuck.
const SIDE: usize = 3;
/// Drops after which it is a habit.
const HABIT: usize = 3;

/// What is used, by the hours since the newest sample (so never more than 0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) hours: f64,
    pub(super) value: f64,
}

/// The points to draw a line through.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    /// Those since the last drop.
    Since(&'a [Point]),
    /// It drops by habit: the height that each of its teeth reached, oldest first.
    Peaks(Vec<Point>),
}

/// At most `most` points: medians over equal times, so that a burst of samples weighs no more than a quiet hour.
pub(super) fn thinned(samples: &[Sample], newest: DateTime<Utc>, most: usize) -> Vec<Point> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few weeks have few digits")]
    let hours = |at: DateTime<Utc>| (at - newest).num_milliseconds() as f64 / 3_600_000.0;
    let points: Vec<_> = samples.iter().map(|sample| Point { hours: hours(sample.at), value: sample.value }).collect();
    let span = points.first().map_or(0.0, |point| -point.hours);
    if points.len() <= most || span <= 0.0 {
        return points;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let width = span / most as f64;
    // Counted back from the newest, so that an older sample more does not move the newest bins.
    let bin = |point: &Point| (-point.hours / width).floor();
    points.chunk_by(|a, b| bin(a) == bin(b)).map(middle).collect()
}

fn middle(bin: &[Point]) -> Point {
    let of = |part: fn(&Point) -> f64| robust::median(&bin.iter().map(part).collect::<Vec<_>>());
    Point { hours: of(|point| point.hours), value: of(|point| point.value) }
}

/// Where each drop that stuck ends: the index of the first point after it.
pub(super) fn drops(points: &[Point]) -> Vec<usize> {
    let steps: Vec<_> = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.value - a.value).collect();
    let range = robust::spread(points);
    let least = (OVER_NOISE * robust::deviation(&steps)).max(OF_RANGE * (range.most - range.least));
    let values: Vec<_> = points.iter().map(|point| point.value).collect();
    let mut found: Vec<usize> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let (before, after) = values.split_at(index + 1);
        let high = robust::median(before.get(before.len().saturating_sub(SIDE)..).unwrap_or(before));
        let next = after.get(..SIDE.min(after.len())).unwrap_or(after);
        let fall = high - robust::median(next);
        // One low sample at the very end may be a slip of the measurement; a fall of several steps is told at its largest.
        let sticks = next.len() >= 2 && next.iter().all(|value| *value < high - fall * 0.5);
        if fall > least && -step >= fall * 0.6 && sticks && found.last().is_none_or(|last| index + 1 - last >= 2) {
            found.push(index + 1);
        }
    }
    found
}

/// The points that say what comes next.
pub(super) fn of<'a>(points: &'a [Point], drops: &[usize], limit: f64) -> Part<'a> {
    let since = points.get(drops.last().copied().unwrap_or(0)..).unwrap_or(points);
    if drops.len() < HABIT {
        return Part::Since(since);
    }
    let peaks = peaks(points, drops);
    let highest = robust::spread(&peaks).most;
    let now = robust::spread(since.get(since.len().saturating_sub(SIDE)..).unwrap_or(since)).most;
    let room = limit - robust::spread(points).least;
    // Teeth that end at the limit are a leak that was ended by being full; the next one runs full as well.
    let brought_down = limit - highest > room * 0.05;
    // A tooth that is not over may reach a little higher than those before it.
    if brought_down && now <= highest + room * 0.05 { Part::Peaks(peaks) } else { Part::Since(since) }
}

/// The highest point of each tooth that is over.
fn peaks(points: &[Point], drops: &[usize]) -> Vec<Point> {
    let mut from = 0;
    let mut peaks = Vec::new();
    for end in drops {
        let tooth = points.get(from..*end).unwrap_or_default();
        peaks.extend(tooth.iter().max_by(|a, b| a.value.total_cmp(&b.value)).copied());
        from = *end;
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        let newest = values.len() as f64 - 1.0;
        values.iter().enumerate().map(|(at, value)| Point { hours: at as f64 - newest, value: *value }).collect()
    }

    #[test]
    fn a_drop_that_sticks_is_one_and_a_slip_is_none() {
        let cleaned = [50.0, 52.0, 54.0, 56.0, 58.0, 10.0, 12.0, 14.0, 16.0];
        assert_eq!(drops(&points(&cleaned)), [5]);
        let slip = [50.0, 52.0, 54.0, 3.0, 58.0, 60.0, 62.0, 64.0];
        assert!(drops(&points(&slip)).is_empty());
        assert!(drops(&points(&[50.0, 52.0, 54.0, 56.0, 3.0])).is_empty());
        assert!(drops(&points(&[5.0; 9])).is_empty());
    }

    #[test]
    fn teeth_that_end_below_the_limit_are_a_habit() {
        let teeth: Vec<_> = (0..60).map(|at| f64::from(at % 12) * 5.0).collect();
        let points = points(&teeth);
        let found = drops(&points);
        assert_eq!(found, [12, 24, 36, 48]);
        let Part::Peaks(peaks) = of(&points, &found, 100.0) else { panic!("no habit") };
        assert_eq!(peaks.iter().map(|point| point.value).collect::<Vec<_>>(), [55.0; 4]);
        assert_eq!(of(&points, &found, 56.0), Part::Since(&points[48..]));
    }
}
