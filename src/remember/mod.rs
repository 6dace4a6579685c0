//! What is kept of an incident when it is over: what was seen, why it was, what was done about it, how that ended, and what
//! people said of it. Read from the entries alone, so that memory can be made again at any time.
//!
//! Invariant: nothing that the policy marks as not to be kept, and nothing of an incident that people want forgotten, passes here.

mod feedback;
mod kept;
mod symptoms;

use chrono::{DateTime, Utc};
use memory::{Ended, Remedy, Remembered, Said};
use serde_json::Value;
use tools::{Catalogue, Touches};

pub use feedback::{forget, give_feedback};
use kept::Kept;
pub(crate) use symptoms::PASSING;

use crate::{
    guard::Policy,
    incident::{CallState, ChangeState, Entry, Event, Incident, Outcome, Source},
};

/// Characters of a cause.
const CAUSE: usize = 600;
/// Characters of one text in a remedy's arguments.
const ARGUMENT: usize = 200;
/// Stands for a text of a remedy that names a service of which nothing is to be kept.
const NOT_KEPT: &str = "(not kept)";
/// Remedies that are kept of one incident; a policy's caps allow far fewer.
const REMEDIES: usize = 16;

/// What is kept of an incident; `None` while it goes on, for questions, and for what people or the policy do not want kept.
pub fn remembered(
    incident: &Incident,
    entries: &[Entry],
    catalogue: &Catalogue,
    policy: &Policy,
) -> Option<Remembered> {
    let ended = ended(incident)?;
    let kept = Kept::new(catalogue, policy);
    if incident.forgotten.is_some() || !is_kept(incident, &kept) {
        return None;
    }
    let service = incident.service.service();
    let remedies = incident.changes().filter_map(|(state, change)| remedy(state, change, &kept));
    let mut symptoms = symptoms::of(incident, entries);
    symptoms.retain(|symptom| kept.text(symptom));
    let said = incident.feedback.iter().map(|said| Said {
        word: said.word,
        cause: said.cause.as_deref().map(|cause| line(cause, CAUSE)).filter(|cause| kept.text(cause)),
        by: said.who.by.clone(),
        at: said.at,
    });
    Some(Remembered {
        incident: incident.id,
        from: None,
        alert: alert_of(incident),
        service: service.map(str::to_owned),
        environment: service.and_then(|name| catalogue.get(name)?.environment.clone()),
        at: closed_at(entries)?,
        symptoms,
        cause: cause_of(incident),
        remedies: remedies.take(REMEDIES).collect(),
        ended,
        said: said.collect(),
    })
}

/// Whether the policy lets anything of an incident be kept outside of the journal: it is about no service, and its alert and its cause
/// name none, of which nothing is to be kept.
pub(crate) fn may_be_kept(incident: &Incident, catalogue: &Catalogue, policy: &Policy) -> bool {
    is_kept(incident, &Kept::new(catalogue, policy))
}

fn is_kept(incident: &Incident, kept: &Kept<'_>) -> bool {
    let mut changed = incident.changes().filter(|(_, change)| repairs(change.touches));
    kept.service(incident.service.service())
        && kept.text(&alert_of(incident))
        && kept.text(&cause_of(incident))
        && changed.all(|(_, change)| kept.service(Some(&change.service)))
}

fn alert_of(incident: &Incident) -> String {
    line(incident.alerts.first().map_or("", |joined| joined.alert.name()), ARGUMENT)
}

fn cause_of(incident: &Incident) -> String {
    line(incident.known_cause().unwrap_or("Not known."), CAUSE)
}

/// Silences and messages repair nothing.
fn repairs(touches: Touches) -> bool {
    matches!(touches, Touches::Service | Touches::Repository)
}

/// How it ended; `None` for what is no incident with a beginning and an end.
fn ended(incident: &Incident) -> Option<Ended> {
    match &incident.source {
        Some(Source::Question { .. } | Source::Lesson { .. }) => return None,
        Some(Source::Alert) | None => {}
    }
    match incident.outcome? {
        Outcome::Repaired => Some(Ended::Repaired),
        Outcome::ResolvedByItself => Some(Ended::ResolvedByItself),
        Outcome::HandedOver => Some(Ended::HandedOver),
        Outcome::UndoFailed => Some(Ended::UndoFailed),
        Outcome::Answered => None,
    }
}

/// A change and what became of it.
fn remedy(state: &CallState, change: &ChangeState, kept: &Kept<'_>) -> Option<Remedy> {
    let helped = match change.touches {
        Touches::Service if change.undone.is_some() => Some(false),
        Touches::Service => change.verified.map(|(_, ok)| ok),
        // That a pull request is open says nothing of whether it helps.
        Touches::Repository => None,
        Touches::Alerts | Touches::People => return None,
    };
    let args = cleaned(&state.call.args, kept);
    Some(Remedy { tool: state.call.tool.clone(), args, service: change.service.clone(), helped })
}

fn cleaned(value: &Value, kept: &Kept<'_>) -> Value {
    match value {
        Value::String(text) if kept.text(text) => Value::String(line(text, ARGUMENT)),
        Value::String(_) => Value::String(NOT_KEPT.to_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| cleaned(item, kept)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, item)| (line(name, ARGUMENT), cleaned(item, kept))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn closed_at(entries: &[Entry]) -> Option<DateTime<Utc>> {
    entries.iter().rev().find(|entry| matches!(entry.event, Event::Closed { .. })).map(|entry| entry.at)
}

/// Cleaned, masked, on one line, and at most so many characters.
fn line(text: &str, most: usize) -> String {
    // A secret that is cut in two is no longer known as one: masked first.
    let line = tools::clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    tools::clean(&format!("{cut}…"))
}

#[cfg(test)]
mod tests;
