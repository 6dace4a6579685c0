//! Entries become the conversation that a model reads, made to fit its window.

use std::fmt::Write as _;

use minijinja::context;

use super::{Agent, think::outcome_sentence};
use crate::{
    alert::Alert,
    incident::{AnswerStatus, Entry, Event, Incident, Outcome, Source},
    journal::{Case, Filter, JournalError},
    model::{Message, Model},
    prompts,
};

/// Incidents of the past that are told.
const PAST: usize = 5;
/// What the window keeps free for the system prompt and the tools' schemas, in tokens.
const RESERVED: usize = 6_000;
/// What stays of an answer that had to be cut, in characters.
const CUT: usize = 240;

/// The conversation so far.
pub(super) async fn messages(agent: &Agent, case: &Case) -> Result<Vec<Message>, JournalError> {
    let mut messages = vec![Message::User(opening(agent, case).await?)];
    for entry in case.entries() {
        messages.extend(message(entry));
    }
    if let Some(budget) = case.incident().budget_reached {
        let used = case.entries().iter().rev().find_map(|entry| {
            let Event::BudgetReached { used, .. } = &entry.event else {
                return None;
            };
            Some(used.clone())
        });
        let budget = used.unwrap_or_else(|| format!("{budget:?}"));
        messages.push(Message::User(prompts::last_turn(context! { budget })));
    } else if matches!(messages.last(), Some(Message::Assistant { calls, .. }) if calls.is_empty()) {
        messages.push(Message::User(prompts::GO_ON.to_owned()));
    }
    Ok(messages)
}

fn message(entry: &Entry) -> Option<Message> {
    if let Event::Turned { thought, calls, .. } = &entry.event {
        return Some(Message::Assistant { thought: thought.clone(), calls: calls.clone() });
    }
    let Event::Answered { call, text, status, .. } = &entry.event else {
        return None;
    };
    let text = match status {
        AnswerStatus::Ok | AnswerStatus::Repeated { .. } => fenced(text),
        AnswerStatus::Wrong
        | AnswerStatus::Refused
        | AnswerStatus::Unreachable { .. }
        | AnswerStatus::Changed { .. } => text.clone(),
    };
    Some(Message::Answer { call: call.clone(), text: format!("[{}] {text}", entry.seq) })
}

/// Telemetry is data: fenced, and unable to close its own fence.
fn fenced(text: &str) -> String {
    format!("<untrusted>\n{}\n</untrusted>", text.replace("</untrusted", "<\u{2215}untrusted"))
}

async fn opening(agent: &Agent, case: &Case) -> Result<String, JournalError> {
    let incident = case.incident();
    if let Some(Source::Question { text, .. }) = &incident.source {
        return Ok(prompts::question(context! { question => text }));
    }
    let alerts = case.entries().iter().filter_map(|entry| {
        let Event::AlertJoined { alert, .. } = &entry.event else {
            return None;
        };
        Some(format!("[{}] {}", entry.seq, fenced(&told(alert))))
    });
    let runbook = incident.alerts.first().and_then(|joined| agent.library.find(&joined.alert));
    Ok(prompts::alert(context! {
        alerts => alerts.collect::<Vec<_>>().join("\n"),
        service => incident.service.service(),
        how => how(incident),
        truncated => incident.truncated,
        past => past(case, incident).await?,
        runbook => runbook.map(|runbook| format!("# {}\n{}", runbook.title, runbook.prose)),
    }))
}

fn told(alert: &Alert) -> String {
    let mut text = format!("{} since {}", alert.name(), alert.starts_at.format("%Y-%m-%d %H:%M:%S UTC"));
    for (name, value) in alert.labels.iter().filter(|(name, _)| *name != "alertname") {
        let _ = write!(text, "\n{name}={value}");
    }
    for (name, value) in &alert.annotations {
        let _ = write!(text, "\n{name}: {value}");
    }
    if let Some(expression) = tools::reach::expression_of(&alert.generator_url) {
        let _ = write!(text, "\nexpression: {expression}");
    }
    tools::clean(&text)
}

pub(super) fn how(incident: &Incident) -> String {
    use crate::incident::ServiceMatch;
    match &incident.service {
        ServiceMatch::Label { label, value, with, .. } => format!("label {label}={value} is {with}"),
        ServiceMatch::Named { .. } => "a person named it".to_owned(),
        ServiceMatch::Nothing { tried } if tried.is_empty() => "it has no label that could lead to one".to_owned(),
        ServiceMatch::Nothing { tried } => format!("tried {}", tried.join(", ")),
    }
}

/// How earlier incidents of the same alert on the same service ended.
async fn past(case: &Case, incident: &Incident) -> Result<Option<String>, JournalError> {
    let filter = Filter {
        service: incident.service.service().map(str::to_owned),
        title: Some(incident.title.clone()),
        phase: Some("closed".to_owned()),
        most: PAST,
    };
    let found = case.journal().list(filter).await?;
    let lines: Vec<_> = found
        .iter()
        .filter(|summary| summary.id < incident.id)
        .map(|summary| {
            let outcome = summary.outcome.as_deref().and_then(outcome_of).map_or("ended", outcome_sentence);
            format!("- incident {} on {}: {outcome}", summary.id, summary.opened_at.format("%Y-%m-%d"))
        })
        .collect();
    Ok((!lines.is_empty()).then(|| lines.join("\n")))
}

fn outcome_of(word: &str) -> Option<Outcome> {
    [Outcome::Repaired, Outcome::ResolvedByItself, Outcome::HandedOver, Outcome::Answered, Outcome::UndoFailed]
        .into_iter()
        .find(|outcome| crate::journal::outcome_word(*outcome) == word)
}

/// Makes the conversation fit: answers are cut, oldest first, and say so; the opening and the last answers stay whole.
pub(super) fn fit(mut messages: Vec<Message>, model: &dyn Model) -> Vec<Message> {
    let Some(window) = model.window() else { return messages };
    let most = window.saturating_sub(RESERVED).max(1_000);
    let mut total = tokens(&messages, model);
    for message in &mut messages {
        if total <= most {
            break;
        }
        if let Message::Answer { text, .. } = message {
            let before = count(text, model);
            let kept: String = text.chars().take(CUT).collect();
            *text = format!("{kept}\n[cut: the rest stands in the journal]");
            total = total.saturating_sub(before.saturating_sub(count(text, model)));
        }
    }
    messages
}

/// Tokens of a conversation; 0 for a model that does not count.
pub(super) fn tokens(messages: &[Message], model: &dyn Model) -> usize {
    if model.window().is_none() {
        return 0;
    }
    let of = |message: &Message| match message {
        Message::User(text) | Message::Answer { text, .. } => count(text, model),
        Message::Assistant { thought, calls } => {
            count(thought, model) + calls.iter().map(|call| count(&call.args.to_string(), model)).sum::<usize>()
        }
    };
    messages.iter().map(of).sum()
}

fn count(text: &str, model: &dyn Model) -> usize {
    crate::model::count_tokens(model.name(), text)
}
