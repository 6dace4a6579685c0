//! What an investigation weighs in tokens: what a model reads of it, beside what the outside systems answered.

use std::collections::BTreeSet;

use super::{
    transcript::{opening, pieces},
    window::{Counts, first_look, fit},
};
use crate::{
    incident::{AnswerStatus, Entry, Event, Incident},
    model::{Message, Model},
    runbook::Library,
};

/// Tokens of one investigation, as the given model counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Weight {
    /// The alert, its runbook and the answers of the first look, as a model reads them.
    pub first_look: usize,
    /// Everything that a model reads to the end, once.
    pub told: usize,
    /// The outside systems' own answers to the same calls.
    pub raw: usize,
}

impl Weight {
    /// Weighs an investigation with a first look of at most `triage_tokens`; incidents of the past are left out.
    pub fn of(entries: &[Entry], library: &Library, triage_tokens: usize, model: &dyn Model) -> Self {
        let id = entries.first().map_or(0, |entry| entry.incident);
        let incident = Incident::replay(id, entries);
        let opening = opening(&incident, entries, library, None);
        let mut counts = Counts::default();
        let left = triage_tokens.saturating_sub(model.count(&opening));
        let mut all = pieces(opening, entries);
        first_look(&mut all, left, &mut counts, model);
        let first = all.iter().filter(|piece| piece.turn == 0).map(|piece| match &piece.message {
            Message::User(text) | Message::Answer { text, .. } => model.count(text),
            Message::Assistant { .. } => 0,
        });
        let first_look = first.sum();
        let (_, told) = fit(all, &BTreeSet::new(), usize::MAX, &mut counts, model);
        let raw = entries.iter().map(|entry| raw(&entry.event, model)).sum();
        Self { first_look, told, raw }
    }
}

fn raw(event: &Event, model: &dyn Model) -> usize {
    let Event::Answered { text, raw, status: AnswerStatus::Ok, .. } = event else {
        return 0;
    };
    // One that was left out for its size has at least what was said of it.
    if raw.is_null() { model.count(text) } else { model.count(&raw.to_string()) }
}
