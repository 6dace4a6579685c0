//! Alerting rules, evaluated at the virtual now.
//!
//! Nothing is kept from one evaluation to the next: how long an expression has held is read from the samples, by
//! evaluating it at each evaluation time so far. So an answer depends on the world's state alone.

use serde_json::{Value, json};

use super::{
    answer::scientific,
    engine::{Engine, Series},
    error::ApiError,
    template,
};
use crate::{
    case::{Labels, Rule},
    time::rfc3339,
};

/// Milliseconds between two evaluations.
pub(crate) const INTERVAL: i64 = 15_000;
/// How far back an alert's beginning is searched, in evaluations.
const HISTORY: i64 = 240;
/// How far back it is searched first.
const RECENT: i64 = 24;

/// An alert's state, in Prometheus's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Inactive,
    Pending,
    Firing,
}

/// One alert of a rule, pending or firing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) state: State,
    /// Since when the expression holds, in milliseconds.
    pub(crate) active_at: i64,
    /// Since when it fires, in milliseconds.
    pub(crate) fired_at: i64,
    pub(crate) value: f64,
    /// The rule's expression.
    pub(crate) expression: String,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// The last evaluation time up to `now`.
pub(crate) fn last_evaluation(now: i64) -> i64 {
    now - now.rem_euclid(INTERVAL)
}

/// The alerts of a rule at the last evaluation up to `now`.
pub(crate) fn alerts(engine: &Engine, rule: &Rule, now: i64) -> Result<Vec<Alert>, ApiError> {
    let at = last_evaluation(now);
    // Most rules hold of nothing, and most alerts are young: the whole history is asked for only where it matters.
    if engine.range(&rule.expr, at, at, INTERVAL)?.is_empty() {
        return Ok(Vec::new());
    }
    let mut held = Vec::new();
    for steps in [RECENT, RECENT * 3, HISTORY] {
        let begin = at - steps * INTERVAL;
        held = engine.range(&rule.expr, begin, at, INTERVAL)?;
        let is_older = |series: &Series| series.points.first().is_some_and(|(time, _)| *time == begin);
        if !held.iter().any(is_older) {
            break;
        }
    }
    held.iter().filter_map(|series| alert(rule, series, at).transpose()).collect()
}

fn alert(rule: &Rule, series: &Series, at: i64) -> Result<Option<Alert>, ApiError> {
    let mut expected = at;
    let mut value = None;
    for (time, here) in series.points.iter().rev() {
        if *time != expected {
            break;
        }
        value.get_or_insert(*here);
        expected -= INTERVAL;
    }
    let Some(value) = value else {
        return Ok(None);
    };
    let active_at = expected + INTERVAL;
    let fired_at = active_at + (i64::from(rule.hold) * 1000 + INTERVAL - 1) / INTERVAL * INTERVAL;
    let mut labels = series.labels.clone();
    labels.remove("__name__");
    let own = |template: &String| template::expand(template, &labels, value).map_err(ApiError::Execution);
    let annotations =
        rule.annotations.iter().map(|(name, text)| Ok((name.clone(), own(text)?))).collect::<Result<_, _>>()?;
    labels.extend(rule.labels.clone());
    labels.insert("alertname".to_owned(), rule.alert.clone());
    let state = if at >= fired_at { State::Firing } else { State::Pending };
    Ok(Some(Alert { labels, annotations, state, active_at, fired_at, value, expression: rule.expr.clone() }))
}

impl Alert {
    /// As `/api/v1/alerts` and `/api/v1/rules` tell it.
    pub(super) fn json(&self) -> Value {
        json!({
            "labels": self.labels,
            "annotations": self.annotations,
            "state": self.state.name(),
            "activeAt": rfc3339(self.active_at),
            "value": scientific(self.value),
        })
    }
}

/// The one group of rules as `/api/v1/rules` tells it.
pub(super) fn group(engine: &Engine, rules: &[Rule], now: i64) -> Result<Value, ApiError> {
    let last_evaluation = rfc3339(last_evaluation(now));
    let mut all = Vec::new();
    for rule in rules {
        let alerts = alerts(engine, rule, now)?;
        let state = alerts.iter().map(|alert| alert.state).max().unwrap_or(State::Inactive);
        all.push(json!({
            "state": state.name(),
            "name": rule.alert,
            "query": rule.expr,
            "duration": rule.hold,
            "keepFiringFor": 0,
            "labels": rule.labels,
            "annotations": rule.annotations,
            "alerts": alerts.iter().map(Alert::json).collect::<Vec<_>>(),
            "health": "ok",
            "evaluationTime": 0.000_412,
            "lastEvaluation": last_evaluation,
            "type": "alerting",
        }));
    }
    Ok(json!({
        "name": "services",
        "file": "/etc/prometheus/rules.yml",
        "rules": all,
        "interval": INTERVAL / 1000,
        "limit": 0,
        "evaluationTime": 0.000_9,
        "lastEvaluation": last_evaluation,
    }))
}
