//! The standard evidence, gathered side by side before any model is asked.

use serde_json::json;
use tools::reach::expression_of;

use super::Agent;
use crate::{
    incident::{Call, Event, Incident, Source, TRIAGE, Usage},
    journal::{Case, JournalError},
};

/// Dependencies that are looked at; more would be noise.
const DEPENDENCIES: usize = 4;

impl Agent {
    /// Writes the calls of the first look; the loop makes them like any others.
    pub(super) async fn triage(&self, case: &mut Case) -> Result<(), JournalError> {
        let incident = case.incident();
        let wanted = match incident.source {
            Some(Source::Question { .. }) => Vec::new(),
            Some(Source::Alert) | None => self.first_look(incident),
        };
        if wanted.is_empty() {
            return self.think(case).await;
        }
        let next = incident.next_call_id();
        let calls = wanted.into_iter().enumerate().map(|(index, (tool, args))| Call {
            id: format!("c{}", next + index),
            tool: tool.to_owned(),
            args,
        });
        let turned = Event::Turned {
            model: TRIAGE.to_owned(),
            thought: "The standard evidence first.".to_owned(),
            calls: calls.collect(),
            usage: Usage::default(),
        };
        case.write(vec![turned]).await
    }

    fn first_look(&self, incident: &Incident) -> Vec<(&'static str, serde_json::Value)> {
        let mut wanted = Vec::new();
        let catalogue = self.catalogue.load();
        if self.sources.prometheus
            && let Some(expression) = incident.firing().find_map(|alert| expression_of(&alert.generator_url))
        {
            let operand = left_of_comparison(&expression);
            wanted.push(("query_prometheus", json!({ "query": operand, "minutes_back": 30 })));
        }
        let Some(service) = incident.service.service().and_then(|name| catalogue.get(name)) else {
            wanted.push(("list_alerts", json!({})));
            return wanted;
        };
        if self.sources.docker {
            wanted.push(("inspect_container", json!({ "service": service.name })));
        }
        if service.health_url.is_some() {
            wanted.push(("check_health", json!({ "service": service.name })));
        }
        if self.sources.loki && service.logs.is_some() {
            wanted.push(("search_loki", json!({ "service": service.name, "minutes_back": 15 })));
        } else if self.sources.docker {
            wanted.push(("read_container_logs", json!({ "service": service.name })));
        }
        let needed = catalogue.dependencies(&service.name);
        let needed = needed.iter().filter_map(|name| catalogue.get(name)).filter(|needed| needed.health_url.is_some());
        wanted.extend(needed.take(DEPENDENCIES).map(|needed| ("check_health", json!({ "service": needed.name }))));
        if self.sources.prometheus || self.sources.alertmanager {
            wanted.push(("list_alerts", json!({})));
        }
        wanted
    }
}

/// What an alert compares, so that its course can be seen while it was still well: `up == 0` has no past but `up` has.
fn left_of_comparison(expression: &str) -> String {
    tools::compared(expression).unwrap_or_else(|| expression.to_owned())
}
