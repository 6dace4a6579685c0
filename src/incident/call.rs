//! What is known of one call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{AnswerStatus, Call, Decision, Seq, Verdict};

/// A call and what came of it so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallState {
    /// What is wanted.
    pub call: Call,
    /// The turn that wanted it.
    pub turn: Seq,
    /// What the guard said.
    pub verdict: Option<Verdict>,
    /// The question to a person.
    pub approval: Option<Approval>,
    /// The change, once begun.
    pub change: Option<ChangeState>,
    /// The entry with the answer.
    pub answer: Option<Seq>,
    /// How it ended.
    pub status: Option<AnswerStatus>,
    /// The typed answer.
    pub data: Value,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// The entry that asks.
    pub seq: Seq,
    /// SHA-256 of exactly what is asked for.
    pub hash: String,
    /// Since when.
    pub wanted: DateTime<Utc>,
    /// After this moment silence is a no.
    pub expires: DateTime<Utc>,
    /// The answer and who gave it.
    pub answer: Option<(Decision, String)>,
}

/// A change on its way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeState {
    /// The entry with which it began.
    pub seq: Seq,
    /// When.
    pub begun: DateTime<Utc>,
    /// What it touches.
    pub service: String,
    /// The state before.
    pub before: Value,
    /// When it was done, whether it did what it says, and what that was.
    pub done: Option<(DateTime<Utc>, bool, String)>,
    /// The entry with the proof, and whether it helped.
    pub verified: Option<(Seq, bool)>,
    /// Whether it was taken back, or that was tried.
    pub undone: bool,
}

impl CallState {
    /// A call about which nothing is known yet.
    pub fn new(call: Call, turn: Seq) -> Self {
        Self { call, turn, verdict: None, approval: None, change: None, answer: None, status: None, data: Value::Null }
    }

    /// Whether a person is asked and has not answered.
    pub fn waiting(&self) -> bool {
        self.answer.is_none() && self.approval.as_ref().is_some_and(|approval| approval.answer.is_none())
    }

    /// Whether a person said yes to exactly this.
    pub fn approved(&self, hash: &str) -> bool {
        self.approval
            .as_ref()
            .is_some_and(|approval| approval.hash == hash && matches!(approval.answer, Some((Decision::Approve, _))))
    }
}

impl ChangeState {
    /// A change that has just begun.
    pub fn begun(seq: Seq, begun: DateTime<Utc>, service: &str, before: &Value) -> Self {
        Self {
            seq,
            begun,
            service: service.to_owned(),
            before: before.clone(),
            done: None,
            verified: None,
            undone: false,
        }
    }
}
