//! What a runbook is made of: what the incidents have in common.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    condition::{Seen, seen},
    episode::{Done, Episode},
    template::filled,
};
use crate::{incident::IncidentId, remember::PASSING};

/// Characters of a label's value that a match may ask for.
const LABEL: usize = 128;
/// Characters of an alert's name.
const NAME: usize = 100;
/// What a runbook is made of, before it is text.
#[derive(Debug)]
pub(super) struct Draft {
    /// Newest first.
    pub(super) episodes: Vec<Episode>,
    pub(super) alert: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) seen: Vec<Seen>,
    pub(super) changes: Vec<Named>,
    /// A look after the repair that was made every time, and went well.
    pub(super) check: Option<Seen>,
}

/// A change and the name of its step.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) step: String,
    pub(super) done: Done,
}

impl Draft {
    /// What these incidents, newest first, have in common.
    ///
    /// # Errors
    /// Why that is too little for a runbook.
    pub(super) fn of(episodes: Vec<Episode>) -> Result<Self, String> {
        let Some(newest) = episodes.first() else { return Err("there is no incident".to_owned()) };
        let alert = newest.alert.name().to_owned();
        if !fit(&alert, NAME) {
            return Err("the alert's name cannot stand in a runbook: it is long, or no name".to_owned());
        }
        let seen = seen(&episodes);
        if !seen.iter().any(|seen| seen.telling) {
            let what = "nothing that was seen every time tells that state from one in which all is well";
            return Err(format!("{what}: a runbook could not know when to stop"));
        }
        let names: Vec<_> = newest.changes.iter().map(|done| done.tool.as_str()).collect();
        let step = |(index, done): (usize, &Done)| {
            let before = names.iter().take(index).filter(|name| **name == done.tool).count();
            let step = if before == 0 { done.tool.clone() } else { format!("{}_{}", done.tool, before + 1) };
            Named { step, done: done.clone() }
        };
        let changes = newest.changes.iter().enumerate().map(step).collect();
        let (labels, check) = (labels(&episodes), check(&episodes));
        Ok(Self { alert, labels, seen, changes, check, episodes })
    }

    /// What makes it the same as one written before: alert, labels, and what is done. Not the incidents: a third one adds none.
    pub(super) fn identity(&self) -> String {
        let changes: Vec<_> =
            self.changes.iter().map(|named| format!("{} {}", named.done.tool, named.done.args)).collect();
        format!("{}\n{:?}\n{}", self.alert, self.labels, changes.join("\n"))
    }

    /// The tools that repair, in order.
    pub(super) fn tools(&self) -> Vec<&str> {
        self.changes.iter().map(|named| named.done.tool.as_str()).collect()
    }

    /// The incidents, oldest first.
    pub(super) fn incidents(&self) -> Vec<IncidentId> {
        let mut ids: Vec<_> = self.episodes.iter().map(|episode| episode.incident.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// The labels that all alerts have with one value.
fn labels(episodes: &[Episode]) -> BTreeMap<String, String> {
    let Some((newest, others)) = episodes.split_first() else { return BTreeMap::new() };
    let everywhere =
        |name: &String, value: &String| others.iter().all(|episode| episode.alert.labels.get(name) == Some(value));
    let kept = newest.alert.labels.iter().filter(|(name, value)| {
        !PASSING.contains(&name.as_str()) && fit(name, LABEL) && fit(value, LABEL) && everywhere(name, value)
    });
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether a text is one that people would give as a name: nothing hidden, no secret, no instruction.
fn fit(text: &str, most: usize) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || " _-.:/@".contains(letter);
    !text.is_empty()
        && text.chars().count() <= most
        && text.chars().all(plain)
        && tools::clean(text) == text
        && tools::reads_as_instruction(text).is_none()
}

/// A health check after the repair that was made every time, and passed.
fn check(episodes: &[Episode]) -> Option<Seen> {
    let newest = episodes.first()?;
    let passed = |look: &super::episode::Look| look.data.get("ok") == Some(&Value::Bool(true));
    let look = newest.after.iter().find(|look| {
        look.tool == "check_health"
            && episodes.iter().all(|episode| episode.after.iter().any(|other| other.same(look) && passed(other)))
            && filled(&look.args, &newest.service).get("service").and_then(Value::as_str) == Some(&newest.service)
    })?;
    Some(Seen {
        step: "after".to_owned(),
        look: look.clone(),
        holds: vec!["after.ok".to_owned()],
        fields: vec!["ok".to_owned()],
        telling: false,
    })
}
