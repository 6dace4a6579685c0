//! An incident is what its events add up to.
//!
//! Invariant: [`Incident::apply`] is the only place where an incident changes, live, after a crash and in a replay.
//! It does no I/O, reads no clock, and has no wildcard arm.

mod call;
mod conclusion;
mod depth;
mod detail;
mod event;
mod feedback;
mod group;
mod todo;
mod verdict;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tools::Touches;

pub use call::{Approval, CallState, ChangeState};
pub use conclusion::{Claim, Conclusion, Confidence, Hypothesis, Level};
pub(crate) use depth::{can_be_read, shallow};
pub use detail::{AnswerStatus, Around, Budget, Decision, JoinReason, Outcome, ServiceMatch, Source, Usage, Who};
pub use event::{Call, Entry, Event, IncidentId, OPERATIONS, Seq};
pub use feedback::Feedback;
pub use group::{OpenIncidents, join, match_service};
pub use memory::Word;
pub use todo::Todo;
pub use verdict::{Reason, Verdict, Weighed};

use crate::alert::Alert;

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Written, and nobody looks yet.
    Open,
    /// Evidence is being gathered.
    Investigating,
    /// A person is asked.
    AwaitingApproval,
    /// A change may be happening in the world.
    Changing,
    /// A change is done and not proven yet.
    Verifying,
    /// The cause is named; it is about to be closed.
    Concluded,
    /// It is over.
    Closed,
}

/// An alert of an incident and whether it still fires.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Joined {
    /// The alert in its last episode.
    pub alert: Alert,
    /// The entry that brought it.
    pub seq: Seq,
    /// When Alertmanager said that it no longer holds.
    pub resolved: Option<DateTime<Utc>>,
}

/// What an incident's events add up to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// One line for people.
    pub title: String,
    /// Where it came from; `None` before its first event.
    pub source: Option<Source>,
    /// The service that it is about.
    pub service: ServiceMatch,
    /// Where it stands.
    pub phase: Phase,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Its alerts.
    pub alerts: Vec<Joined>,
    /// Alerts that Alertmanager left out of its notifications.
    pub truncated: u64,
    /// Its calls in their order.
    #[serde(skip)]
    pub calls: Vec<CallState>,
    /// Turns of a model, triage left out.
    pub turns: u32,
    /// What all turns used.
    pub usage: Usage,
    /// Which budget is used up.
    pub budget_reached: Option<Budget>,
    /// What it comes down to.
    pub conclusion: Option<Conclusion>,
    /// Why a person has to go on.
    pub handed_over: Option<String>,
    /// First entry's time.
    pub opened_at: DateTime<Utc>,
    /// Last entry's time.
    pub updated_at: DateTime<Utc>,
    /// Last entry's place.
    pub last_seq: Seq,
    /// When the investigation began.
    pub began_at: Option<DateTime<Utc>>,
    /// Seconds spent waiting for people.
    pub waited_seconds: i64,
    /// What people said of it afterwards, oldest first.
    pub feedback: Vec<Feedback>,
    /// Who wants memory to drop it.
    pub forgotten: Option<Who>,
}

/// Whoever pages a person takes part under this name; no model can: a cap on a model's messages does not hold for it.
pub const PAGER: &str = "pager";

/// Triage takes part in the conversation under this name; its turn costs nothing and counts for no budget.
pub const TRIAGE: &str = "triage";

impl Incident {
    /// An incident without events.
    pub fn new(id: IncidentId) -> Self {
        Self {
            id,
            title: String::new(),
            source: None,
            service: ServiceMatch::Nothing { tried: Vec::new() },
            phase: Phase::Open,
            outcome: None,
            alerts: Vec::new(),
            truncated: 0,
            calls: Vec::new(),
            turns: 0,
            usage: Usage::default(),
            budget_reached: None,
            conclusion: None,
            handed_over: None,
            opened_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            last_seq: 0,
            began_at: None,
            waited_seconds: 0,
            feedback: Vec::new(),
            forgotten: None,
        }
    }

    /// The incident that these entries add up to.
    pub fn replay<'a>(id: IncidentId, entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut incident = Self::new(id);
        for entry in entries {
            incident.apply(entry);
        }
        incident
    }

    /// Takes one more entry into account.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        if self.last_seq == 0 {
            self.opened_at = at;
        }
        self.last_seq = entry.seq;
        self.updated_at = at;
        match &entry.event {
            Event::Opened { source, title, service } => {
                self.source = Some(source.clone());
                self.title.clone_from(title);
                self.service = service.clone();
            }
            Event::AlertJoined { alert, truncated, .. } => self.alert_joined(alert, *truncated, entry.seq),
            Event::AlertResolved { fingerprint, ended } => {
                for joined in self.alerts.iter_mut().filter(|joined| joined.alert.fingerprint == *fingerprint) {
                    joined.resolved = Some(*ended);
                }
            }
            Event::Asked { .. } | Event::FellBack { .. } | Event::SentBack { .. } => self.phase = Phase::Investigating,
            Event::Turned { model, calls, usage, .. } => self.turned(model, calls, *usage, entry),
            Event::Judged { call, verdict, .. } => self.on_call(call, |state| state.verdict = Some(verdict.clone())),
            Event::ApprovalWanted { call, hash, expires, effect, people, roles, .. } => {
                let approval = Approval {
                    seq: entry.seq,
                    hash: hash.clone(),
                    wanted: at,
                    expires: *expires,
                    state: effect.state.clone(),
                    people: *people,
                    roles: roles.clone(),
                    given: Vec::new(),
                    answer: None,
                };
                self.on_call(&call.id, |state| state.approval = Some(approval));
                self.phase = Phase::AwaitingApproval;
            }
            Event::ApprovalGiven { call, decision, by, .. } => self.approval_answered(call, *decision, by, at),
            Event::ApprovalExpired { call } => self.approval_answered(call, Decision::Deny, "nobody in time", at),
            Event::Answered { call, status, data, .. } => {
                self.on_call(call, |state| {
                    state.answer = Some(entry.seq);
                    state.status = Some(status.clone());
                    state.data = data.clone();
                });
                self.phase = Phase::Investigating;
            }
            Event::ChangeBegun { call, .. } => {
                let change = ChangeState::begun(entry.seq, at, &entry.event);
                self.on_call(&call.id, |state| state.change = change);
                self.phase = Phase::Changing;
            }
            Event::ChangeDone { call, ok, what, .. } => {
                self.on_change(call, |change| change.done = Some((at, *ok, what.clone())));
                self.phase = Phase::Verifying;
            }
            Event::Verified { call, ok, .. } => {
                self.on_change(call, |change| change.verified = Some((entry.seq, *ok)));
            }
            Event::Undone { call, failed, checks, .. } => {
                let stands = failed.is_none() && checks.iter().all(|check| check.passed);
                self.on_change(call, |change| change.undone = Some(stands));
            }
            Event::BreakerTripped { .. }
            | Event::BreakerRaised { .. }
            | Event::Halted { .. }
            | Event::Resumed { .. }
            | Event::PolicyLoaded { .. }
            | Event::RunbookLearned { .. } => {}
            Event::BudgetReached { budget, .. } => self.budget_reached = Some(*budget),
            Event::Concluded { conclusion, .. } => {
                self.conclusion = Some(conclusion.clone());
                self.phase = Phase::Concluded;
            }
            Event::HandedOver { why } => {
                self.handed_over = Some(why.clone());
                self.phase = Phase::Concluded;
            }
            Event::Closed { outcome, .. } => {
                self.outcome = Some(*outcome);
                self.phase = Phase::Closed;
            }
            Event::Feedback { word, cause, who } => {
                let (seq, cause, who) = (entry.seq, cause.clone(), who.clone());
                self.feedback.push(Feedback { seq, at, word: *word, cause, who });
            }
            Event::Forgotten { who } => self.forgotten = Some(who.clone()),
        }
    }

    /// Whether this is about an alert, and none of its alerts fires any more.
    pub fn all_resolved(&self) -> bool {
        !self.alerts.is_empty() && self.alerts.iter().all(|joined| joined.resolved.is_some())
    }

    /// The alerts that still fire.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|joined| joined.resolved.is_none()).map(|joined| &joined.alert)
    }

    /// The call of that id.
    pub fn call(&self, id: &str) -> Option<&CallState> {
        self.calls.iter().find(|state| state.call.id == id)
    }

    /// The id for the next call.
    pub fn next_call_id(&self) -> usize {
        self.calls.len() + 1
    }

    /// Changes that were begun, in their order.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = (&CallState, &ChangeState)> {
        self.calls.iter().filter_map(|state| state.change.as_ref().map(|change| (state, change)))
    }

    /// The last change to a service: a message or a silence repairs nothing.
    pub fn last_remedy(&self) -> Option<(&CallState, &ChangeState)> {
        self.changes().rfind(|(_, change)| change.touches == Touches::Service)
    }

    /// Whether the last remedy was proven to have helped, and no alert came after that.
    pub fn repaired(&self) -> bool {
        let Some((seq, true)) = self.last_remedy().and_then(|(_, change)| change.verified) else {
            return false;
        };
        self.alerts.iter().all(|joined| joined.seq < seq || joined.resolved.is_some())
    }

    /// Whether a change of a repository was proposed, and stands.
    pub fn proposed(&self) -> bool {
        self.changes()
            .any(|(_, change)| change.touches == Touches::Repository && matches!(change.verified, Some((_, true))))
    }

    /// The change that did not help and could not be taken back.
    pub fn undo_failed(&self) -> Option<(&CallState, &ChangeState)> {
        self.changes().find(|(_, change)| change.undone == Some(false))
    }

    /// The page about a change that could not be taken back.
    pub fn page(&self) -> Option<&CallState> {
        self.calls.iter().find(|state| state.by == PAGER)
    }

    /// How it would end if it ended now.
    pub fn ending(&self) -> Outcome {
        if self.undo_failed().is_some() {
            return Outcome::UndoFailed;
        }
        match &self.source {
            Some(Source::Question { .. }) => Outcome::Answered,
            Some(Source::Lesson { .. }) if self.proposed() => Outcome::Answered,
            Some(Source::Lesson { .. }) => Outcome::HandedOver,
            Some(Source::Alert) | None if self.repaired() => Outcome::Repaired,
            Some(Source::Alert) | None if self.all_resolved() => Outcome::ResolvedByItself,
            Some(Source::Alert) | None => Outcome::HandedOver,
        }
    }

    fn alert_joined(&mut self, alert: &Alert, truncated: u64, seq: Seq) {
        self.truncated = self.truncated.max(truncated);
        let joined = Joined { alert: alert.clone(), seq, resolved: None };
        match self.alerts.iter_mut().find(|known| known.alert.fingerprint == alert.fingerprint) {
            Some(known) => *known = joined,
            None => self.alerts.push(joined),
        }
    }

    fn turned(&mut self, model: &str, calls: &[Call], usage: Usage, entry: &Entry) {
        self.began_at.get_or_insert(entry.at);
        self.turns += u32::from(model != TRIAGE && model != PAGER);
        self.usage.input_tokens += usage.input_tokens;
        self.usage.cached_tokens += usage.cached_tokens;
        self.usage.output_tokens += usage.output_tokens;
        self.usage.cost += usage.cost;
        self.calls.extend(calls.iter().map(|call| CallState::new(call.clone(), entry.seq, model)));
        self.phase = Phase::Investigating;
    }

    fn approval_answered(&mut self, call: &str, decision: Decision, by: &str, at: DateTime<Utc>) {
        let mut waited = None;
        self.on_call(call, |state| {
            if let Some(approval) = &mut state.approval {
                if decision == Decision::Approve {
                    approval.given.push(by.to_owned());
                }
                let enough = u32::try_from(approval.given.len()).is_ok_and(|given| given >= approval.people);
                if decision == Decision::Deny || enough {
                    waited = Some(at - approval.wanted);
                    let by = if decision == Decision::Deny { by.to_owned() } else { approval.given.join(" and ") };
                    approval.answer = Some((decision, by));
                }
            }
        });
        if let Some(waited) = waited {
            self.waited_seconds += waited.num_seconds();
            self.phase = Phase::Investigating;
        }
    }

    fn on_call(&mut self, id: &str, change: impl FnOnce(&mut CallState)) {
        if let Some(state) = self.calls.iter_mut().find(|state| state.call.id == id) {
            change(state);
        }
    }

    fn on_change(&mut self, id: &str, change: impl FnOnce(&mut ChangeState)) {
        if let Some(begun) =
            self.calls.iter_mut().find(|state| state.call.id == id).and_then(|state| state.change.as_mut())
        {
            change(begun);
        }
    }
}
