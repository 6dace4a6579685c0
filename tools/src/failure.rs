//! What can go wrong in a tool, sorted by who can act on it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// An outside system that a tool speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Prometheus's HTTP API.
    Prometheus,
    /// Loki's HTTP API.
    Loki,
    /// Alertmanager's API v2.
    Alertmanager,
    /// Docker Engine's API.
    Docker,
    /// GitHub's REST API.
    GitHub,
    /// A guarded service's own HTTP endpoint.
    Service,
    /// Where people are told: Slack, or another receiver of messages.
    Notification,
    /// The agent's own memory: its store, or the Qdrant server behind it.
    Memory,
}

impl fmt::Display for System {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Alertmanager => "Alertmanager",
            Self::Docker => "Docker",
            Self::GitHub => "GitHub",
            Self::Service => "the service",
            Self::Notification => "the receiver of messages",
            Self::Memory => "memory",
        })
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// For the model, which can do better next time: wrong arguments, a query that does not parse, nothing by that name.
    #[error("{0}")]
    Tell(String),
    /// The system did not answer as it should. Retried by the loop, then said in the report and left to a person.
    #[error("{system} could not be reached: {why}")]
    Unreachable {
        /// Which system.
        system: System,
        /// What was seen: refused, timed out, status and beginning of the body. Holds no credentials.
        why: String,
        /// How long the system asked to be left alone (Retry-After).
        retry_after: Option<Duration>,
    },
}

impl Failure {
    /// `system` failed in the way that `why` tells.
    pub fn unreachable(system: System, why: impl fmt::Display) -> Self {
        Self::Unreachable { system, why: why.to_string(), retry_after: None }
    }
}
