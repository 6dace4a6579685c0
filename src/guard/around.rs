//! How the service and what depends on it do: read before a change, and nothing of it may be worse after it.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::{Value, json};
use tools::{Catalogue, Check, Service};

use super::Guard;
use crate::{
    incident::{Around, Event},
    journal::Case,
};

/// Services that are looked at: the changed one and its nearest dependants.
const SERVICES: usize = 16;
/// What was seen this lately counts as now.
const LATELY: TimeDelta = TimeDelta::seconds(30);
/// An error rate may be so much higher after a change, in share of all requests.
const MORE_ERRORS: f64 = 0.02;
/// A latency may be so many times higher after a change, and so many seconds.
const SLOWER: (f64, f64) = (1.5, 0.05);

impl Guard {
    /// How `service` and what depends on it do now. What was seen to be ill a moment ago in this incident is not asked again: a
    /// health URL that hangs takes its whole time-out.
    pub(super) async fn around(&self, case: &Case, service: &str) -> Vec<Around> {
        let catalogue = self.catalogue.load();
        let since = self.clock.now() - LATELY;
        join_all(near(&catalogue, service).map(|service| self.one(service, ill_since(case, &service.name, since))))
            .await
    }

    async fn one(&self, service: &Service, ill: bool) -> Around {
        let now = self.clock.now();
        let health = async {
            service.health_url.as_ref()?;
            if ill {
                return Some(false);
            }
            let answer = self.registry.run("check_health", &json!({ "service": service.name })).await.ok()?;
            answer.data.get("ok").and_then(Value::as_bool)
        };
        let (health, error_rate, latency) =
            futures::join!(health, self.number(&service.error_rate, now), self.number(&service.latency, now));
        Around { service: service.name.clone(), health, error_rate, latency }
    }

    async fn number(&self, query: &Option<String>, now: DateTime<Utc>) -> Option<f64> {
        let (prometheus, query) = (self.prometheus.as_ref()?, query.as_ref()?);
        prometheus.number(query, now).await.ok().flatten().filter(|number| number.is_finite())
    }

    /// What was well before and is worse now, question by question.
    pub(super) async fn not_worse(&self, before: &[Around]) -> Vec<Check> {
        let catalogue = self.catalogue.load();
        let now =
            join_all(before.iter().filter_map(|one| catalogue.get(&one.service)).map(|one| self.one(one, false))).await;
        let pairs = before.iter().filter_map(|was| Some((was, now.iter().find(|is| is.service == was.service)?)));
        pairs.flat_map(|(was, is)| worse(was, is)).collect()
    }
}

/// Whether the service's health URL was asked since, and did not answer well.
fn ill_since(case: &Case, service: &str, since: DateTime<Utc>) -> bool {
    let recent = case.entries().iter().rev().take_while(|entry| entry.at >= since);
    recent.into_iter().any(|entry| {
        let Event::Answered { call, tool, data, .. } = &entry.event else {
            return false;
        };
        let of = case.incident().call(call).and_then(|state| state.call.args.get("service"));
        tool == "check_health" && of == Some(&json!(service)) && data.get("ok") == Some(&Value::Bool(false))
    })
}

fn near<'a>(catalogue: &'a Catalogue, service: &str) -> impl Iterator<Item = &'a Service> {
    let names = std::iter::once(service.to_owned()).chain(catalogue.dependants(service));
    names.filter_map(|name| catalogue.get(&name)).take(SERVICES)
}

/// Only what was well and could be asked before is asked after.
fn worse(was: &Around, is: &Around) -> Vec<Check> {
    let mut checks = Vec::new();
    if was.health == Some(true) {
        let found = match is.health {
            Some(true) => "it does",
            Some(false) => "it did before the change and does not now",
            None => "it cannot be asked any more",
        };
        checks.push(Check {
            name: format!("{} still answers its health URL", was.service),
            passed: is.health == Some(true),
            found: found.to_owned(),
        });
    }
    if let Some(before) = was.error_rate {
        // Without requests there is no rate, and no error either.
        let now = is.error_rate.unwrap_or(0.0);
        checks.push(Check {
            name: format!("{} does not fail more often", was.service),
            passed: now <= before + MORE_ERRORS,
            found: format!("{:.1} % of its requests failed before, {:.1} % do now", before * 100.0, now * 100.0),
        });
    }
    if let Some(before) = was.latency {
        let now = is.latency.unwrap_or(0.0);
        checks.push(Check {
            name: format!("{} does not answer more slowly", was.service),
            passed: now <= before * SLOWER.0 + SLOWER.1,
            found: format!("{before:.3} s before, {now:.3} s now"),
        });
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(health: Option<bool>, error_rate: Option<f64>, latency: Option<f64>) -> Around {
        Around { service: "web".to_owned(), health, error_rate, latency }
    }

    #[test]
    fn only_what_was_well_can_get_worse() {
        let failed = |was: &Around, is: &Around| worse(was, is).iter().filter(|check| !check.passed).count();
        let well = around(Some(true), Some(0.01), Some(0.1));
        assert_eq!(failed(&well, &well), 0);
        assert_eq!(failed(&well, &around(Some(false), Some(0.5), Some(1.0))), 3);
        assert_eq!(
            failed(&well, &around(None, Some(0.03), Some(0.2))),
            1,
            "a service that cannot be asked is not well"
        );
        assert_eq!(failed(&around(Some(false), None, None), &around(Some(false), Some(1.0), Some(9.0))), 0);
    }
}
