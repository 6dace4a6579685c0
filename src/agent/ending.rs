//! How an incident ends: read from what its entries add up to, with the reason in one line.

use serde_json::json;

use crate::{
    incident::{AnswerStatus, Call, Event, Incident, Outcome, PAGER, Source, Usage},
    journal::{Case, JournalError},
};

/// The tool that tells people.
const NOTIFY: &str = "notify";

/// Writes the end, from the incident as it is at that moment: an alert that joins meanwhile is seen.
pub(super) async fn close(case: &mut Case) -> Result<(), JournalError> {
    case.decide(end).await
}

/// Wants a person to be told at once, whatever the model wanted; the guard makes the call like any other.
pub(super) async fn page(case: &mut Case) -> Result<(), JournalError> {
    case.decide(|incident| {
        let service = incident.undo_failed().map(|(_, change)| change.service.clone()).unwrap_or_default();
        let message =
            format!("{}: {}. Incident {} of devops-agent.", incident.title, undo_failed(incident), incident.id);
        let call = Call {
            id: format!("c{}", incident.next_call_id()),
            tool: NOTIFY.to_owned(),
            args: json!({ "service": service, "message": message, "severity": "critical" }),
        };
        let thought = "A person has to know of this now.".to_owned();
        vec![Event::Turned { model: PAGER.to_owned(), thought, calls: vec![call], usage: Usage::default() }]
    })
    .await
}

fn end(incident: &Incident) -> Vec<Event> {
    let outcome = incident.ending();
    let mut events = Vec::new();
    if outcome == Outcome::HandedOver && incident.handed_over.is_none() {
        events.push(Event::HandedOver { why: handed_over(incident) });
    }
    events.push(Event::Closed { outcome, why: why(incident, outcome) });
    events
}

/// What a person has to know first: something was changed, it did not help, and it stands.
fn undo_failed(incident: &Incident) -> String {
    incident.undo_failed().map_or_else(String::new, |(state, change)| {
        format!("{} changed {}, did not help, and could not be taken back", state.call.tool, change.service)
    })
}

fn handed_over(incident: &Incident) -> String {
    let last = incident.last_remedy();
    match last.and_then(|(state, change)| change.verified.map(|(seq, ok)| (state, seq, ok))) {
        Some((state, seq, false)) => {
            format!("{} did not help: its checks in [{seq}] do not all pass", state.call.tool)
        }
        Some((_, seq, true)) => format!("another alert joined after the repair that is proven in [{seq}]"),
        None if last.is_some() => "a change was begun and could not be proven".to_owned(),
        None if incident.calls.iter().any(|state| matches!(state.status, Some(AnswerStatus::Refused))) => {
            "the repair needs a person: the guard or a person refused it".to_owned()
        }
        None => "nothing that the agent may do would repair it".to_owned(),
    }
}

fn why(incident: &Incident, outcome: Outcome) -> String {
    match outcome {
        Outcome::Repaired => {
            let proof = incident.last_remedy().and_then(|(state, change)| Some((state, change.verified?.0)));
            proof.map_or_else(String::new, |(state, seq)| format!("{} helped, proven in [{seq}]", state.call.tool))
        }
        Outcome::ResolvedByItself => {
            "Alertmanager resolved its alerts; nothing of ours was proven to have helped".to_owned()
        }
        Outcome::HandedOver => incident.handed_over.clone().unwrap_or_else(|| handed_over(incident)),
        Outcome::Answered if matches!(incident.source, Some(Source::Lesson { .. })) => "it is proposed".to_owned(),
        Outcome::Answered => "the question was answered".to_owned(),
        Outcome::UndoFailed => undo_failed(incident),
    }
}
