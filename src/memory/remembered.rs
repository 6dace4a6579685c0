//! What is kept of an incident: what was seen, why it was, what was done about it, and how that ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One incident, as memory keeps it. Cleaned and masked before it comes here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its number in the journal.
    pub incident: u64,
    /// The file that it was imported from; `None`: it is of this house's own journal, and its number too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The alert's name.
    pub alert: String,
    /// The service of the catalogue; `None` where the alert led to none.
    pub service: Option<String>,
    /// Where that service runs.
    pub environment: Option<String>,
    /// When the incident ended.
    pub at: DateTime<Utc>,
    /// What was seen: annotations, suspects, new log patterns, states; one line each.
    pub symptoms: Vec<String>,
    /// The cause in one sentence, as concluded or as a person corrected it.
    pub cause: String,
    /// Changes that were made, in their order.
    pub remedies: Vec<Remedy>,
    /// How the incident ended.
    pub ended: Ended,
    /// What people said of it, oldest first.
    #[serde(default)]
    pub said: Vec<Said>,
}

/// One change and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
    /// The service that it touched.
    pub service: String,
    /// `Some(true)`: proven to have helped; `Some(false)`: proven not to have helped, or taken back; `None`: not known.
    pub helped: Option<bool>,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// A change was proven to have helped.
    Repaired,
    /// The alert was resolved without a change.
    ResolvedByItself,
    /// A person had to go on.
    HandedOver,
    /// A change could not be taken back.
    UndoFailed,
}

/// What a person said of an incident afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whether the conclusion was right.
    pub word: Word,
    /// The true cause, where they gave it.
    pub cause: Option<String>,
    /// Who, by the name of the credentials.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A person's judgement of a conclusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Cause and remedy were right.
    Right,
    /// They were wrong.
    Wrong,
}
