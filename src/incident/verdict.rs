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

    /// How strict it is: 0 runs, 1 asks, 2 does not run.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Allow(_) => 0,
            Self::Ask(_) => 1,
            Self::Refuse(_) => 2,
        }
    }
}

/// A number that a verdict was made from, and its cap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighed {
    /// What is counted.
    pub what: String,
    /// How many there were before this call.
    pub is: u64,
    /// How many may be.
    pub most: u64,
}

impl fmt::Display for Weighed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of at most {} {}", self.is, self.most, self.what)
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
        made: u64,
        /// Changes allowed.
        most: u64,
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
    /// Everything is stopped.
    Halted {
        /// Who stopped it.
        by: String,
        /// What they said.
        because: String,
    },
    /// The policy never uses this tool.
    Never {
        /// The tool.
        tool: String,
    },
    /// As many services as one incident may touch.
    ServicesOfIncident {
        /// Services touched, this one included.
        would: u64,
        /// Services allowed.
        most: u64,
    },
    /// As many changes to the service as an hour may bring.
    ChangesOfService {
        /// The service.
        service: String,
        /// Changes made.
        made: u64,
        /// Changes allowed.
        most: u64,
    },
    /// As many changes to all services as an hour may bring.
    ChangesOfFleet {
        /// Changes made.
        made: u64,
        /// Changes allowed.
        most: u64,
    },
    /// As many changes under way as may be.
    AtTheSameTime {
        /// Changes under way.
        running: u64,
        /// Changes allowed.
        most: u64,
    },
    /// The service, or one that it depends on, is being changed and that is not proven yet.
    BeingChanged {
        /// The service that is being changed.
        service: String,
        /// The incident that changes it.
        incident: u64,
    },
    /// Too few replicas would stay untouched and well.
    Replicas {
        /// Replicas in all.
        all: u64,
        /// Well ones that would stay.
        stay: u64,
        /// How many have to.
        least: u64,
    },
    /// The only replica would be out of service, and the policy says what is to be thought of that.
    SingleReplica,
    /// More or fewer replicas than allowed, or too large a step.
    Scale {
        /// Replicas now.
        from: u64,
        /// Replicas wanted.
        to: u64,
        /// Fewest.
        least: u64,
        /// Most.
        most: u64,
        /// How many times more or fewer a step may bring.
        factor: u64,
    },
    /// A limit out of bounds.
    Limit {
        /// Which: memory or CPU, with what is wanted and what is allowed.
        what: String,
    },
    /// The image may not be started.
    Image {
        /// Why.
        what: String,
    },
    /// The pull request touches too much, or what it never may.
    PullRequest {
        /// What.
        what: String,
    },
    /// The silence is too long.
    Silence {
        /// Seconds wanted.
        seconds: u64,
        /// Seconds allowed.
        most: u64,
    },
    /// As many pull requests, silences or messages as one incident may make.
    Others {
        /// Which.
        what: String,
        /// Made.
        made: u64,
        /// Allowed.
        most: u64,
    },
    /// The very same call was done in this incident.
    AlreadyDone {
        /// Where it began.
        seq: u64,
    },
    /// A deployment of the service is under way.
    Deploying {
        /// The service.
        service: String,
        /// What was seen.
        what: String,
    },
    /// A service that this one depends on has an incident of its own.
    Victim {
        /// The service.
        service: String,
        /// The one that it depends on.
        of: String,
        /// That one's incident.
        incident: u64,
    },
    /// Too many changes in a row did not help.
    Breaker {
        /// The service; empty: the whole fleet.
        service: String,
        /// Changes that did not help.
        failed: u64,
        /// How many trip it.
        most: u64,
    },
    /// An argument stands in telemetry and in no trusted place.
    Untrusted {
        /// The argument's place.
        argument: String,
        /// Its value.
        value: String,
        /// The entry in which it stands.
        seq: u64,
    },
    /// A person's leave was for another state of the target.
    StateChanged {
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
    /// A pull request changes nothing by itself.
    Proposes,
    /// People are told something; nothing is changed.
    Tells,
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
            Self::Halted { by, because } if because.is_empty() => write!(out, "{by} has stopped every change"),
            Self::Halted { by, because } => write!(out, "{by} has stopped every change: {because}"),
            Self::Never { tool } => write!(out, "the policy never uses {tool}"),
            Self::ServicesOfIncident { would, most } => {
                write!(out, "it would be service {would} of at most {most} that this incident may touch")
            }
            Self::ChangesOfService { service, made, most } => {
                write!(out, "{made} of at most {most} changes to {service} in this hour are made")
            }
            Self::ChangesOfFleet { made, most } => {
                write!(out, "{made} of at most {most} changes to all services in this hour are made")
            }
            Self::AtTheSameTime { running, most } => {
                write!(out, "{running} of at most {most} changes at the same time are under way")
            }
            Self::BeingChanged { service, incident } => {
                write!(out, "incident {incident} is changing {service}, and that is not proven yet")
            }
            Self::Replicas { all, stay, least } => {
                write!(out, "{stay} of {all} replicas would stay untouched and well; {least} have to")
            }
            Self::SingleReplica => write!(out, "its only replica would be out of service for a moment"),
            Self::Scale { from, to, least, most, factor } => {
                write!(
                    out,
                    "from {from} to {to} replicas: {least} to {most} are allowed, {factor} times a step at most"
                )
            }
            Self::Limit { what } | Self::Image { what } | Self::PullRequest { what } => write!(out, "{what}"),
            Self::Silence { seconds, most } => write!(out, "a silence of {seconds} s; {most} s are allowed"),
            Self::Others { what, made, most } => {
                write!(out, "{made} of at most {most} {what} of this incident are made")
            }
            Self::AlreadyDone { seq } => write!(out, "the very same was done already, see [{seq}]"),
            Self::Deploying { service, what } => write!(out, "a deployment of {service} is under way: {what}"),
            Self::Victim { service, of, incident } => {
                write!(
                    out,
                    "{service} depends on {of}, which has the open incident {incident}: it may be only a victim"
                )
            }
            Self::Breaker { service, failed, most } => {
                let of = if service.is_empty() { "in the fleet".to_owned() } else { format!("to {service}") };
                write!(
                    out,
                    "{failed} changes {of} in a row did not help ({most} are too many): a person decides until somebody raises it"
                )
            }
            Self::Untrusted { argument, value, seq } => {
                write!(out, "{argument} = {value:?} stands in telemetry ([{seq}]) and in no trusted place")
            }
            Self::StateChanged { was, is } => {
                write!(out, "leave was given for another state: it was {was}, it is {is}")
            }
            Self::Proposes => write!(out, "it only proposes: people decide whether it is merged"),
            Self::Tells => write!(out, "it only tells people"),
            Self::Doubt { what } => write!(out, "it cannot be told whether this is allowed: {what}"),
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
