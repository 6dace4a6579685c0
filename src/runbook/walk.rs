//! Walking a runbook: a pure function from what is known to the next calls or the end. Stateless, so that a restart in the
//! middle changes nothing: the answers in the journal are the place.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Ending, Runbook, Scope, Step, expression::names_of};
use crate::{
    alert::Alert,
    incident::{AnswerStatus, CallState, Claim, Conclusion, Incident, Seq},
};

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Walked {
    /// These calls, with the steps that want them.
    Calls(Vec<(String, Value)>, String),
    /// The end.
    End(Box<Conclusion>),
}

/// Walks as far as the answers allow; with `may_call` false (the budget is used up) it concludes from what there is.
///
/// # Errors
/// What is wrong with an expression or template of the runbook.
pub fn walk(runbook: &Runbook, alert: &Alert, incident: &Incident, may_call: bool) -> Result<Walked, String> {
    let mut place = Place {
        scope: Scope::new(Some(alert), incident.service.service()),
        answers: BTreeMap::new(),
        since: 0,
        wanted: Vec::new(),
    };
    for step in &runbook.steps {
        if place.waits_for(step)? {
            break;
        }
        if step.when.as_ref().map_or(Ok(true), |when| place.scope.holds(when))? {
            place.take(step, incident)?;
        } else {
            place.scope.skip(&step.id);
        }
    }
    if place.wanted.is_empty() || !may_call {
        return place.end(runbook);
    }
    let steps: Vec<_> = place.wanted.iter().map(|(step, ..)| step.as_str()).collect();
    let thought = format!("Runbook {}: {}", runbook.name, steps.join(", "));
    Ok(Walked::Calls(place.wanted.into_iter().map(|(_, call, args)| (call, args)).collect(), thought))
}

/// The calls of a runbook whose arguments need no answer, whatever their conditions: what can be looked at beforehand.
pub fn looks(runbook: &Runbook, alert: &Alert, service: &str) -> Vec<(String, Value)> {
    let scope = Scope::new(Some(alert), Some(service));
    let known = |step: &&Step| {
        let mut names = Vec::new();
        collect_names(&step.with, &mut names).is_ok() && names.iter().all(|name| name == "alert" || name == "service")
    };
    let filled = |step: &Step| scope.fill_value(&step.with).ok().map(|args| (step.call.clone(), args));
    runbook.steps.iter().filter(known).filter_map(filled).collect()
}

struct Place {
    scope: Scope,
    /// Where the answer of each step stands.
    answers: BTreeMap<String, Seq>,
    /// Answers before this entry are from before the last change and tell nothing of now.
    since: Seq,
    wanted: Vec<(String, String, Value)>,
}

impl Place {
    /// Whether a step needs the answer of one that is only now wanted.
    fn waits_for(&self, step: &Step) -> Result<bool, String> {
        if self.wanted.is_empty() {
            return Ok(false);
        }
        let mut names = step.when.as_deref().map_or(Ok(Vec::new()), |when| names_of(when, false))?;
        collect_names(&step.with, &mut names)?;
        Ok(self.wanted.iter().any(|(wanted, ..)| names.contains(wanted)))
    }

    fn take(&mut self, step: &Step, incident: &Incident) -> Result<(), String> {
        let args = self.scope.fill_value(&step.with)?;
        let answered = incident.calls.iter().find(|state| {
            state.call.tool == step.call
                && state.call.args == args
                && state.answer.is_some_and(|seq| seq > self.since)
                // What the first look had no time for is asked again.
                && !matches!(state.status, Some(AnswerStatus::LeftOut { .. }))
        });
        match answered {
            Some(state) => self.bind(step, state),
            None => self.wanted.push((step.id.clone(), step.call.clone(), args)),
        }
        Ok(())
    }

    fn bind(&mut self, step: &Step, state: &CallState) {
        self.scope.bind(&step.id, state);
        let Some(seq) = state.answer else { return };
        self.answers.insert(step.id.clone(), seq);
        if let Some(change) = &state.change {
            // The proof is where a claim about the change can be read.
            self.answers.insert(step.id.clone(), change.verified.map_or(seq, |(proof, _)| proof));
            self.since = seq;
        }
    }

    fn end(self, runbook: &Runbook) -> Result<Walked, String> {
        for ending in &runbook.conclusions {
            if ending.when.as_ref().map_or(Ok(true), |when| self.scope.holds(when))? {
                return Ok(Walked::End(Box::new(self.conclusion(runbook, ending)?)));
            }
        }
        Err(format!("runbook {}: no ending fits", runbook.name))
    }

    fn conclusion(&self, runbook: &Runbook, ending: &Ending) -> Result<Conclusion, String> {
        let verified = runbook.verify.as_ref().map_or(Ok(true), |verify| self.scope.holds(verify))?;
        let mut claims = Vec::new();
        for claim in &ending.claims {
            let evidence: Vec<Seq> = claim.cites.iter().filter_map(|step| self.answers.get(step).copied()).collect();
            let holds = claim.when.as_ref().map_or(Ok(true), |when| self.scope.holds(when))?;
            if holds && !evidence.is_empty() {
                claims.push(Claim { text: self.scope.fill(&claim.text)?, evidence, unproven: None });
            }
        }
        let mut next_steps =
            ending.next_steps.iter().map(|step| self.scope.fill(step)).collect::<Result<Vec<_>, _>>()?;
        if ending.resolved && !verified {
            next_steps
                .push(format!("The runbook's own check does not hold: {}", runbook.verify.as_deref().unwrap_or("")));
        }
        Ok(Conclusion {
            summary: self.scope.fill(&ending.summary)?,
            cause: self.scope.fill(&ending.cause)?,
            claims,
            next_steps,
            resolved: ending.resolved && verified,
            ..Conclusion::default()
        })
    }
}

fn collect_names(value: &Value, names: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::String(text) => names.extend(names_of(text, true)?),
        Value::Array(items) => items.iter().try_for_each(|item| collect_names(item, names))?,
        Value::Object(fields) => fields.values().try_for_each(|item| collect_names(item, names))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}
