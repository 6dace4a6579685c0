//! A change that was begun is seen through: looked up after a crash, proven, kept or taken back.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tools::{Check, Failure, Touches, Undo};

use super::Guard;
use crate::{
    incident::{AnswerStatus, Call, ChangeState, Event, Reason},
    journal::{Case, History, JournalError},
};

impl Guard {
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
                ChangeState { done: Some((_, ok, what)), verified: None, .. } => {
                    if !ok && was_not_run(case, &call) {
                        let text = format!("{what}; it counts as not done");
                        return case.write(vec![changed(&call, text, false)]).await;
                    }
                    let verified = self.prove(case, &call, &change, *ok).await?;
                    case.write(vec![verified]).await?;
                }
                ChangeState { verified: Some((seq, true)), done, .. } => {
                    let text = format!("{}; proven by the checks in [{seq}]", what_of(done));
                    return case.write(vec![changed(&call, text, true)]).await;
                }
                ChangeState { verified: Some((_, false)), undone: None, service, before, touches, .. } => {
                    let undone = match self.journal.halted().await? {
                        None => self.take_back(&call, before).await,
                        // A halt stops every change, the one back too: a person decides how things stand from here.
                        Some(who) => untouched(&call, &Reason::Halted { by: who.by, because: who.because }),
                    };
                    match touches {
                        Touches::Service => self.count_failure(case, service, undone).await?,
                        Touches::Alerts | Touches::Repository | Touches::People => case.write(vec![undone]).await?,
                    }
                }
                ChangeState { verified: Some((seq, false)), undone: Some(true), done, .. } => {
                    let text = format!("{}; it did not help: see the checks in [{seq}]", what_of(done));
                    return case.write(vec![changed(&call, text, false)]).await;
                }
                ChangeState { verified: Some(_), undone: Some(false), done, service, .. } => {
                    let text = format!("{}; it did not help, and it could not be taken back", what_of(done));
                    let why = format!("{} changed {service}, did not help, and could not be taken back", call.tool);
                    return case.write(vec![changed(&call, text, false), Event::HandedOver { why }]).await;
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

    /// Takes it back, and looks whether the state before stands again.
    async fn take_back(&self, call: &Call, before: &Value) -> Event {
        let permit = self.mint.permit(&call.tool, &call.args);
        let undone: Result<Undo, Failure> = self.registry.undo(permit, &call.tool, &call.args, before).await;
        let (undo, failed) = match undone {
            Ok(undo) => (Some(undo), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        let checks = match (&undo, &failed) {
            (Some(Undo::Done(_)), None) => self.restored(call, before).await,
            (Some(Undo::Nothing(_)) | None, _) | (Some(Undo::Done(_)), Some(_)) => Vec::new(),
        };
        Event::Undone { call: call.id.clone(), undo, failed, checks }
    }

    /// Asked until all pass or time is up: what was started again needs its moment.
    async fn restored(&self, call: &Call, before: &Value) -> Vec<Check> {
        let deadline = self.clock.now() + TimeDelta::from_std(self.options.verify_within).unwrap_or_default();
        loop {
            let checks = match self.registry.restored(&call.tool, &call.args, before).await {
                Ok(checks) => checks,
                Err(failure) => vec![Check {
                    name: "the state before stands again".to_owned(),
                    passed: false,
                    found: failure.to_string(),
                }],
            };
            if checks.iter().all(|check| check.passed) || self.clock.now() >= deadline {
                return checks;
            }
            self.clock.sleep(self.options.verify_every).await;
        }
    }

    /// Writes that a change did not help, and trips the breakers that this is one too many for.
    async fn count_failure(&self, case: &mut Case, service: &str, undone: Event) -> Result<(), JournalError> {
        let breaker = self.policy.load().breaker;
        let of = service.to_owned();
        case.decide_change(service, move |_, history| {
            let History { service_failed, fleet_failed, .. } = history;
            let both = [(of, *service_failed, breaker.service), (String::new(), *fleet_failed, breaker.fleet)];
            let tripped = both.into_iter().filter_map(|(service, (failed, tripped), most)| {
                let (failed, most) = (failed + 1, u64::from(most));
                (!tripped && failed >= most).then_some(Event::BreakerTripped { service, failed, most })
            });
            std::iter::once(undone).chain(tripped).collect()
        })
        .await
    }
}

/// A change that is not taken back since nothing may be changed now.
fn untouched(call: &Call, reason: &Reason) -> Event {
    Event::Undone { call: call.id.clone(), undo: None, failed: Some(reason.to_string()), checks: Vec::new() }
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

fn changed(call: &Call, text: String, proven: bool) -> Event {
    Event::Answered {
        call: call.id.clone(),
        tool: call.tool.clone(),
        text,
        data: json!({ "proven": proven }),
        raw: Value::Null,
        status: AnswerStatus::Changed { proven },
        instructs: None,
    }
}
