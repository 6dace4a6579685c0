//! What is known of one call.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use tools::Touches;

use super::{AnswerStatus, Around, Call, Decision, Event, Seq, Verdict};

/// A call and what came of it so far.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallState {
    /// What is wanted.
    pub call: Call,
    /// The turn that wanted it.
    pub turn: Seq,
    /// The model that wanted it.
    pub by: String,
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
    /// The target's state when it was asked.
    pub state: String,
    /// How many different people have to say yes.
    pub people: u32,
    /// The roles that may.
    pub roles: Vec<String>,
    /// Who said yes so far.
    pub given: Vec<String>,
    /// The answer, once there is one, and who gave it.
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
    /// What kind of thing that is.
    pub touches: Touches,
    /// The state before.
    pub before: Value,
    /// How the service and what depends on it did before.
    pub around: Vec<Around>,
    /// For how many seconds all checks must pass.
    pub hold_seconds: u64,
    /// When it was done, whether it did what it says, and what that was.
    pub done: Option<(DateTime<Utc>, bool, String)>,
    /// The entry with the proof, and whether it helped.
    pub verified: Option<(Seq, bool)>,
    /// Whether taking it back was tried, and whether the state before stands again.
    pub undone: Option<bool>,
}

impl CallState {
    /// A call about which nothing is known yet.
    pub fn new(call: Call, turn: Seq, by: &str) -> Self {
        let by = by.to_owned();
        Self {
            call,
            turn,
            by,
            verdict: None,
            approval: None,
            change: None,
            answer: None,
            status: None,
            data: Value::Null,
        }
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
    /// A change that has just begun; `None` for any other event.
    pub fn begun(seq: Seq, begun: DateTime<Utc>, event: &Event) -> Option<Self> {
        let Event::ChangeBegun { service, touches, before, around, hold_seconds, .. } = event else {
            return None;
        };
        Some(Self {
            seq,
            begun,
            service: service.clone(),
            touches: *touches,
            before: before.clone(),
            around: around.clone(),
            hold_seconds: *hold_seconds,
            done: None,
            verified: None,
            undone: None,
        })
    }

    /// Whether nothing more will come of it.
    pub fn ended(&self) -> bool {
        matches!(self.verified, Some((_, true))) || self.undone.is_some()
    }
}
