//! What is written. One enum: durable state, live stream, time line, approval queue, audit trail and tape of the evals.
//!
//! Invariant: an entry once written is never changed; a new kind of fact is a new variant, a new detail an optional field.

use chrono::{DateTime, Utc};
use memory::Word;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tools::{Check, Effect, Touches, Undo};

use super::{
    AnswerStatus, Around, Budget, Conclusion, Decision, JoinReason, Outcome, ServiceMatch, Source, Usage, Verdict,
    Weighed, Who,
};
use crate::alert::Alert;

/// Names an incident; counted up from 1, so that a person can type it.
pub type IncidentId = u64;

/// The place of what belongs to no incident: halts, raised breakers, loaded policies.
pub const OPERATIONS: IncidentId = 0;

/// A place in an incident's own sequence, counted up from 1.
pub type Seq = u64;

/// What stands in the journal: an event with its place and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The place in the incident's sequence.
    pub seq: Seq,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Which incident.
    pub incident: IncidentId,
    /// What happened.
    pub event: Event,
}

/// What a model wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Names the call within its incident; counted by us, since providers' ids repeat.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// Its arguments.
    pub args: Value,
}

/// One fact. The order of the variants is the order in which an incident usually meets them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The incident begins.
    Opened {
        /// Where it came from.
        source: Source,
        /// One line for people.
        title: String,
        /// Which service it is about and how that was found.
        service: ServiceMatch,
    },
    /// An alert belongs to this incident.
    AlertJoined {
        /// The alert.
        alert: Alert,
        /// Alertmanager's group key.
        group_key: String,
        /// Alertmanager's receiver.
        receiver: String,
        /// Why it belongs here.
        because: JoinReason,
        /// How many alerts Alertmanager left out of the notification.
        #[serde(default, skip_serializing_if = "is_zero")]
        truncated: u64,
        /// A text of it that reads as an instruction: shown to people, and data all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructs: Option<String>,
    },
    /// Alertmanager says that an alert no longer holds.
    AlertResolved {
        /// The alert's fingerprint.
        fingerprint: String,
        /// When it ended, as Alertmanager has it.
        ended: DateTime<Utc>,
    },
    /// What a model was asked.
    Asked {
        /// The model's name.
        model: String,
        /// SHA-256 of the prompt's stable part.
        prompt: String,
        /// Messages handed over.
        messages: usize,
        /// Tokens of them, as counted here; 0 for a model without tokens.
        tokens: usize,
        /// The tools that could be called; empty on the last turn.
        tools: Vec<String>,
    },
    /// A model failed and the next one of the chain took over.
    FellBack {
        /// The model that failed.
        from: String,
        /// The one that took over.
        to: String,
        /// What was seen.
        why: String,
    },
    /// What a model wants next.
    Turned {
        /// The model's name.
        model: String,
        /// Its reasoning in its own words.
        thought: String,
        /// The calls it wants made.
        calls: Vec<Call>,
        /// What the turn used.
        usage: Usage,
    },
    /// The guard's answer to a call.
    Judged {
        /// The call.
        call: String,
        /// The tool, so that the entry reads alone.
        tool: String,
        /// What it may do.
        verdict: Verdict,
        /// Who wants it: a model's name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
        /// The numbers that the verdict was made from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weighed: Vec<Weighed>,
        /// SHA-256 of the policy that it was made by.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        policy: String,
    },
    /// A person is asked for leave.
    ApprovalWanted {
        /// The call.
        call: Call,
        /// SHA-256 over tool and arguments: leave is for exactly these.
        hash: String,
        /// What the guard said.
        verdict: Verdict,
        /// After this moment silence is a no.
        expires: DateTime<Utc>,
        /// What the call would do, and the state of its target: leave is for exactly this.
        #[serde(default)]
        effect: Effect,
        /// How many different people have to say yes.
        #[serde(default = "one")]
        people: u32,
        /// The roles that may.
        #[serde(default)]
        roles: Vec<String>,
    },
    /// A person answered.
    ApprovalGiven {
        /// The call.
        call: String,
        /// The hash of what was approved.
        hash: String,
        /// Yes or no.
        decision: Decision,
        /// Who, by the name of the credentials.
        by: String,
        /// Their role.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        role: String,
        /// From where: an address, or the command line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        from: String,
        /// What they said.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// Nobody answered in time.
    ApprovalExpired {
        /// The call.
        call: String,
    },
    /// What a call brought.
    Answered {
        /// The call.
        call: String,
        /// The tool, so that the entry reads alone.
        tool: String,
        /// Compact text, as the model reads it.
        text: String,
        /// The typed answer, for conditions.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        data: Value,
        /// The outside system's own answer, within bounds.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        raw: Value,
        /// How it ended.
        status: AnswerStatus,
        /// A part of the text that reads as an instruction: shown to people, and data all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructs: Option<String>,
    },
    /// A change is about to run; from here on it may have happened.
    ChangeBegun {
        /// The call.
        call: Call,
        /// The service that it touches.
        service: String,
        /// What kind of thing it touches.
        #[serde(default = "service")]
        touches: Touches,
        /// What it does, in numbers.
        #[serde(default)]
        effect: Effect,
        /// The state before, enough to undo from.
        before: Value,
        /// How the service and what depends on it did before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        around: Vec<Around>,
        /// For how many seconds all checks must pass.
        #[serde(default)]
        hold_seconds: u64,
    },
    /// A change ran.
    ChangeDone {
        /// The call.
        call: String,
        /// Whether it did what it says; after a failure the world may be half changed.
        ok: bool,
        /// What was done, or what went wrong.
        what: String,
        /// Found in the world after a crash, not seen running.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        found: bool,
    },
    /// The proof that a change helped, or that it did not.
    Verified {
        /// The call.
        call: String,
        /// Whether all checks passed.
        ok: bool,
        /// Each question with its answer.
        checks: Vec<Check>,
        /// Seconds from the end of the change to this answer.
        seconds: f64,
    },
    /// A change that did not help was taken back.
    Undone {
        /// The call.
        call: String,
        /// How, or why there was nothing to take back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<Undo>,
        /// What went wrong in taking back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        /// Whether the state before stands again, question by question.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
    },
    /// Too many changes in a row did not help: a person decides until somebody raises it.
    BreakerTripped {
        /// The service; empty: the whole fleet.
        service: String,
        /// Changes in a row that did not help.
        failed: u64,
        /// How many trip it.
        most: u64,
    },
    /// A person raised autonomy again.
    BreakerRaised {
        /// The service; empty: the whole fleet.
        service: String,
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A person stopped every change.
    Halted {
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A person let changes go on.
    Resumed {
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A policy holds from here on.
    PolicyLoaded {
        /// The file; empty: the compiled-in one.
        file: String,
        /// SHA-256 of its text.
        hash: String,
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A budget is used up; the model gets one last turn without tools.
    BudgetReached {
        /// Which.
        budget: Budget,
        /// What was used of what was allowed.
        used: String,
    },
    /// A conclusion was sent back, once: its claims do not stand in what they cite.
    SentBack {
        /// The model's name.
        model: String,
        /// The conclusion, with what is wrong marked in it.
        conclusion: Conclusion,
        /// What is wrong, line by line, as the model reads it.
        wrong: Vec<String>,
    },
    /// What it comes down to.
    Concluded {
        /// The model's name.
        model: String,
        /// Cause, evidence, remedy.
        conclusion: Conclusion,
    },
    /// A person has to go on.
    HandedOver {
        /// Why.
        why: String,
    },
    /// The incident ends.
    Closed {
        /// How.
        outcome: Outcome,
        /// In one line.
        why: String,
    },
    /// A person says afterwards whether cause and remedy were right.
    Feedback {
        /// Their judgement.
        word: Word,
        /// The true cause, where they give it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A person wants memory to drop the incident; the journal is an audit trail and keeps it.
    Forgotten {
        /// Who.
        #[serde(flatten)]
        who: Who,
    },
    /// A runbook was written from incidents that the same calls repaired.
    RunbookLearned {
        /// Its name; no runbook of that name is written again.
        name: String,
        /// SHA-256 of its text.
        hash: String,
        /// The incidents that it was learnt from.
        from: Vec<IncidentId>,
        /// Where it went: the draft's file, the incident that proposes it.
        #[serde(rename = "where")]
        place: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn one() -> u32 {
    1
}

fn service() -> Touches {
    Touches::Service
}

impl Event {
    /// The answer to a call that brought nothing but words.
    pub fn answered(call: &Call, text: String, status: AnswerStatus) -> Self {
        Self::Answered {
            call: call.id.clone(),
            tool: call.tool.clone(),
            text,
            data: Value::Null,
            raw: Value::Null,
            status,
            instructs: None,
        }
    }

    /// The event's name, as the journal's `type` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::AlertJoined { .. } => "alert_joined",
            Self::AlertResolved { .. } => "alert_resolved",
            Self::Asked { .. } => "asked",
            Self::FellBack { .. } => "fell_back",
            Self::Turned { .. } => "turned",
            Self::Judged { .. } => "judged",
            Self::ApprovalWanted { .. } => "approval_wanted",
            Self::ApprovalGiven { .. } => "approval_given",
            Self::ApprovalExpired { .. } => "approval_expired",
            Self::Answered { .. } => "answered",
            Self::ChangeBegun { .. } => "change_begun",
            Self::ChangeDone { .. } => "change_done",
            Self::Verified { .. } => "verified",
            Self::Undone { .. } => "undone",
            Self::BreakerTripped { .. } => "breaker_tripped",
            Self::BreakerRaised { .. } => "breaker_raised",
            Self::Halted { .. } => "halted",
            Self::Resumed { .. } => "resumed",
            Self::PolicyLoaded { .. } => "policy_loaded",
            Self::BudgetReached { .. } => "budget_reached",
            Self::SentBack { .. } => "sent_back",
            Self::Concluded { .. } => "concluded",
            Self::HandedOver { .. } => "handed_over",
            Self::Closed { .. } => "closed",
            Self::Feedback { .. } => "feedback",
            Self::Forgotten { .. } => "forgotten",
            Self::RunbookLearned { .. } => "runbook_learned",
        }
    }
}
