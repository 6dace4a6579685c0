//! Series, labels, metadata and targets.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::parser::{Expr, VectorSelector};
use serde_json::{Value, json};

use super::{
    Engine, engine::read, error::ApiError, parameters::Parameters, rewrite::matches, rules::INTERVAL, store::LOOKBACK,
};
use crate::{
    case::{Case, Labels, metrics::Family},
    time::rfc3339,
};

/// The series that the request's `match[]`, `start` and `end` select, `__name__` among the labels.
pub(super) fn series(engine: &Engine, parameters: &Parameters, must_match: bool) -> Result<Vec<Labels>, ApiError> {
    let selectors: Vec<VectorSelector> = parameters.all("match[]").map(selector).collect::<Result<_, _>>()?;
    if selectors.is_empty() && must_match {
        return Err(ApiError::BadData("no match[] parameter provided".to_owned()));
    }
    let start = parameters.time("start")?.unwrap_or(i64::MIN / 2);
    let end = parameters.time("end")?.unwrap_or(i64::MAX / 2);
    let wanted = |metric: &str, labels: &Labels| {
        selectors.is_empty() || selectors.iter().any(|one| matches(one, metric, labels))
    };
    let found = engine.store().list(start, end).into_iter().filter(|(metric, labels)| wanted(metric, labels));
    Ok(found.map(|(metric, labels)| named(metric, labels)).collect())
}

fn named(metric: String, mut labels: Labels) -> Labels {
    labels.insert("__name__".to_owned(), metric);
    labels
}

fn selector(text: &str) -> Result<VectorSelector, ApiError> {
    let problem = |problem: ApiError| match problem {
        ApiError::BadData(text) => ApiError::BadData(text.replace("parameter \"query\"", "parameter \"match[]\"")),
        execution @ ApiError::Execution(_) => execution,
    };
    let parsed = read(text).map_err(problem)?;
    if let Expr::VectorSelector(selector) = parsed {
        Ok(selector)
    } else {
        Err(ApiError::parameter(
            "match[]",
            format!("expected a series selector, such as up{{job=\"api\"}}, got {parsed}"),
        ))
    }
}

/// The names of all labels.
pub(super) fn labels(engine: &Engine, parameters: &Parameters) -> Result<Vec<String>, ApiError> {
    let names: BTreeSet<String> = series(engine, parameters, false)?.into_iter().flat_map(Labels::into_keys).collect();
    Ok(names.into_iter().collect())
}

/// All values of a label.
pub(super) fn label_values(engine: &Engine, name: &str, parameters: &Parameters) -> Result<Vec<String>, ApiError> {
    let right = name.chars().enumerate().all(|(index, character)| {
        character == '_' || character.is_ascii_alphabetic() || (index > 0 && character.is_ascii_digit())
    });
    if !right || name.is_empty() {
        return Err(ApiError::BadData(format!("invalid label name: {name:?}")));
    }
    let values: BTreeSet<String> =
        series(engine, parameters, false)?.into_iter().filter_map(|mut labels| labels.remove(name)).collect();
    Ok(values.into_iter().collect())
}

/// What each metric is.
pub(super) fn metadata(case: &Case, parameters: &Parameters) -> BTreeMap<String, Value> {
    let limit = parameters.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let wanted = parameters.get("metric");
    let all: BTreeMap<&String, &Family> =
        case.segments.values().flat_map(|segment| &segment.metrics.families).collect();
    let entry = |(name, family): (&String, &Family)| {
        (name.clone(), json!([{ "type": family.kind, "help": family.help, "unit": "" }]))
    };
    all.into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)).take(limit).map(entry).collect()
}

/// The targets that are scraped, from their `up`.
pub(super) fn targets(engine: &Engine, now: i64) -> Value {
    let targets = engine.store().list(now - LOOKBACK, now).into_iter().filter(|(metric, _)| metric == "up");
    let active: Vec<Value> = targets.map(|(_, labels)| target(engine, &labels, now)).collect();
    json!({ "activeTargets": active, "droppedTargets": [] })
}

fn target(engine: &Engine, labels: &Labels, now: i64) -> Value {
    let label = |name: &str| labels.get(name).map_or("", String::as_str);
    let (job, instance) = (label("job"), label("instance"));
    let up = engine.store().last("up", labels).is_some_and(|value| value > 0.0);
    let address = format!("http://{instance}/metrics");
    let error = format!("Get \"{address}\": dial tcp: connect: connection refused");
    json!({
        "discoveredLabels": {
            "__address__": instance,
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "__scrape_interval__": "15s",
            "__scrape_timeout__": "10s",
            "job": job,
        },
        "labels": labels,
        "scrapePool": job,
        "scrapeUrl": address,
        "globalUrl": address,
        "lastError": if up { String::new() } else { error },
        "lastScrape": rfc3339(engine.store().last_time("up", labels).unwrap_or(now)),
        "lastScrapeDuration": 0.004_2,
        "health": if up { "up" } else { "down" },
        "scrapeInterval": format!("{}s", INTERVAL / 1000),
        "scrapeTimeout": "10s",
    })
}
