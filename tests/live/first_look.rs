//! What the first look of an investigation brought: how quickly, at how many tokens, and whether it was enough.

use chrono::{DateTime, Utc};
use devops_agent::{
    agent::Weight,
    incident::{AnswerStatus, Entry, Event, Incident, TRIAGE},
    model::{Model, ModelError, Reply, Transcript, count_tokens},
    runbook::Library,
};
use futures::future::BoxFuture;
use serde_json::Value;

/// What a first look may take of a model, in tokens, as the settings' default has it.
const TOKENS: usize = 3_000;

pub(crate) struct FirstLook {
    /// Seconds from the first call to the last answer.
    pub(crate) seconds: f64,
    /// Tokens.
    pub(crate) weight: Weight,
    /// Looks that the first turn of a model still wanted.
    pub(crate) missing: usize,
    /// Tools that had not answered in time.
    pub(crate) late: Vec<String>,
}

impl FirstLook {
    pub(crate) fn of(entries: &[Value]) -> Option<Self> {
        let entries: Vec<Entry> =
            entries.iter().map(|entry| serde_json::from_value(entry.clone())).collect::<Result<_, _>>().ok()?;
        let incident = Incident::replay(entries.first()?.incident, &entries);
        let mut turns = entries.iter().filter_map(|entry| match &entry.event {
            Event::Turned { model, calls, .. } => Some((entry.at, model, calls)),
            _ => None,
        });
        let (begun, _, _) = turns.find(|(_, model, _)| *model == TRIAGE)?;
        let calls = incident.calls.iter().filter(|state| state.by == TRIAGE);
        let answered: Vec<DateTime<Utc>> = calls.filter_map(|state| at(&entries, state.answer?)).collect();
        let changes: Vec<_> = incident.changes().map(|(state, _)| state.call.id.clone()).collect();
        let (_, _, first) = turns.next()?;
        let missing = first.iter().filter(|call| !changes.contains(&call.id) && !acts(&call.tool)).count();
        let late = entries.iter().filter_map(|entry| match &entry.event {
            Event::Answered { tool, status: AnswerStatus::LeftOut { .. }, .. } => Some(tool.clone()),
            _ => None,
        });
        Some(Self {
            seconds: (*answered.iter().max()? - begun).as_seconds_f64(),
            weight: Weight::of(&entries, &Library::built_in().0, TOKENS, &Counter),
            missing,
            late: late.collect(),
        })
    }
}

fn at(entries: &[Entry], seq: u64) -> Option<DateTime<Utc>> {
    entries.iter().find(|entry| entry.seq == seq).map(|entry| entry.at)
}

/// A change that was refused is no look either.
fn acts(tool: &str) -> bool {
    ["restart_container", "scale_service", "rollback_service", "update_resources", "deploy_service"].contains(&tool)
}

/// Counts as OpenAI's models do.
struct Counter;

impl Model for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn count(&self, text: &str) -> usize {
        count_tokens("gpt-5-mini", text)
    }

    fn next<'a>(&'a self, _: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        unreachable!("it only counts")
    }
}
