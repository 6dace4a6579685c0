//! What an investigation comes down to: a cause whose every claim cites its evidence, and what else it could have been.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Seq;

/// Ends the investigation. Say what the cause is, with evidence; say honestly when it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// What happened, in one or two sentences for a person who was asleep. For a question: the answer.
    pub summary: String,
    /// The cause, or what is most likely, or that it is not known.
    pub cause: String,
    /// What the cause rests on. Each claim cites the numbers of the entries in which it can be read.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What it could have been, the most likely first, each with the entries that speak for it and against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hypotheses: Vec<Hypothesis>,
    /// What should be done next, by a person or later; empty when all is done.
    #[serde(default)]
    pub next_steps: Vec<String>,
    /// Whether the trouble is over as far as this investigation can tell.
    pub resolved: bool,
    /// Set by code, not by the model: what could not be checked and why.
    #[serde(default)]
    #[schemars(skip)]
    pub not_checked: Vec<String>,
    /// Set by code, not by the model: what of summary and cause stands in no evidence; absent when all does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub unproven: Option<String>,
    /// Set by code, not by the model: how sure the evidence makes the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub confidence: Option<Confidence>,
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

/// What it could have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hypothesis {
    /// The hypothesis. Every number in it must stand in an entry that it cites.
    pub text: String,
    /// Entries that speak for it.
    pub supporting: Vec<Seq>,
    /// Entries that speak against it.
    #[serde(default)]
    pub opposing: Vec<Seq>,
    /// Set by code, not by the model: why it could not be confirmed; absent when it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub unproven: Option<String>,
}

/// How sure the evidence makes the cause, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confidence {
    /// How sure.
    pub level: Level,
    /// The figures that it follows from.
    pub because: String,
}

/// How sure the evidence makes a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something of it does not stand, or more speaks against it than for it.
    Low,
    /// It stands, on one source alone or beside another hypothesis that nothing speaks against.
    Medium,
    /// It stands on several sources, or a repair that follows from it is proven; nothing speaks against it.
    High,
}

impl Conclusion {
    /// As its model wrote it: what only code may say is taken out, whoever wrote it.
    #[must_use]
    pub fn as_written(mut self) -> Self {
        self.not_checked.clear();
        self.unproven = None;
        self.confidence = None;
        self.claims.iter_mut().for_each(|claim| claim.unproven = None);
        self.hypotheses.iter_mut().for_each(|hypothesis| hypothesis.unproven = None);
        self
    }

    /// Every entry that it cites.
    pub fn cites(&self) -> impl Iterator<Item = Seq> {
        let claims = self.claims.iter().flat_map(|claim| &claim.evidence);
        let hypotheses = self.hypotheses.iter().flat_map(|one| one.supporting.iter().chain(&one.opposing));
        claims.chain(hypotheses).copied()
    }
}
