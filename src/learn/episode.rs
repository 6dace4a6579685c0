//! An incident as a lesson: what was seen before it was changed, what was done, and what was seen after.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tools::{Catalogue, Service, Spec, Touches};

use super::template::templated;
use crate::{
    alert::Alert,
    incident::{AnswerStatus, CallState, Incident, Outcome, Seq, Source},
};

/// An incident that calls of ours repaired, as far as a runbook can be learnt from it.
#[derive(Debug, Clone)]
pub(super) struct Episode {
    /// The incident.
    pub(super) incident: Incident,
    /// When the last change was done.
    pub(super) at: DateTime<Utc>,
    /// The alert that opened it.
    pub(super) alert: Alert,
    /// The service.
    pub(super) service: String,
    /// What kind of service that is.
    pub(super) kind: String,
    /// What repaired it, in order.
    pub(super) changes: Vec<Done>,
    /// What was seen before the first change.
    pub(super) before: Vec<Look>,
    /// What was seen after the last one.
    pub(super) after: Vec<Look>,
    /// The cause, as people know it now.
    pub(super) cause: String,
}

/// A change up to the service's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Done {
    /// The tool.
    pub(super) tool: String,
    /// Its arguments as a template.
    pub(super) args: Value,
    /// The arguments of it that are words for people.
    pub(super) words: Vec<String>,
}

/// A look up to the service's name, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// The tool.
    pub(super) tool: String,
    /// Its arguments as a template.
    pub(super) args: Value,
    /// The typed answer.
    pub(super) data: Value,
}

impl Look {
    /// Whether another incident was looked at in the same way.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.tool == other.tool && self.args == other.args
    }
}

impl Episode {
    /// Reads an incident that is over.
    ///
    /// # Errors
    /// Why nothing can be learnt from it.
    pub(super) fn read(incident: &Incident, specs: &[Spec], catalogue: &Catalogue) -> Result<Self, String> {
        if !matches!(incident.source, Some(Source::Alert)) || incident.outcome != Some(Outcome::Repaired) {
            return Err("it was not repaired by a change of ours".to_owned());
        }
        if incident.forgotten.is_some() {
            return Err("it was forgotten".to_owned());
        }
        if incident.called_wrong() {
            return Err("people say that it was wrong".to_owned());
        }
        let service = incident.service.service().and_then(|name| catalogue.get(name));
        let (Some(service), Some(joined)) = (service, incident.alerts.first()) else {
            return Err("its service is not in the catalogue any more".to_owned());
        };
        let (first, last) = extent(incident)?;
        let look = |state: &CallState| look(state, specs, &service.name);
        let answered = |state: &&CallState, test: &dyn Fn(Seq) -> bool| state.answer.is_some_and(test);
        Ok(Self {
            at: incident
                .last_remedy()
                .and_then(|(_, change)| change.done.as_ref())
                .map_or(incident.updated_at, |(at, ..)| *at),
            alert: joined.alert.clone(),
            kind: kind(service),
            changes: changes(incident, specs, &service.name)?,
            before: incident
                .calls
                .iter()
                .filter(|state| answered(state, &|seq| seq < first))
                .filter_map(look)
                .collect(),
            after: incident.calls.iter().filter(|state| answered(state, &|seq| seq > last)).filter_map(look).collect(),
            cause: incident.known_cause().unwrap_or_default().to_owned(),
            service: service.name.clone(),
            incident: incident.clone(),
        })
    }
}

/// Where the first change begins and the last one ends.
fn extent(incident: &Incident) -> Result<(Seq, Seq), String> {
    let first = incident.changes().find(|(_, change)| change.touches == Touches::Service);
    let last = incident.last_remedy().and_then(|(state, _)| state.answer);
    match (first, last) {
        (Some((_, change)), Some(last)) => Ok((change.seq, last)),
        (Some(_) | None, _) => Err("nothing was changed".to_owned()),
    }
}

fn changes(incident: &Incident, specs: &[Spec], service: &str) -> Result<Vec<Done>, String> {
    let mut done = Vec::new();
    for (state, change) in incident.changes() {
        let tool = &state.call.tool;
        match change.touches {
            Touches::People => continue,
            Touches::Alerts | Touches::Repository => {
                return Err(format!("{tool} is no repair, and a runbook could not do the same"));
            }
            Touches::Service => {}
        }
        if change.undone.is_some() || !matches!(change.verified, Some((_, true))) {
            return Err(format!("{tool} did not help at first: the way to the repair is not clear"));
        }
        let spec =
            specs.iter().find(|spec| spec.name == *tool).ok_or_else(|| format!("there is no {tool} any more"))?;
        let args = templated(spec, &state.call.args, service)?;
        let words = spec.words.iter().filter(|word| state.call.args.get(**word).is_some());
        done.push(Done { tool: tool.clone(), args, words: words.map(|word| (*word).to_owned()).collect() });
    }
    Ok(done)
}

/// What these answer compares, ranks or recalls: it is of one moment, and no state that could be told again.
const NO_STATES: [&str; 9] = [
    "rank_suspects",
    "log_patterns",
    "list_changes",
    "forecast",
    "slo_status",
    "search_incidents",
    "search_runbooks",
    "search_documents",
    "read_answer",
];

/// A look that a runbook could make again; `None` for one that cannot be, or that brought nothing.
fn look(state: &CallState, specs: &[Spec], service: &str) -> Option<Look> {
    if !matches!(state.status, Some(AnswerStatus::Ok | AnswerStatus::Repeated { .. })) {
        return None;
    }
    if NO_STATES.contains(&state.call.tool.as_str()) {
        return None;
    }
    let spec = specs.iter().find(|spec| spec.name == state.call.tool && spec.touches.is_none())?;
    let args = templated(spec, &state.call.args, service).ok()?;
    Some(Look { tool: spec.name.clone(), args, data: state.data.clone() })
}

/// What a repair of one service says of another: only if both run in the same way.
fn kind(service: &Service) -> String {
    let runs = match (service.swarm(), &service.container) {
        (Some(_), _) => "a service of a Swarm",
        (None, Some(_)) => "one container",
        (None, None) => "containers with labels",
    };
    let health = if service.health_url.is_some() { "with a health URL" } else { "without a health URL" };
    format!("{runs} {health}")
}
