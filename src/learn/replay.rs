//! Walking a runbook over an incident that is over: it may see what was seen, and has to want what was done.

use serde_json::Value;
use tools::{Spec, Touches};

use crate::{
    alert::Alert,
    incident::{AnswerStatus, CallState, Incident, Seq},
    runbook::{Runbook, Walked, walk},
};

/// Rounds of a walk; a runbook ends long before.
const ROUNDS: usize = 64;

/// Whether the runbook would have repaired the incident by exactly the changes that repaired it.
///
/// # Errors
/// Where it leaves the way that was gone.
pub(super) fn replay(runbook: &Runbook, alert: &Alert, incident: &Incident, specs: &[Spec]) -> Result<(), String> {
    let mut way = Way::of(incident, specs);
    for _ in 0..ROUNDS {
        let calls = match walk(runbook, alert, &way.seen, true)? {
            Walked::Calls(calls, _) => calls,
            Walked::End(conclusion) if !conclusion.resolved => {
                return Err(format!("it ends without a repair: {}", conclusion.summary));
            }
            Walked::End(_) => {
                return match way.changes.next() {
                    None => Ok(()),
                    Some(missed) => Err(format!("it does without {}, which was part of the repair", missed.call.tool)),
                };
            }
        };
        for (tool, args) in calls {
            way.answer(&tool, &args)?;
        }
    }
    Err("it comes to no end".to_owned())
}

/// Whether the runbook would change anything in the state in which that incident was, as far as that was seen.
pub(super) fn would_change(runbook: &Runbook, alert: &Alert, incident: &Incident, specs: &[Spec]) -> bool {
    let mut way = Way::of(incident, specs);
    for _ in 0..ROUNDS {
        let Ok(Walked::Calls(calls, _)) = walk(runbook, alert, &way.seen, true) else {
            return false;
        };
        for (tool, args) in calls {
            if touches(specs, &tool) {
                return true;
            }
            if way.answer(&tool, &args).is_err() {
                return false;
            }
        }
    }
    false
}

fn touches(specs: &[Spec], tool: &str) -> bool {
    specs.iter().any(|spec| spec.name == tool && spec.touches.is_some())
}

/// What the runbook has seen of an incident so far, and what was done in it that it has not wanted yet.
struct Way<'a> {
    seen: Incident,
    all: &'a Incident,
    changes: Box<dyn Iterator<Item = &'a CallState> + 'a>,
    /// Answers before this entry are from before the last change.
    since: Seq,
    specs: &'a [Spec],
}

impl<'a> Way<'a> {
    fn of(incident: &'a Incident, specs: &'a [Spec]) -> Self {
        let mut seen = Incident::new(incident.id);
        seen.service = incident.service.clone();
        seen.alerts.clone_from(&incident.alerts);
        let repairs = incident.changes().filter(|(_, change)| change.touches != Touches::People);
        Self { seen, all: incident, changes: Box::new(repairs.map(|(state, _)| state)), since: 0, specs }
    }

    /// Answers a call from the journal.
    fn answer(&mut self, tool: &str, args: &Value) -> Result<(), String> {
        let mut found = if touches(self.specs, tool) { self.change(tool, args)? } else { self.look(tool, args)? };
        // Under its own arguments it finds the answer again.
        found.call.args = args.clone();
        self.seen.calls.push(found);
        Ok(())
    }

    fn look(&self, tool: &str, args: &Value) -> Result<CallState, String> {
        let until = self.next_change();
        let answered = self.all.calls.iter().find(|state| {
            state.call.tool == tool
                && state.call.args == *args
                && matches!(state.status, Some(AnswerStatus::Ok | AnswerStatus::Repeated { .. }))
                && state.answer.is_some_and(|seq| seq > self.since && seq < until)
        });
        answered.cloned().ok_or_else(|| format!("it looks with {tool} {args}, which was not looked at then"))
    }

    /// Where the change begins that comes next.
    fn next_change(&self) -> Seq {
        let begins = |state: &CallState| state.change.as_ref().map(|change| change.seq);
        let later = self.all.calls.iter().filter_map(begins).filter(|seq| *seq > self.since);
        later.min().unwrap_or(Seq::MAX)
    }

    fn change(&mut self, tool: &str, args: &Value) -> Result<CallState, String> {
        let Some(done) = self.changes.next() else {
            return Err(format!("it wants {tool} {args}, which was not done"));
        };
        if done.call.tool != tool || self.without_words(tool, &done.call.args) != self.without_words(tool, args) {
            return Err(format!("it wants {tool} {args}, and what was done was {} {}", done.call.tool, done.call.args));
        }
        self.since = done.answer.unwrap_or(self.since);
        Ok(done.clone())
    }

    fn without_words(&self, tool: &str, args: &Value) -> Value {
        let mut args = args.clone();
        let words = self.specs.iter().find(|spec| spec.name == tool).map_or(&[][..], |spec| spec.words);
        if let Value::Object(fields) = &mut args {
            fields.retain(|name, _| !words.contains(&name.as_str()));
        }
        args
    }
}
