//! Which change explains an alert: how long before it, how near to the service, of what kind, and whether it touches what the
//! errors speak of.
//!
//! The first three multiply to a part of 1: each alone can rule a change out. Shared words raise what is left, and never rule out:
//! a diff seldom speaks the errors' language.

mod words;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use words::Rarity;

/// A change with a lower score explains nothing: chance puts as much before any alert.
pub const THRESHOLD: f64 = 0.3;
/// Minutes after which half of what speaks for a change is gone, where it acts at once.
const HALF_LIFE: f64 = 60.0;
/// The same for what still has to be built and rolled out.
const HALF_LIFE_OF_CODE: f64 = 180.0;
/// The same for shared words: they stay telling for longer than the mere order in time.
const HALF_LIFE_OF_WORDS: f64 = 1_440.0;
/// How much of what is left shared words can add.
const WORDS: f64 = 0.6;
/// Words told of one change.
const TOLD: usize = 5;

/// A change as it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When it took effect.
    pub at: DateTime<Utc>,
    /// Whose it is.
    pub service: String,
    /// Where that stands to the service of the alert.
    pub place: Place,
    /// What kind it is.
    pub kind: Kind,
    /// What it touches: paths, changed lines, keys, a message.
    pub touches: Vec<String>,
    /// Whether it is known to touch that, or only could.
    pub surely: bool,
}

/// Where a change stands to the service of the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The service itself.
    Own,
    /// It needs the changed one.
    Dependency,
    /// The changed one needs it.
    Dependant,
    /// There is no known way between them.
    Elsewhere,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another environment, command, or labels.
    Configuration,
    /// Another image.
    Image,
    /// A container was made anew; whether with another image or configuration is not known.
    Deployment,
    /// Other limits of memory or CPU.
    Limits,
    /// A feature flag.
    Flag,
    /// A merged pull request.
    Merge,
    /// A commit.
    Commit,
    /// A run of a workflow.
    Workflow,
    /// A restart: the same again, without its memory.
    Restart,
    /// Somebody stopped, paused or removed it and left it so.
    Stop,
    /// What happens to a container that is ill: an end, a kill, a failed health check. No cause, a part of the effect.
    Symptom,
}

/// Why a change has its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It came before.
    BeforeOnset {
        /// By so many minutes.
        minutes: i64,
        /// The factor that follows.
        factor: f64,
    },
    /// It came after, and so explains nothing.
    AfterOnset {
        /// By so many minutes.
        minutes: i64,
    },
    /// Where it stands.
    Place {
        /// To the service of the alert.
        place: Place,
        /// The factor that follows.
        factor: f64,
    },
    /// Its kind.
    Kind {
        /// The kind.
        kind: Kind,
        /// The factor that follows.
        factor: f64,
    },
    /// What it touches, or could touch, stands in what the errors say.
    SharedWords {
        /// The most telling ones.
        words: Vec<String>,
        /// What they add.
        adds: f64,
    },
}

/// A change and how well it explains the alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// Its index among the changes.
    pub change: usize,
    /// 0 to 1.
    pub score: f64,
    /// What the score is made of.
    pub reasons: Vec<Reason>,
}

impl Ranked {
    /// Whether it explains anything.
    pub fn explains(&self) -> bool {
        self.score >= THRESHOLD
    }
}

/// All changes, the best explanation first; of two equal ones the one nearer to the onset.
pub fn rank(changes: &[Change], onset: DateTime<Utc>, symptoms: &[String]) -> Vec<Ranked> {
    let said = words::of_all(symptoms);
    let touched: Vec<_> = changes.iter().map(|change| words::of_all(&change.touches)).collect();
    let rarity = Rarity::of(&touched);
    let judged = changes.iter().zip(&touched).enumerate();
    let mut ranked: Vec<_> = judged
        .map(|(index, (change, touched))| {
            let shared = shared(change, touched, &said);
            judge(index, change, onset, &rarity.most_telling(shared))
        })
        .collect();
    let at = |ranked: &Ranked| changes.get(ranked.change).map(|change| change.at);
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| at(b).cmp(&at(a))));
    ranked
}

/// Words that stand on both sides; a changed neighbour that the errors name is one of them.
fn shared<'a>(change: &'a Change, touched: &'a BTreeSet<String>, said: &BTreeSet<String>) -> Vec<&'a str> {
    let own = words::of(&change.service);
    let mut shared: Vec<_> = touched.iter().filter(|word| said.contains(*word)).map(String::as_str).collect();
    // Every error of a service names that service: it tells nothing of its changes.
    shared.retain(|word| !own.contains(*word));
    if change.place != Place::Own && !own.is_empty() && own.iter().all(|word| said.contains(word)) {
        shared.push(&change.service);
    }
    shared
}

fn judge(index: usize, change: &Change, onset: DateTime<Utc>, shared: &[(&str, f64)]) -> Ranked {
    let milliseconds = (onset - change.at).num_milliseconds();
    if milliseconds < 0 {
        let reasons = vec![Reason::AfterOnset { minutes: -milliseconds / 60_000 }];
        return Ranked { change: index, score: 0.0, reasons };
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few weeks have few digits")]
    let minutes = milliseconds as f64 / 60_000.0;
    let decay = |half_life: f64| (-minutes / half_life).exp2();
    let (time, place, kind) = (decay(half_life(change.kind)), of_place(change.place), of_kind(change.kind));
    let base = time * place * kind;
    let sure = if change.surely { 1.0 } else { 0.5 };
    let weight: f64 = shared.iter().map(|(_, weight)| weight).sum::<f64>() * sure;
    // A part of the effect may well speak as the errors do.
    let open = if change.kind == Kind::Symptom { 0.0 } else { 1.0 - base };
    let adds = open * WORDS * (1.0 - (-weight / 2.0).exp()) * place * decay(HALF_LIFE_OF_WORDS);
    let mut reasons = vec![
        Reason::BeforeOnset { minutes: milliseconds / 60_000, factor: time },
        Reason::Place { place: change.place, factor: place },
        Reason::Kind { kind: change.kind, factor: kind },
    ];
    if adds > 0.0 {
        let words = shared.iter().take(TOLD).map(|(word, _)| (*word).to_owned()).collect();
        reasons.push(Reason::SharedWords { words, adds });
    }
    Ranked { change: index, score: base + adds, reasons }
}

fn half_life(kind: Kind) -> f64 {
    match kind {
        Kind::Merge | Kind::Commit => HALF_LIFE_OF_CODE,
        Kind::Configuration
        | Kind::Image
        | Kind::Deployment
        | Kind::Limits
        | Kind::Flag
        | Kind::Workflow
        | Kind::Restart
        | Kind::Stop
        | Kind::Symptom => HALF_LIFE,
    }
}

fn of_place(place: Place) -> f64 {
    match place {
        Place::Own => 1.0,
        Place::Dependency => 0.8,
        // It can only bring more load, or other requests.
        Place::Dependant => 0.4,
        Place::Elsewhere => 0.15,
    }
}

fn of_kind(kind: Kind) -> f64 {
    match kind {
        Kind::Configuration | Kind::Image => 1.0,
        Kind::Deployment | Kind::Flag => 0.9,
        Kind::Limits | Kind::Stop => 0.8,
        Kind::Merge => 0.6,
        Kind::Commit => 0.5,
        // Most runs only test.
        Kind::Workflow => 0.3,
        Kind::Restart => 0.25,
        Kind::Symptom => 0.0,
    }
}

#[cfg(test)]
mod tests;
