//! What an investigation comes down to: a cause whose every claim cites its evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Seq;

/// Ends the investigation. Say what the cause is, with evidence; say honestly when it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// What happened, in one or two sentences for a person who was asleep. For a question: the answer.
    pub summary: String,
    /// The cause, or what is most likely, or that it is not known.
    pub cause: String,
    /// What the cause rests on. Each claim cites the numbers of the entries in which it can be read.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What should be done next, by a person or later; empty when all is done.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// Whether the trouble is over as far as this investigation can tell.
    pub resolved: bool,
    /// Set by code, not by the model: what could not be checked and why.
    #[serde(default)]
    #[schemars(skip)]
    pub not_checked: Vec<String>,
}

/// One statement and the entries in which it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The statement. Every number in it must stand in a cited entry.
    pub text: String,
    /// Entry numbers, as given in brackets before each answer, such as [12].
    pub evidence: Vec<Seq>,
    /// Set by code, not by the model: why the claim could not be confirmed; absent when it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub unproven: Option<String>,
}
