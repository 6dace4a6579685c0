//! The proof that a change helped: the target's own health and the alerts' own expressions, for as long as they must hold.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use tools::{Check, Touches, reach::expression_of};

use super::Guard;
use crate::{
    alert::Alert,
    incident::{Call, ChangeState, Event},
    journal::{Case, JournalError},
};

/// After a change that failed the world may be half changed; it is worth a short look, not the whole wait.
const AFTER_FAILURE: TimeDelta = TimeDelta::seconds(5);

impl Guard {
    /// Asks until all checks have passed for as long as they must hold, or time is up.
    pub(super) async fn prove(
        &self,
        case: &mut Case,
        call: &Call,
        change: &ChangeState,
        ran: bool,
    ) -> Result<Event, JournalError> {
        let started = self.clock.now();
        let within = TimeDelta::from_std(self.options.verify_within).unwrap_or(TimeDelta::MAX);
        let hold = TimeDelta::from_std(self.options.verify_hold).unwrap_or(TimeDelta::MAX);
        let hold = hold.max(TimeDelta::seconds(i64::try_from(change.hold_seconds).unwrap_or(i64::MAX / 1_000)));
        // A hold that the policy makes longer than the settings' time has its own time.
        let within = within.max(hold * 2);
        let deadline = started + if ran { within } else { within.min(AFTER_FAILURE) };
        let mut well_since: Option<DateTime<Utc>> = None;
        loop {
            case.refresh().await?;
            let checks = self.checks(case, call, change).await;
            let now = self.clock.now();
            let well = !checks.is_empty() && checks.iter().all(|check| check.passed);
            well_since = if well { well_since.or(Some(now)) } else { None };
            // What touches no service stays as it was made: nothing has to be waited for.
            let holds = if change.touches == Touches::Service { hold } else { TimeDelta::zero() };
            let held = well_since.is_some_and(|since| now - since >= holds);
            if held || now >= deadline {
                return Ok(verified(call, checks, held, hold, now - started));
            }
            self.clock.sleep(self.options.verify_every).await;
        }
    }

    async fn checks(&self, case: &Case, call: &Call, change: &ChangeState) -> Vec<Check> {
        let mut checks = match self.registry.verify(&call.tool, &call.args, &change.before).await {
            Ok(checks) => checks,
            Err(failure) => vec![failed(format!("{} says of its target", call.tool), failure.to_string())],
        };
        // What touches no service proves itself by what it did, not by an alert that it was never to end.
        if change.touches != Touches::Service {
            return checks;
        }
        checks.extend(self.not_worse(&change.around).await);
        for joined in &case.incident().alerts {
            let alert = &joined.alert;
            checks.push(match joined.resolved {
                Some(at) => Check {
                    name: format!("alert {} no longer holds", alert.name()),
                    passed: true,
                    found: format!("Alertmanager resolved it at {}", at.format("%H:%M:%S UTC")),
                },
                None => self.expression(alert).await,
            });
        }
        checks
    }

    /// Asks Prometheus for the alert's own expression: from its rule, or from the link that the alert carries.
    async fn expression(&self, alert: &Alert) -> Check {
        let name = format!("alert {} no longer holds", alert.name());
        let Some(prometheus) = &self.prometheus else {
            return failed(name, "no Prometheus is configured, so its expression cannot be asked".to_owned());
        };
        let rule = match prometheus.alert_rule(alert.name(), &alert.labels).await {
            Ok(rule) => rule,
            Err(failure) => return failed(name, failure.to_string()),
        };
        let (expression, overridden): (String, BTreeSet<String>) = match rule {
            Some(rule) => (rule.expr, rule.labels.into_keys().collect()),
            None => match expression_of(&alert.generator_url) {
                Some(expression) => (expression, BTreeSet::from(["alertname".to_owned(), "severity".to_owned()])),
                None => return failed(name, "neither Prometheus nor the alert tells its expression".to_owned()),
            },
        };
        let name = format!("alert {} no longer holds: {expression}", alert.name());
        match prometheus.still_holds(&expression, &overridden, &alert.labels, self.clock.now()).await {
            Ok(holds) => Check { name, passed: !holds.holds, found: holds.found },
            Err(failure) => failed(name, failure.to_string()),
        }
    }
}

fn failed(name: String, found: String) -> Check {
    Check { name, passed: false, found }
}

fn verified(call: &Call, mut checks: Vec<Check>, ok: bool, hold: TimeDelta, took: TimeDelta) -> Event {
    if !ok && checks.iter().all(|check| check.passed) {
        let found = format!("all checks pass, but not yet for {} s in a row", hold.num_seconds());
        checks.push(failed("it stays well".to_owned(), found));
    }
    let seconds = took.as_seconds_f64();
    Event::Verified { call: call.id.clone(), ok, checks, seconds }
}
