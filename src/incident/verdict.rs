//! The guard's answer, ordered: of all rules that match, the strictest holds.

use std::fmt;

use serde::{Deserialize, Serialize};
use tools::Autonomy;

/// What a call may do. Ordered, so that the strictest of several is the maximum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "because", rename_all = "snake_case")]
pub enum Verdict {
    /// It runs.
    Allow(Reason),
    /// A person has to say yes first.
    Ask(Reason),
    /// It does not run.
    Refuse(Reason),
}

impl Verdict {
    /// Why.
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Allow(reason) | Self::Ask(reason) | Self::Refuse(reason) => reason,
        }
    }

    /// The stricter of two; of equals the first.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Allow(_) => 0,
            Self::Ask(_) => 1,
            Self::Refuse(_) => 2,
        }
    }
}

/// Why a verdict is what it is, with the numbers that it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Looking is free.
    Looks,
    /// The service's mode.
    Mode {
        /// The service.
        service: String,
        /// Its mode.
        autonomy: Autonomy,
    },
    /// The agent itself, or what it sees and acts with.
    Protected {
        /// The service.
        service: String,
        /// What makes it protected.
        why: String,
    },
    /// Targets come from the catalogue, and this is not in it.
    UnknownService {
        /// What was named.
        service: String,
    },
    /// The incident is about other services.
    OutsideIncident {
        /// What was named.
        service: String,
        /// What this incident may touch.
        allowed: Vec<String>,
    },
    /// None of the incident's alerts fires any more.
    NothingToRepair,
    /// The service was changed a moment ago.
    CoolDown {
        /// The service.
        service: String,
        /// Seconds since that change.
        since_seconds: u64,
        /// Seconds that have to pass.
        wait_seconds: u64,
    },
    /// As many changes as one incident may make.
    ChangesOfIncident {
        /// Changes made.
        made: u32,
        /// Changes allowed.
        most: u32,
    },
    /// A rule of the policy names this tool.
    Rule {
        /// The rule's place in the policy.
        rule: String,
        /// What its author gave as the reason.
        because: String,
    },
    /// The arguments are not of the tool's form.
    WrongArguments {
        /// What was wrong.
        what: String,
    },
    /// A rule could not be evaluated; doubt is a no.
    Doubt {
        /// What was missing.
        what: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Looks => write!(out, "it only looks"),
            Self::Mode { service, autonomy } => match autonomy {
                Autonomy::Observe => write!(out, "{service} is in mode observe: it may be looked at only"),
                Autonomy::Propose => write!(out, "{service} is in mode propose: a person decides on every change"),
                Autonomy::Act => write!(out, "{service} is in mode act, and every cap holds"),
            },
            Self::Protected { service, why } => write!(out, "{service} is protected: {why}"),
            Self::UnknownService { service } => write!(out, "{service:?} is not in the service catalogue"),
            Self::OutsideIncident { service, allowed } => {
                write!(out, "{service} is not part of this incident, which may touch: {}", listed(allowed))
            }
            Self::NothingToRepair => {
                write!(out, "no alert of this incident fires any more: there is nothing to repair")
            }
            Self::CoolDown { service, since_seconds, wait_seconds } => {
                write!(out, "{service} was changed {since_seconds} s ago; {wait_seconds} s have to pass")
            }
            Self::ChangesOfIncident { made, most } => {
                write!(out, "{made} of at most {most} changes of this incident are made")
            }
            Self::Rule { rule, because } => write!(out, "{because} ({rule})"),
            Self::WrongArguments { what } => write!(out, "{what}"),
            Self::Doubt { what } => write!(out, "it cannot be told whether this is allowed: {what}"),
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
