//! The report: what happened, why, what was done and how it was proven, what was not checked, what it cost.
//! Read from the entries alone, so that it can be made again at any time.

mod line;
mod markdown;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tools::{Check, Undo};

pub use line::line;

use crate::incident::{
    AnswerStatus, Conclusion, Entry, Event, Incident, IncidentId, Outcome, Phase, Seq, TRIAGE, Usage,
};

/// Everything a person who was asleep has to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The incident's number.
    pub id: IncidentId,
    /// One line.
    pub title: String,
    /// Where it stands.
    pub phase: Phase,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Why it ended so.
    pub ended_because: Option<String>,
    /// The service that it is about.
    pub service: Option<String>,
    /// First entry's time.
    pub opened_at: DateTime<Utc>,
    /// Last entry's time.
    pub updated_at: DateTime<Utc>,
    /// Names of its alerts, and since when they fire.
    pub alerts: Vec<String>,
    /// Alerts that Alertmanager left out of its notifications.
    pub truncated: u64,
    /// Cause and evidence.
    pub conclusion: Option<Conclusion>,
    /// What was done.
    pub changes: Vec<Done>,
    /// What the guard or a person refused.
    pub refused: Vec<String>,
    /// What could not be checked, and why.
    pub not_checked: Vec<String>,
    /// What people said of it afterwards, oldest first.
    pub feedback: Vec<String>,
    /// What happened, line by line.
    pub timeline: Vec<Line>,
    /// What it cost.
    pub cost: Cost,
}

/// A change and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Done {
    /// The call's id.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// What it touched.
    pub service: String,
    /// What was done.
    pub what: String,
    /// Whether it was proven to have helped; `None` while that is not known.
    pub proven: Option<bool>,
    /// The checks and their answers.
    pub checks: Vec<Check>,
    /// The entry with the checks.
    pub proof: Option<Seq>,
    /// Seconds from the end of the change to the proof.
    pub seconds: f64,
    /// How it was taken back.
    pub undone: Option<String>,
    /// Who gave leave; empty when none was needed.
    pub approved_by: Option<String>,
}

/// One line of the time line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The entry.
    pub seq: Seq,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened.
    pub text: String,
}

/// What an investigation cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Models that took a turn.
    pub models: Vec<String>,
    /// Turns of models.
    pub turns: u32,
    /// Calls made.
    pub calls: usize,
    /// Tokens and money.
    pub usage: Usage,
    /// Seconds from the first entry to the last.
    pub seconds: f64,
    /// Of those, seconds waiting for people.
    pub waited_seconds: i64,
}

impl Report {
    /// The report on an incident.
    pub fn new(incident: &Incident, entries: &[Entry]) -> Self {
        let closed_why = entries.iter().rev().find_map(|entry| {
            let Event::Closed { why, .. } = &entry.event else {
                return None;
            };
            Some(why.clone())
        });
        Self {
            id: incident.id,
            title: incident.title.clone(),
            phase: incident.phase,
            outcome: incident.outcome,
            ended_because: closed_why,
            service: incident.service.service().map(str::to_owned),
            opened_at: incident.opened_at,
            updated_at: incident.updated_at,
            alerts: alerts(incident),
            truncated: incident.truncated,
            conclusion: incident.conclusion.clone(),
            changes: changes(incident, entries),
            refused: refused(entries),
            not_checked: not_checked(incident, entries),
            feedback: feedback(incident),
            timeline: entries.iter().filter_map(timeline_line).collect(),
            cost: cost(incident, entries),
        }
    }

    /// As Markdown that a person would forward.
    pub fn markdown(&self) -> String {
        markdown::markdown(self)
    }
}

fn timeline_line(entry: &Entry) -> Option<Line> {
    line(entry).map(|text| Line { seq: entry.seq, at: entry.at, text })
}

fn alerts(incident: &Incident) -> Vec<String> {
    let told = incident.alerts.iter().map(|joined| {
        let name = tools::clean(joined.alert.name());
        let since = joined.alert.starts_at.format("%H:%M:%S UTC");
        match joined.resolved {
            Some(at) => format!("{name} (since {since}, resolved {})", at.format("%H:%M:%S UTC")),
            None => format!("{name} (since {since})"),
        }
    });
    told.collect()
}

fn changes(incident: &Incident, entries: &[Entry]) -> Vec<Done> {
    let mut all = Vec::new();
    for (state, change) in incident.changes() {
        let mut done = Done {
            call: state.call.id.clone(),
            tool: state.call.tool.clone(),
            service: change.service.clone(),
            what: change.done.as_ref().map_or_else(|| "begun".to_owned(), |(_, _, what)| what.clone()),
            proven: change.verified.map(|(_, ok)| ok),
            checks: Vec::new(),
            proof: None,
            seconds: 0.0,
            undone: None,
            approved_by: None,
        };
        let about = entries.iter().filter(|entry| mentions(&entry.event, &state.call.id));
        for (seq, event) in about.map(|entry| (entry.seq, &entry.event)) {
            if let Event::Verified { checks, seconds, .. } = event {
                (done.checks, done.proof, done.seconds) = (checks.clone(), Some(seq), *seconds);
            }
            if let Event::Undone { undo, failed, checks, .. } = event {
                done.undone = Some(taken_back(undo.as_ref(), failed.as_deref(), checks));
            }
            if let Event::ApprovalGiven { by, .. } = event {
                done.approved_by = Some(match done.approved_by {
                    Some(others) => format!("{others} and {by}"),
                    None => by.clone(),
                });
            }
        }
        all.push(done);
    }
    all
}

fn mentions(event: &Event, id: &str) -> bool {
    let (Event::Verified { call, .. } | Event::Undone { call, .. } | Event::ApprovalGiven { call, .. }) = event else {
        return false;
    };
    call == id
}

pub(crate) fn taken_back(undo: Option<&Undo>, failed: Option<&str>, checks: &[Check]) -> String {
    let not: Vec<_> =
        checks.iter().filter(|check| !check.passed).map(|check| format!("{} ({})", check.name, check.found)).collect();
    match (undo, failed) {
        (_, Some(failed)) => format!("could not be taken back: {failed}"),
        (Some(Undo::Done(what)), None) if !not.is_empty() => {
            format!("{what}; the state before does not stand again: {}", not.join("; "))
        }
        (Some(Undo::Done(what)), None) => format!("taken back: {what}"),
        (Some(Undo::Nothing(why)), None) => format!("nothing to take back: {why}"),
        (None, None) => "nothing to take back".to_owned(),
    }
}

fn refused(entries: &[Entry]) -> Vec<String> {
    let told = entries.iter().filter_map(|entry| {
        let Event::Answered { tool, text, status: AnswerStatus::Refused, .. } = &entry.event else {
            return None;
        };
        Some(format!("{tool}: {text} [{}]", entry.seq))
    });
    told.collect()
}

/// What the conclusion lists, and checks of a proof that could not be asked.
fn not_checked(incident: &Incident, entries: &[Entry]) -> Vec<String> {
    let mut missed = incident.conclusion.as_ref().map(|conclusion| conclusion.not_checked.clone()).unwrap_or_default();
    for entry in entries {
        if let Event::Verified { ok: false, checks, .. } = &entry.event {
            let unasked = checks.iter().filter(|check| check.found.contains("could not be reached"));
            missed.extend(unasked.map(|check| format!("{}: {} [{}]", check.name, check.found, entry.seq)));
        }
        if incident.conclusion.is_none()
            && let Event::Answered { tool, text, status: AnswerStatus::Unreachable { .. }, .. } = &entry.event
        {
            missed.push(format!("{tool}: {text} [{}]", entry.seq));
        }
    }
    missed
}

fn feedback(incident: &Incident) -> Vec<String> {
    let told = incident.feedback.iter().map(|said| {
        let words = line::feedback(said.word, said.cause.as_deref(), &said.who);
        format!("{words} [{}]", said.seq)
    });
    let forgotten = incident.forgotten.iter().map(|who| format!("{} wants memory to forget it", who.by));
    told.chain(forgotten).map(|text| tools::clean(&text)).collect()
}

/// The last entry that is about the incident itself, not about what people said of it later.
fn lasted_until(incident: &Incident, entries: &[Entry]) -> DateTime<Utc> {
    let later = |event: &Event| matches!(event, Event::Feedback { .. } | Event::Forgotten { .. });
    entries.iter().rev().find(|entry| !later(&entry.event)).map_or(incident.updated_at, |entry| entry.at)
}

fn cost(incident: &Incident, entries: &[Entry]) -> Cost {
    let models: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| {
            let Event::Turned { model, .. } = &entry.event else {
                return None;
            };
            (model != TRIAGE).then(|| model.clone())
        })
        .collect();
    Cost {
        models: models.into_iter().collect(),
        turns: incident.turns,
        calls: incident.calls.len(),
        usage: incident.usage,
        seconds: (lasted_until(incident, entries) - incident.opened_at).as_seconds_f64(),
        waited_seconds: incident.waited_seconds,
    }
}
