//! The standard evidence, gathered side by side before any model is asked: what a person would look for first, so that one turn is
//! mostly enough.

use memory::Symptoms;
use serde_json::{Value, json};
use tools::{Catalogue, Service, SuspectsSymptom, reach::expression_of};

use super::{Agent, window::Counts};
use crate::{
    alert::Alert,
    incident::{Call, Event, Incident, Source, TRIAGE, Usage},
    journal::{Case, JournalError},
    runbook,
};

/// Neighbours of each kind whose health is asked; more would be noise.
const NEIGHBOURS: usize = 4;

/// Annotations that are read as words.
const ANNOTATIONS: usize = 8;
/// Minutes before an alert in which what it is about may have begun.
const BEFORE: i64 = 5;
/// Minutes of a day: how far back changes are listed.
const DAY: i64 = 24 * 60;
/// An alert that has fired for longer, in minutes, is looked at as if it had for so long.
const LONGEST: i64 = 14 * DAY;
/// How long after the onset the log is looked at, in minutes: later on, what is new has become usual.
const NEW: i64 = 10;

/// The calls of the first look, each once.
struct Wanted<'a> {
    agent: &'a Agent,
    calls: Vec<(String, Value)>,
}

impl Wanted<'_> {
    /// Adds a call, if there is such a tool and it takes these arguments: parts that are not configured are not asked.
    fn call(&mut self, tool: &str, args: Value) {
        let known = self.calls.iter().any(|(other, given)| other == tool && *given == args);
        if !known && self.agent.guard.looks(tool) && self.agent.guard.check(tool, &args).is_ok() {
            self.calls.push((tool.to_owned(), args));
        }
    }
}

impl Agent {
    /// Writes the calls of the first look; the loop makes them like any others.
    pub(super) async fn triage(&self, case: &mut Case, counts: &mut Counts) -> Result<(), JournalError> {
        let incident = case.incident();
        let wanted = match incident.source {
            Some(Source::Question { .. } | Source::Lesson { .. }) => Vec::new(),
            Some(Source::Alert) | None => self.first_look(incident),
        };
        if wanted.is_empty() {
            return self.think(case, counts).await;
        }
        let next = incident.next_call_id();
        let calls = wanted.into_iter().enumerate();
        let calls = calls.map(|(index, (tool, args))| Call { id: format!("c{}", next + index), tool, args });
        let turned = Event::Turned {
            model: TRIAGE.to_owned(),
            thought: "The standard evidence first.".to_owned(),
            calls: calls.collect(),
            usage: Usage::default(),
        };
        case.write(vec![turned]).await
    }

    fn first_look(&self, incident: &Incident) -> Vec<(String, Value)> {
        let mut wanted = Wanted { agent: self, calls: Vec::new() };
        let catalogue = self.catalogue.load();
        let alert = incident.firing().next().or_else(|| incident.alerts.first().map(|joined| &joined.alert));
        let expression = incident.firing().find_map(|alert| expression_of(&alert.generator_url));
        if self.sources.prometheus
            && let Some(expression) = &expression
        {
            let operand = left_of_comparison(expression);
            wanted.call("query_prometheus", json!({ "query": operand, "minutes_back": 30 }));
        }
        if let Some(service) = incident.service.service().and_then(|name| catalogue.get(name)) {
            let minutes = alert.map_or(0, |alert| (self.clock.now() - alert.starts_at).num_minutes()).clamp(0, LONGEST);
            let symptom = expression.as_deref().and_then(tools::symptom);
            self.at_the_service(&mut wanted, service, minutes, symptom);
            if let Some(alert) = alert {
                self.what_explains_it(&mut wanted, alert, &service.name, minutes);
                self.by_the_runbook(&mut wanted, alert, &service.name);
            }
            self.around(&mut wanted, &catalogue, &service.name);
        }
        if self.sources.prometheus || self.sources.alertmanager {
            wanted.call("list_alerts", json!({}));
        }
        wanted.calls
    }

    /// How the service is, and what left its own past since the alert began, so many minutes ago, and fits what it is about.
    fn at_the_service(
        &self,
        wanted: &mut Wanted<'_>,
        service: &Service,
        minutes: i64,
        symptom: Option<SuspectsSymptom>,
    ) {
        let of = || json!({ "service": service.name });
        if self.sources.docker {
            wanted.call("inspect_container", of());
        }
        if service.health_url.is_some() {
            wanted.call("check_health", of());
        }
        if self.sources.prometheus {
            // An alert fires some time after what it is about began.
            let since = (minutes + BEFORE).min(DAY);
            let asked = match symptom {
                Some(symptom) => json!({ "service": service.name, "since_minutes_ago": since, "symptom": symptom }),
                None => json!({ "service": service.name, "since_minutes_ago": since }),
            };
            wanted.call("rank_suspects", asked);
        }
        if self.sources.prometheus && service.slo.is_some() {
            wanted.call("slo_status", of());
        }
        if self.sources.docker || (self.sources.loki && service.logs.is_some()) {
            let asked = match minutes - NEW {
                until if until > 0 => json!({ "service": service.name, "until_minutes_ago": until }),
                _ => of(),
            };
            wanted.call("log_patterns", asked);
        }
    }

    /// What changed before the alert, and whether this was seen before.
    fn what_explains_it(&self, wanted: &mut Wanted<'_>, alert: &Alert, service: &str, minutes: i64) {
        let symptoms: Vec<&str> = std::iter::once(alert.name()).chain(told(alert)).collect();
        if self.sources.docker || self.sources.github {
            let args = json!({ "service": service, "onset_minutes_ago": minutes, "symptoms": symptoms });
            wanted.call("list_changes", args);
        }
        if self.sources.memory {
            let seen = Symptoms {
                alert: alert.name().to_owned(),
                annotations: alert.annotations.clone(),
                labels: alert.labels.clone(),
                lines: Vec::new(),
            };
            let ask = json!({ "query": seen.text(), "service": service });
            wanted.call("search_incidents", ask.clone());
            if self.library.find(alert).is_none_or(|found| found.catches_all()) {
                wanted.call("search_runbooks", ask);
            }
        }
    }

    /// What the matching runbook looks at, so that whoever reads it has the answers already.
    fn by_the_runbook(&self, wanted: &mut Wanted<'_>, alert: &Alert, service: &str) {
        if let Some(found) = self.library.find(alert) {
            for (tool, args) in runbook::looks(&found, alert, service) {
                wanted.call(&tool, args);
            }
        }
    }

    /// What it needs and what needs it.
    fn around(&self, wanted: &mut Wanted<'_>, catalogue: &Catalogue, name: &str) {
        for names in [catalogue.dependencies(name), catalogue.dependants(name)] {
            let with_health =
                names.iter().filter_map(|name| catalogue.get(name)).filter(|found| found.health_url.is_some());
            for found in with_health.take(NEIGHBOURS) {
                wanted.call("check_health", json!({ "service": found.name }));
            }
        }
    }
}

/// What an alert says of itself, in words.
fn told(alert: &Alert) -> impl Iterator<Item = &str> {
    let words = alert.annotations.iter().filter(|(name, _)| !name.ends_with("_url")).map(|(_, text)| text.as_str());
    words.take(ANNOTATIONS)
}

/// What an alert compares, so that its course can be seen while it was still well: `up == 0` has no past but `up` has.
fn left_of_comparison(expression: &str) -> String {
    tools::compared(expression).unwrap_or_else(|| expression.to_owned())
}
