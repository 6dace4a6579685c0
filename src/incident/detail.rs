//! What stands in an event besides its own fields: how something was found, decided, answered or ended.
//!
//! Invariant: as for events, what was written once must be read for ever: a new detail is an optional field.

use serde::{Deserialize, Serialize};
use tools::System;

use super::{IncidentId, Seq};

/// What one turn of a model used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Of those, read from the provider's prompt cache.
    pub cached_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What it cost in US dollars by the settings' price table.
    pub cost: f64,
}

/// Why an alert belongs to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum JoinReason {
    /// Nothing open fits: it opens the incident.
    Opens,
    /// The incident has that alert already; it fires again.
    SameFingerprint,
    /// Alertmanager put it into the same group.
    SameGroupKey,
    /// An alert of the same service within the window.
    SameService {
        /// The service.
        service: String,
    },
    /// The incident's service depends on the alert's service, or the other way round, within the window.
    Dependency {
        /// The service that needs the other.
        service: String,
        /// The service that is needed.
        depends_on: String,
    },
}

/// How an alert found its service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum ServiceMatch {
    /// A label's value is the name of a service, of its container, or stands in its selector.
    Label {
        /// The service.
        service: String,
        /// The label's name.
        label: String,
        /// The label's value.
        value: String,
        /// What of the service it equals: its name, its container, its Prometheus selector, its health URL.
        with: String,
    },
    /// A person named it.
    Named {
        /// The service.
        service: String,
    },
    /// No label leads to a service of the catalogue; nothing can be changed for this incident.
    Nothing {
        /// The labels that were tried.
        tried: Vec<String>,
    },
}

impl ServiceMatch {
    /// The service found.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Label { service, .. } | Self::Named { service } => Some(service),
            Self::Nothing { .. } => None,
        }
    }
}

/// Where an incident came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// An alert.
    Alert,
    /// A person's question in chat.
    Question {
        /// What was asked; earlier messages of the conversation stand before it.
        text: String,
        /// The person's own words, where answers of ours stand among the earlier messages: those may quote telemetry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<String>,
        /// Who asked, by the name of the credentials.
        by: String,
    },
    /// A runbook that was learnt and is proposed to the people who keep the runbooks.
    Lesson {
        /// The runbook's name.
        runbook: String,
        /// The incidents that it was learnt from.
        learnt_from: Vec<IncidentId>,
    },
}

/// A budget of an investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Turns of the model.
    Steps,
    /// Tokens read and written.
    Tokens,
    /// US dollars.
    Money,
    /// Time since the investigation began, waiting for people left out.
    Time,
}

/// How an approval was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The call may run, once.
    Approve,
    /// It may not.
    Deny,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A change of ours was proven to have helped.
    Repaired,
    /// The alert was resolved without a change of ours.
    ResolvedByItself,
    /// A person has to go on; the report says with what.
    HandedOver,
    /// A question was answered, or a runbook that was learnt is proposed.
    Answered,
    /// A change that did not help could not be taken back: a person is paged.
    UndoFailed,
}

/// A person who decided something about the agent itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The name of the credentials.
    pub by: String,
    /// From where: an address, or the command line.
    #[serde(default)]
    pub from: String,
    /// What they said.
    #[serde(default)]
    pub because: String,
}

/// How a service did just before a change: nothing of this may be worse after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Around {
    /// The service.
    pub service: String,
    /// Whether its health URL answered; `None` where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<bool>,
    /// Share of requests that failed, 0 to 1; `None` where it cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// Seconds that a request takes; `None` where it cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<f64>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum AnswerStatus {
    /// It brought an answer.
    Ok,
    /// The same call stands in the journal; that answer was given again.
    Repeated {
        /// Where it stands.
        seq: Seq,
    },
    /// The call was wrong; the text says what would be right.
    Wrong,
    /// The guard or a person refused.
    Refused,
    /// An outside system did not answer.
    Unreachable {
        /// Which.
        system: System,
    },
    /// The first look had no more time for it; it may be asked again.
    LeftOut {
        /// After how long, in milliseconds.
        after_ms: u64,
    },
    /// A change ran; its own entries tell how.
    Changed {
        /// Whether it was proven to have helped.
        proven: bool,
    },
}
