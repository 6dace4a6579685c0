//! How far and how early one series left its own past.

use serde::Serialize;

use super::{
    presence,
    robust::{self, NORMAL},
    signal::Signal,
    trace::Trace,
    window::Windows,
};

/// Values that a past needs.
pub(super) const LEAST: usize = 4;
/// By so many values a past is taken to vary more than its few values show.
pub(super) const FEW: f64 = 5.0;
/// A past that varies less than this share of its level is taken to vary by that much.
const STILL: f64 = 0.002;
/// What of a whole is lost in the ordinary run of things.
const LOST: f64 = 0.0005;
/// The score at which all departures are equally certain.
const MOST: f64 = 1_000.0;
/// A present of so many samples has to show for longer what lasts.
const LONG: usize = 10;
/// The past's own excursions count as so many standard deviations.
const EXCURSION: f64 = 2.0;

/// In which way a series left its past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is higher.
    Up,
    /// It is lower.
    Down,
    /// It has no samples any more.
    Vanished,
    /// It had none before.
    Appeared,
}

/// How one series left its past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Departure {
    /// Standard deviations of its past, by robust statistics, of the best sustained value.
    pub(super) score: f64,
    /// How large the change is beside its level, between 0 and 1.
    pub(super) effect: f64,
    pub(super) direction: Direction,
    /// The first moment from which it stayed away.
    pub(super) since: f64,
    /// Whether it was away already when the time asked about began.
    pub(super) before: bool,
    /// The value farthest from the past.
    pub(super) peak: f64,
    /// The past's median.
    pub(super) baseline: f64,
    /// The newest value.
    pub(super) present: Option<f64>,
}

/// Buffers that are used again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    values: Vec<f64>,
    away: Vec<f64>,
}

impl Scratch {
    /// How this series left its past; `None` when there is nothing to compare, or it did not move at all.
    pub(super) fn departure(&mut self, trace: &Trace, signal: Signal, windows: &Windows) -> Option<Departure> {
        if trace.baseline.is_empty() {
            return presence::appeared(trace, signal, windows);
        }
        let center = self.center(&trace.baseline);
        if trace.newest.is_some_and(|newest| presence::silent(trace, newest, windows)) {
            return presence::vanished(trace, center, windows);
        }
        let (_, present) = trace.present.last().copied()?;
        if trace.baseline.len() < LEAST {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
        let many = trace.baseline.len() as f64;
        // Of few values the deviation is not known well.
        let scale = self.scale(trace, center) * (1.0 + FEW / many);
        let mut best: Option<(f64, f64)> = None;
        for sustained in sustained(&trace.present, center) {
            let away = (sustained - center).abs();
            if best.is_none_or(|(most, _)| away > most) {
                best = Some((away, sustained));
            }
        }
        let (away, value) = best.filter(|(away, _)| *away > 0.0)?;
        let up = value > center;
        let half = center + (value - center) / 2.0;
        let gone = |value: f64| if up { value >= half } else { value <= half };
        let peak = trace.present.iter().map(|sample| sample.1).fold(value, if up { f64::max } else { f64::min });
        Some(Departure {
            // So many values do not show that something is rarer than one in as many.
            score: (away / scale).min(many).min(MOST),
            effect: effect(trace, center, value),
            direction: if up { Direction::Up } else { Direction::Down },
            since: first(&trace.present, gone).unwrap_or(windows.start()),
            before: trace.present.len() > 1 && trace.present.iter().take(2).all(|sample| gone(sample.1)),
            peak,
            baseline: center,
            present: Some(present),
        })
    }

    fn center(&mut self, baseline: &[f64]) -> f64 {
        self.values.clear();
        self.values.extend_from_slice(baseline);
        robust::median(&mut self.values)
    }

    /// What counts as one standard deviation. Each guard is for a past that the others take for steadier than it is.
    fn scale(&mut self, trace: &Trace, center: f64) -> f64 {
        let (low, high) = (robust::quantile(&mut self.values, 0.05), robust::quantile(&mut self.values, 0.95));
        self.away.clear();
        self.away.extend(trace.baseline.iter().map(|value| (value - center).abs()));
        let deviation = NORMAL * robust::median(&mut self.away);
        // Where over half of the values are equal, the median deviation is zero and the outer ones still tell; where they are
        // skewed, those on the side of the longer tail.
        let spread = (high - center).max(center - low) / 1.645;
        // Where it wandered before, it may wander as far again.
        self.away.clear();
        self.away.extend(runs(&trace.baseline).map(|value| (value - center).abs()));
        let wandered = robust::quantile(&mut self.away, 0.98) / EXCURSION;
        let most = trace.baseline.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let most = most.max(trace.present.iter().fold(0.0, |most: f64, sample| most.max(sample.1.abs())));
        let level = whole(trace, center).map_or(STILL * most, |whole| LOST * whole);
        let step = self.step(trace) / 2.0;
        let chance = chance(trace);
        deviation.max(spread).max(wandered).max(level).max(step).max(chance).max(f64::MIN_POSITIVE)
    }

    /// The least difference between two values that follow each other: what the metric is counted in. Of a past that only has
    /// one value nothing is known of that.
    fn step(&mut self, trace: &Trace) -> f64 {
        let steps = trace.baseline.windows(2).filter_map(|pair| match pair {
            [one, two] if one != two => Some((two - one).abs()),
            _ => None,
        });
        let least = steps.fold(f64::INFINITY, f64::min);
        if least.is_finite() { least } else { 0.0 }
    }
}

/// What single events that come by chance make of a rate (Poisson), with one event more since few say little of how often they come.
fn chance(trace: &Trace) -> f64 {
    let Some(grain) = trace.grain else { return 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    let mean = trace.baseline.iter().sum::<f64>() / trace.baseline.len().max(1) as f64;
    ((mean + grain) * grain).sqrt()
}

/// How large the change is beside the larger of both levels. Of a share that was nearly whole, what is missing is compared:
/// an availability that falls from 99.9 % to 98 % is twenty times as many errors.
fn effect(trace: &Trace, center: f64, value: f64) -> f64 {
    let beside = |one: f64, two: f64| (one - two).abs() / one.abs().max(two.abs()).max(f64::MIN_POSITIVE);
    let share =
        whole(trace, center).map_or(0.0, |whole| beside(whole - center + whole * LOST, whole - value + whole * LOST));
    beside(center, value).max(share).min(1.0)
}

/// What a share is a share of, where the series is one that was nearly whole: 1, or 100 %.
fn whole(trace: &Trace, center: f64) -> Option<f64> {
    let all = || trace.baseline.iter().chain(trace.present.iter().map(|sample| &sample.1)).copied();
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    [1.0, 100.0].into_iter().find(|whole| most <= *whole && center >= 0.9 * whole && least >= 0.0)
}

/// What lasts: of a long present the middles of five values in a row, of a short one of two in a row that which is nearer to the
/// past, of one value itself.
fn sustained(present: &[(f64, f64)], center: f64) -> impl Iterator<Item = f64> + '_ {
    let run = if present.len() >= LONG { 5 } else { present.len().min(2) };
    present.windows(run.max(1)).map(move |run| match run {
        [one, two] if (one.1 > center) != (two.1 > center) => center,
        [one, two] if (one.1 - center).abs() < (two.1 - center).abs() => one.1,
        [_, two] => two.1,
        run => robust::middle(run.iter().map(|sample| sample.1)),
    })
}

/// Middles of three values in a row of the past.
fn runs(baseline: &[f64]) -> impl Iterator<Item = f64> + '_ {
    baseline.windows(3).map(|run| robust::middle(run.iter().copied()))
}

/// The first moment at which it is gone and stays so for the next sample too.
fn first(present: &[(f64, f64)], gone: impl Fn(f64) -> bool) -> Option<f64> {
    let pairs = present.windows(2).find_map(|pair| match pair {
        [one, two] if gone(one.1) && gone(two.1) => Some(one.0),
        _ => None,
    });
    pairs.or_else(|| present.iter().find(|sample| gone(sample.1)).map(|sample| sample.0))
}
