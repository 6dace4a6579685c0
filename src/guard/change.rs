//! Calls that change: judged, asked about where they must be, written down before they run, proven, and taken back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tools::{Failure, Undo, call_hash};

use super::{Facts, Guard, answered, judge, refused, wrong};
use crate::{
    incident::{AnswerStatus, Call, ChangeState, Event, Reason, Verdict},
    journal::{Case, JournalError},
};

impl Guard {
    pub(super) async fn change(&self, case: &mut Case, call: Call) -> Result<(), JournalError> {
        let target = match self.registry.target(&call.tool, &call.args) {
            Ok(target) => target,
            Err(failure) => return case.write(wrong(&call, &failure.to_string())).await,
        };
        let seen = self.journal.last_change(&target.service).await?;
        let verdict = self.judged(case, &call, &target.service, seen);
        let hash = call_hash(&call.tool, &call.args);
        if let Some(by) = case.incident().denied_by(&call.id) {
            let text = format!("not done: leave was refused by {by}");
            return case.write(vec![answered(&call, text, AnswerStatus::Refused)]).await;
        }
        let approved = case.incident().call(&call.id).is_some_and(|state| state.approved(&hash));
        match &verdict {
            Verdict::Refuse(reason) => {
                let text = format!("not done: {reason}");
                case.write(refused(&call, verdict.clone(), text, AnswerStatus::Refused)).await
            }
            Verdict::Ask(_) if !approved => self.ask_leave(case, call, hash, verdict).await,
            Verdict::Ask(_) | Verdict::Allow(_) => {
                let judged = Event::Judged { call: call.id.clone(), tool: call.tool.clone(), verdict };
                case.write(vec![judged]).await?;
                self.begin(case, call, &target.service, seen).await
            }
        }
    }

    fn judged(&self, case: &Case, call: &Call, named: &str, last_change: Option<DateTime<Utc>>) -> Verdict {
        let catalogue = self.catalogue.load();
        judge(
            &self.policy,
            &Facts {
                tool: &call.tool,
                named,
                service: catalogue.get(named),
                scope: &self.may_touch(case.incident()),
                incident: case.incident(),
                last_change,
                now: self.clock.now(),
            },
        )
    }

    async fn ask_leave(&self, case: &mut Case, call: Call, hash: String, verdict: Verdict) -> Result<(), JournalError> {
        let wait = TimeDelta::from_std(self.options.approval_expires).unwrap_or(TimeDelta::MAX);
        let expires = self.clock.now() + wait;
        let judged = Event::Judged { call: call.id.clone(), tool: call.tool.clone(), verdict: verdict.clone() };
        case.write(vec![judged, Event::ApprovalWanted { call, hash, verdict, expires }]).await
    }

    /// Writes the state before, runs the change, and sees it through.
    async fn begin(
        &self,
        case: &mut Case,
        call: Call,
        service: &str,
        seen: Option<DateTime<Utc>>,
    ) -> Result<(), JournalError> {
        let before = match self.registry.before(&call.tool, &call.args).await {
            Ok(before) => before,
            Err(failure) => return case.write(vec![not_begun(&call, &failure)]).await,
        };
        let begun = Event::ChangeBegun { call: call.clone(), service: service.to_owned(), before: before.clone() };
        match case.begin_change(service, seen, begun).await {
            Err(JournalError::Conflict(what)) => {
                let verdict = Verdict::Refuse(Reason::Doubt { what: what.clone() });
                let events = refused(&call, verdict, format!("not done: {what}"), AnswerStatus::Refused);
                return case.write(events).await;
            }
            other => other?,
        }
        let permit = self.mint.permit(&call.tool, &call.args);
        let done = self.registry.apply(permit, &call.tool, &call.args, &before).await;
        let (ok, what) = match done {
            Ok(what) => (true, what),
            Err(failure) => (false, failure.to_string()),
        };
        case.write(vec![Event::ChangeDone { call: call.id.clone(), ok, what, found: false }]).await?;
        self.settle(case, call).await
    }

    /// Sees a change that was begun through to its end, from wherever it stands: the same path after a crash and without one.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn settle(&self, case: &mut Case, call: Call) -> Result<(), JournalError> {
        loop {
            let Some(change) = case.incident().call(&call.id).and_then(|state| state.change.clone()) else {
                return Ok(());
            };
            match &change {
                ChangeState { done: None, before, begun, .. } => {
                    let found = self.look_up(&call, before, *begun).await;
                    case.write(vec![found]).await?;
                }
                ChangeState { done: Some((_, ok, what)), verified: None, before, .. } => {
                    if !ok && was_not_run(case, &call) {
                        let text = format!("{what}; it counts as not done");
                        return case.write(vec![changed(&call, text, false)]).await;
                    }
                    let verified = self.prove(case, &call, before, *ok).await?;
                    case.write(vec![verified]).await?;
                }
                ChangeState { verified: Some((seq, true)), done, .. } => {
                    let text = format!("{}; proven by the checks in [{seq}]", what_of(done));
                    return case.write(vec![changed(&call, text, true)]).await;
                }
                ChangeState { verified: Some((_, false)), undone: false, before, .. } => {
                    let undone = self.take_back(&call, before).await;
                    case.write(vec![undone]).await?;
                }
                ChangeState { verified: Some((seq, false)), undone: true, done, .. } => {
                    let text = format!("{}; it did not help: see the checks in [{seq}]", what_of(done));
                    return case.write(vec![changed(&call, text, false)]).await;
                }
            }
        }
    }

    /// After a crash: what the world says of a change whose end is not written. Never runs it again; as long as the outside
    /// system may still be at it, it is looked at again.
    async fn look_up(&self, call: &Call, before: &Value, begun: DateTime<Utc>) -> Event {
        let settles = self.registry.settles_within(&call.tool, before).unwrap_or_default();
        let settled = begun + TimeDelta::from_std(settles).unwrap_or_default();
        let done = |ok: bool, what: String, found: bool| Event::ChangeDone { call: call.id.clone(), ok, what, found };
        loop {
            let found = self.registry.happened(&call.tool, &call.args, before).await;
            let late = self.clock.now() >= settled;
            match found {
                Ok(Some(what)) => return done(true, format!("found after a restart of the agent: {what}"), true),
                Ok(None) if late => return done(false, NOT_RUN.to_owned(), true),
                // Doubt: it may have happened, so it is not counted as not run, and is proven or taken back.
                Err(failure) if late => {
                    let what = format!("the agent stopped while it ran, and it cannot be looked up: {failure}");
                    return done(false, what, false);
                }
                Ok(None) | Err(_) => self.clock.sleep(self.options.verify_every).await,
            }
        }
    }

    async fn take_back(&self, call: &Call, before: &Value) -> Event {
        let permit = self.mint.permit(&call.tool, &call.args);
        let undone: Result<Undo, Failure> = self.registry.undo(permit, &call.tool, &call.args, before).await;
        let (undo, failed) = match undone {
            Ok(undo) => (Some(undo), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        Event::Undone { call: call.id.clone(), undo, failed }
    }
}

const NOT_RUN: &str = "the agent stopped before it ran; the world is as before";

fn was_not_run(case: &Case, call: &Call) -> bool {
    case.entries().iter().any(
        |entry| matches!(&entry.event, Event::ChangeDone { call: id, ok: false, found: true, .. } if *id == call.id),
    )
}

fn what_of(done: &Option<(DateTime<Utc>, bool, String)>) -> &str {
    done.as_ref().map_or("done", |(_, _, what)| what)
}

fn not_begun(call: &Call, failure: &Failure) -> Event {
    let status = match failure {
        Failure::Tell(_) => AnswerStatus::Wrong,
        Failure::Unreachable { system, .. } => AnswerStatus::Unreachable { system: *system },
    };
    answered(call, format!("not begun, nothing was changed: {failure}"), status)
}

fn changed(call: &Call, text: String, proven: bool) -> Event {
    Event::Answered {
        call: call.id.clone(),
        tool: call.tool.clone(),
        text,
        data: json!({ "proven": proven }),
        raw: Value::Null,
        status: AnswerStatus::Changed { proven },
    }
}
