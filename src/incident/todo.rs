//! What has to be done next for an incident: read from its state alone, so that a worker can take up where another stopped.

use chrono::{DateTime, Utc};

use super::{Call, CallState, Decision, Incident, OPERATIONS, Phase, Source};

/// What to do about a page that was begun.
fn paging(page: &CallState, now: DateTime<Utc>) -> Todo {
    if page.answer.is_some() {
        return Todo::Close;
    }
    match page.approval.as_ref().filter(|approval| approval.answer.is_none()) {
        None => Todo::Run(vec![page.call.clone()]),
        Some(approval) if approval.expires <= now => Todo::Expire(page.call.clone()),
        Some(approval) => Todo::Wait(approval.expires),
    }
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// The standard evidence.
    Triage,
    /// A change was begun and its end is not written: look it up, prove it, keep it or take it back.
    Settle(Call),
    /// A person did not answer in time.
    Expire(Call),
    /// Nobody needs to answer any more: the alerts are resolved.
    Withdraw(Call),
    /// Calls without an answer.
    Run(Vec<Call>),
    /// Wait for people, at the longest until then.
    Wait(DateTime<Utc>),
    /// Ask the model.
    Think,
    /// Page a person: something was changed, did not help, and could not be taken back.
    Page,
    /// Write the end.
    Close,
    /// It is over.
    Nothing,
}

impl Incident {
    /// What to do next.
    pub fn todo(&self, now: DateTime<Utc>) -> Todo {
        if self.phase == Phase::Closed || self.last_seq == 0 || self.id == OPERATIONS {
            return Todo::Nothing;
        }
        if let Some((state, _)) = self.changes().find(|(state, _)| state.answer.is_none()) {
            return Todo::Settle(state.call.clone());
        }
        if self.undo_failed().is_some() {
            return match self.page() {
                None => Todo::Page,
                Some(page) => paging(page, now),
            };
        }
        if self.conclusion.is_some() || self.handed_over.is_some() {
            return Todo::Close;
        }
        if self.calls.is_empty() && self.turns == 0 {
            let over = self.all_resolved() && matches!(self.source, Some(Source::Alert));
            return if over { Todo::Close } else { Todo::Triage };
        }
        self.todo_calls(now)
    }

    fn todo_calls(&self, now: DateTime<Utc>) -> Todo {
        let mut run = Vec::new();
        let mut wait: Option<DateTime<Utc>> = None;
        for state in self.calls.iter().filter(|state| state.answer.is_none()) {
            match &state.approval {
                Some(approval) if approval.answer.is_none() => {
                    if self.all_resolved() {
                        return Todo::Withdraw(state.call.clone());
                    }
                    if approval.expires <= now {
                        return Todo::Expire(state.call.clone());
                    }
                    wait = Some(wait.map_or(approval.expires, |until| until.min(approval.expires)));
                }
                Some(_) | None => run.push(state.call.clone()),
            }
        }
        if !run.is_empty() {
            return Todo::Run(run);
        }
        // A lesson has one thing to propose, and nothing to think about.
        let next = if matches!(self.source, Some(Source::Lesson { .. })) { Todo::Close } else { Todo::Think };
        wait.map_or(next, Todo::Wait)
    }

    /// Whether a worker is needed, and not before which moment; `None` when there is nothing to do until the next event.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        match self.todo(self.updated_at) {
            Todo::Nothing => None,
            Todo::Wait(until) => Some(until),
            Todo::Triage
            | Todo::Settle(_)
            | Todo::Expire(_)
            | Todo::Withdraw(_)
            | Todo::Run(_)
            | Todo::Think
            | Todo::Page
            | Todo::Close => Some(self.updated_at),
        }
    }

    /// Calls about which a person is asked and has not answered.
    pub fn pending_approvals(&self) -> impl Iterator<Item = (&super::CallState, &super::Approval)> {
        let open = self.phase != Phase::Closed;
        self.calls
            .iter()
            .filter(move |state| open && state.waiting())
            .filter_map(|state| state.approval.as_ref().map(|approval| (state, approval)))
    }

    /// Who said no to a call.
    pub fn denied_by(&self, call: &str) -> Option<&str> {
        let approval = self.call(call)?.approval.as_ref()?;
        match &approval.answer {
            Some((Decision::Deny, by)) => Some(by),
            Some((Decision::Approve, _)) | None => None,
        }
    }
}
