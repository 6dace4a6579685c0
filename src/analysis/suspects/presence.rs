//! Series that came or went: of what is absent no value can be compared, only how surely it is no chance.

use super::{
    departure::{Departure, Direction, FEW, LEAST},
    signal::Signal,
    trace::Trace,
    window::Windows,
};

/// The score of a series that was not there before, at most.
const NEW: f64 = 8.0;
/// How much more errors that are new count.
const NEW_ERRORS: f64 = 1.5;
/// The score of a series that is not there any more.
const GONE: f64 = 12.0;
/// So many samples have to be missing at the end until a series counts as gone.
const SILENT: f64 = 3.5;
/// And it has to be silent for so much longer than it ever was before.
const EVER: f64 = 2.0;

/// A series that was not there before. Nothing is known of its past, so only that it is there can be told: the more values it
/// has, the less chance it is that none of them fell into the quiet time.
pub(super) fn appeared(trace: &Trace, signal: Signal, windows: &Windows) -> Option<Departure> {
    let (since, _) = trace.present.first().copied()?;
    let (_, present) = trace.present.last().copied()?;
    let peak = trace.present.iter().map(|sample| sample.1).fold(f64::NEG_INFINITY, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    let many = trace.present.len() as f64;
    let chance = (windows.quiet() / windows.lasts()).ln_1p();
    // Zero errors are no news.
    let score = if peak > 0.0 && many > 1.0 { (2.0 * many * chance).sqrt().min(NEW) } else { 0.0 };
    let score = if signal == Signal::Errors { score * NEW_ERRORS } else { score };
    Some(Departure {
        score,
        effect: 0.5,
        direction: Direction::Appeared,
        since,
        before: false,
        peak,
        baseline: 0.0,
        present: Some(present),
    })
}

/// Whether it has been silent for much longer than between two samples on average, and than it ever was.
pub(super) fn silent(trace: &Trace, newest: f64, windows: &Windows) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "samples of a window are few")]
    let many = trace.baseline.len().max(1) as f64;
    let usual = windows.quiet() / many;
    windows.end() - newest > (usual * SILENT).max(trace.longest * EVER) * (1.0 + FEW / many)
}

/// A series that has no samples any more.
pub(super) fn vanished(trace: &Trace, center: f64, windows: &Windows) -> Option<Departure> {
    let last = trace.newest?;
    // What ended long before has nothing to do with now.
    (trace.baseline.len() >= LEAST && windows.start() - last < windows.quiet() / 4.0).then_some(Departure {
        score: GONE,
        effect: 0.5,
        direction: Direction::Vanished,
        since: last,
        before: last < windows.start(),
        peak: center,
        baseline: center,
        present: None,
    })
}
