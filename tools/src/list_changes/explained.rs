//! Which change explains the alert, with its reasons, or that none does.

use std::fmt;

use analysis::changes::{self, Place, Reason, THRESHOLD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{change_line::ChangeLine, shape::figure};

/// Explanations told beside the best.
const OTHERS: usize = 2;
/// Changes of one service that are so near to each other are one, told several times.
const ONE: TimeDelta = TimeDelta::minutes(2);

/// Which change explains the alert.
#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    /// Whether a change scores over the threshold.
    explained: bool,
    /// The change with the highest score, where there is one.
    best: Option<Explained>,
    /// Other changes over the threshold.
    others: Vec<Explained>,
    /// A change with a lower score explains nothing.
    threshold: f64,
    /// When the trouble began.
    onset: DateTime<Utc>,
    #[serde(skip)]
    looked_at: usize,
}

/// A change and how well it explains the alert.
#[derive(Debug, Serialize)]
struct Explained {
    service: String,
    place: Place,
    at: DateTime<Utc>,
    what: String,
    /// 0 to 1.
    score: f64,
    reasons: Vec<Reason>,
}

impl Explanation {
    pub(super) fn of(lines: &[ChangeLine], onset: DateTime<Utc>, symptoms: &[String]) -> Self {
        let judged: Vec<_> = lines.iter().map(ChangeLine::judged).collect();
        let mut found: Vec<Explained> = Vec::new();
        for ranked in changes::rank(&judged, onset, symptoms) {
            let Some(line) = lines.get(ranked.change) else { continue };
            let again = found.iter().any(|known| known.service == line.service && (known.at - line.at).abs() <= ONE);
            if again || (!found.is_empty() && !ranked.explains()) {
                continue;
            }
            found.push(Explained {
                service: line.service.clone(),
                place: line.place,
                at: line.at,
                what: line.what().to_owned(),
                score: ranked.score,
                reasons: ranked.reasons,
            });
        }
        let others = found.split_off(found.len().min(1)).into_iter().take(OTHERS).collect();
        let best = found.pop();
        let explained = best.as_ref().is_some_and(|best| best.score >= THRESHOLD);
        Self { explained, best, others, threshold: THRESHOLD, onset, looked_at: lines.len() }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.best {
            Some(best) if self.explained => write!(out, "best explained by {best}")?,
            Some(best) => write!(
                out,
                "no change explains this: the best of {} scores {}, under {}: {}",
                self.looked_at,
                score(best.score),
                self.threshold,
                best.what
            )?,
            None => write!(out, "no change explains this: none was seen")?,
        }
        self.others.iter().try_for_each(|other| write!(out, "\nor by {other}"))
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<_> = self.reasons.iter().map(told).collect();
        write!(out, "{} (score {}: {})", self.what, score(self.score), reasons.join(", "))
    }
}

fn score(score: f64) -> String {
    figure((score * 100.0).round() / 100.0)
}

fn told(reason: &Reason) -> String {
    match reason {
        Reason::BeforeOnset { minutes, .. } => format!("{minutes} min before"),
        Reason::AfterOnset { minutes } => format!("{minutes} min after, too late"),
        Reason::Place { place, .. } => match place {
            Place::Own => "of the service itself",
            Place::Dependency => "of what it needs",
            Place::Dependant => "of what needs it",
            Place::Elsewhere => "of another service",
        }
        .to_owned(),
        Reason::Kind { kind, .. } => match kind {
            changes::Kind::Configuration => "another configuration",
            changes::Kind::Image => "another image",
            changes::Kind::Deployment => "made anew",
            changes::Kind::Limits => "other limits",
            changes::Kind::Flag => "a flag",
            changes::Kind::Merge => "merged code",
            changes::Kind::Commit => "code",
            changes::Kind::Workflow => "a workflow run",
            changes::Kind::Restart => "a restart",
            changes::Kind::Stop => "stopped and left so",
            changes::Kind::Symptom => "a part of the effect",
        }
        .to_owned(),
        Reason::SharedWords { words, .. } => format!("touches what the errors name: {}", words.join(", ")),
    }
}
