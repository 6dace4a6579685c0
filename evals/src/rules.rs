//! Alerting rules, evaluated at the world's moment.

use chrono::{DateTime, Utc};

use crate::{
    case::AlertRule,
    metrics::{Answer, Labels, Metrics},
};

/// Seconds between evaluations.
const EVERY: i64 = 15;
/// How far back the beginning of an alert is looked for, in seconds.
const BACK: i64 = 3_600;

/// An alert by a rule.
pub(crate) struct Active {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) firing: bool,
    pub(crate) since: DateTime<Utc>,
    pub(crate) fires_since: DateTime<Utc>,
    pub(crate) value: f64,
}

/// The alerts of a rule at a moment.
pub(crate) fn active(rule: &AlertRule, metrics: &Metrics, now: DateTime<Utc>) -> Vec<Active> {
    let end = now.timestamp_millis();
    let Ok(Answer::Vector(holding)) = metrics.instant(&rule.expr, end) else {
        return Vec::new();
    };
    let Ok(Answer::Matrix(past)) = metrics.range(&rule.expr, end - BACK * 1_000, end, EVERY * 1_000) else {
        return Vec::new();
    };
    let alert = |(labels, _, value): (Labels, i64, f64)| {
        let began = past.iter().find(|(known, _)| *known == labels).map_or(end, |(_, samples)| began(samples, end));
        let since = DateTime::from_timestamp_millis(began).unwrap_or(now);
        let fires_since = since + chrono::TimeDelta::seconds(rule.for_seconds);
        let mut all = labels;
        all.remove("__name__");
        all.extend(rule.labels.clone());
        all.insert("alertname".to_owned(), rule.alert.clone());
        let annotations = rule.annotations.clone();
        Active { labels: all, annotations, firing: fires_since <= now, since, fires_since, value }
    };
    holding.into_iter().map(alert).collect()
}

/// Where the last unbroken stretch of samples begins.
fn began(samples: &[(i64, f64)], end: i64) -> i64 {
    let mut began = end;
    for (at, _) in samples.iter().rev() {
        if began - at > EVERY * 1_000 {
            break;
        }
        began = *at;
    }
    began
}
