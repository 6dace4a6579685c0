//! Entries become the conversation that a model reads, made to fit its window.

use std::{collections::BTreeSet, fmt::Write as _};

use minijinja::context;

use super::{
    Agent,
    think::outcome_sentence,
    window::{Answer, Counts, Piece, fenced, first_look, fit},
};
use crate::{
    alert::Alert,
    incident::{AnswerStatus, Entry, Event, Incident, Outcome, PAGER, Seq, Source, TRIAGE},
    journal::{Case, Filter, JournalError},
    model::Message,
    prompts,
    runbook::Library,
};

/// Incidents of the past that are told.
const PAST: usize = 5;
/// What a window is never filled with, however large system prompt and schemas are.
const LEAST: usize = 1_000;

/// The conversation so far, and its tokens as counted here; 0 for a model that does not count.
pub(super) async fn conversation(
    agent: &Agent,
    case: &Case,
    tools: &[tools::Spec],
    counts: &mut Counts,
) -> Result<(Vec<Message>, usize), JournalError> {
    let past = past(case, case.incident()).await?;
    let opening = opening(case.incident(), case.entries(), &agent.library, past);
    let mut pieces = pieces(opening, case.entries());
    if let Some(text) = urged(case, &pieces) {
        let turn = pieces.last().map_or(0, |piece| piece.turn);
        pieces.push(Piece { message: Message::User(text), answer: None, turn });
    }
    let model = agent.model.as_ref();
    let Some(window) = model.window() else {
        return Ok((pieces.into_iter().map(|piece| piece.message).collect(), 0));
    };
    let told = pieces.first().map_or(0, |piece| match &piece.message {
        Message::User(text) => model.count(text),
        Message::Assistant { .. } | Message::Answer { .. } => 0,
    });
    first_look(&mut pieces, agent.triage_tokens.saturating_sub(told), counts, model);
    let stable = model.count(prompts::SYSTEM) + model.count(&serde_json::to_string(tools).unwrap_or_default());
    let most = window.saturating_sub(stable).max(LEAST);
    Ok(fit(pieces, &cited(case.entries()), most, counts, model))
}

/// What a conclusion that was sent back cites: none of it is shortened from then on. What the first look showed in part stays so,
/// since what was said once does not change; the model can read the rest of it.
fn cited(entries: &[Entry]) -> BTreeSet<Seq> {
    let sent_back = entries.iter().filter_map(|entry| {
        let Event::SentBack { conclusion, .. } = &entry.event else {
            return None;
        };
        Some(conclusion.cites())
    });
    sent_back.flatten().collect()
}

/// What is said to a model that has to be told what to do.
fn urged(case: &Case, pieces: &[Piece]) -> Option<String> {
    if let Some(budget) = case.incident().budget_reached {
        let used = case.entries().iter().rev().find_map(|entry| {
            let Event::BudgetReached { used, .. } = &entry.event else {
                return None;
            };
            Some(used.clone())
        });
        let budget = used.unwrap_or_else(|| format!("{budget:?}"));
        return Some(prompts::last_turn(context! { budget }));
    }
    let last = pieces.last().map(|piece| &piece.message);
    let talked = matches!(last, Some(Message::Assistant { calls, .. }) if calls.is_empty());
    talked.then(|| prompts::GO_ON.to_owned())
}

/// The entries as messages. What comes in while calls are open waits until they are answered: providers want answers right after calls.
pub(super) fn pieces(opening: String, entries: &[Entry]) -> Vec<Piece> {
    let mut pieces = vec![Piece { message: Message::User(opening), answer: None, turn: 0 }];
    let mut waiting: Vec<String> = Vec::new();
    let (mut turn, mut begun) = (0, false);
    let mut open: Vec<&str> = Vec::new();
    let mut asked = Vec::new();
    for entry in entries {
        if let Event::Turned { model, thought, calls, .. } = &entry.event {
            turn += usize::from(model != TRIAGE && model != PAGER);
            begun = true;
            pieces.extend(waiting.drain(..).map(|text| user(text, turn)));
            asked = calls.iter().map(|call| call.id.as_str()).collect();
            open.clone_from(&asked);
            let message = Message::Assistant { thought: thought.clone(), calls: calls.clone() };
            pieces.push(Piece { message, answer: None, turn });
        } else if let Event::Answered { call, text, status, .. } = &entry.event {
            open.retain(|id| id != call);
            let answer = Answer { seq: entry.seq, text: text.clone(), fenced: from_the_world(status) };
            let message = Message::Answer { call: call.clone(), text: answer.shown(text) };
            pieces.push(Piece { message, answer: Some(answer), turn });
            if open.is_empty() {
                in_order(&mut pieces, &asked);
            }
        } else {
            waiting.extend(came_in(&entry.event, entry.seq, begun));
        }
        if open.is_empty() {
            pieces.extend(waiting.drain(..).map(|text| user(text, turn)));
        }
    }
    pieces
}

/// Puts the answers at the end in the order in which they were asked for: they came as they were ready.
fn in_order(pieces: &mut [Piece], asked: &[&str]) {
    let answers = pieces.iter().rev().take_while(|piece| piece.answer.is_some()).count();
    let (_, answers) = pieces.split_at_mut(pieces.len() - answers);
    answers.sort_by_key(|piece| match &piece.message {
        Message::Answer { call, .. } => asked.iter().position(|id| id == call),
        Message::User(_) | Message::Assistant { .. } => None,
    });
}

fn user(text: String, turn: usize) -> Piece {
    Piece { message: Message::User(text), answer: None, turn }
}

/// What others wrote after the investigation began, and a model has to know of.
fn came_in(event: &Event, seq: Seq, begun: bool) -> Option<String> {
    if let Event::SentBack { wrong, .. } = event {
        return Some(prompts::sent_back(context! { wrong }));
    }
    if let (Event::AlertJoined { alert, .. }, true) = (event, begun) {
        return Some(format!("Meanwhile another alert joined this incident:\n[{seq}] {}", fenced(&told(alert))));
    }
    if let (Event::AlertResolved { fingerprint, ended }, true) = (event, begun) {
        let at = ended.format("%H:%M:%S UTC");
        return Some(format!("Meanwhile: [{seq}] Alertmanager resolved the alert {fingerprint} at {at}."));
    }
    None
}

fn from_the_world(status: &AnswerStatus) -> bool {
    match status {
        AnswerStatus::Ok | AnswerStatus::Repeated { .. } => true,
        AnswerStatus::Wrong
        | AnswerStatus::Refused
        | AnswerStatus::Unreachable { .. }
        | AnswerStatus::LeftOut { .. }
        | AnswerStatus::Changed { .. } => false,
    }
}

/// What a model is told first.
pub(super) fn opening(incident: &Incident, entries: &[Entry], library: &Library, past: Option<String>) -> String {
    if let Some(Source::Question { text, .. }) = &incident.source {
        return prompts::question(context! { question => text });
    }
    // Those that join later are told where they join: what was said once stays as it is.
    let before = entries.iter().take_while(|entry| !matches!(entry.event, Event::Turned { .. }));
    let alerts = before.filter_map(|entry| {
        let Event::AlertJoined { alert, .. } = &entry.event else {
            return None;
        };
        Some(format!("[{}] {}", entry.seq, fenced(&told(alert))))
    });
    let runbook = incident.alerts.first().and_then(|joined| library.find(&joined.alert));
    prompts::alert(context! {
        alerts => alerts.collect::<Vec<_>>().join("\n"),
        service => incident.service.service(),
        how => how(incident),
        truncated => incident.truncated,
        past,
        runbook => runbook.map(|runbook| match runbook.prose.starts_with("# ") {
            true => runbook.prose.clone(),
            false => format!("# {}\n{}", runbook.title, runbook.prose),
        }),
    })
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
        ..Filter::default()
    };
    let found = case.journal().list(filter).await?;
    let lines: Vec<_> = found
        .iter()
        // As it was when this one opened: what is said first must not change while it goes on.
        .filter(|summary| summary.id < incident.id && summary.updated_at <= incident.opened_at)
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
