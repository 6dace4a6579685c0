//! What there is: label names, their values, streams, counts.

use std::collections::BTreeSet;

use axum::response::Response;
use serde_json::{Value, json};

use super::answer;
use super::error::LokiError;
use super::labels::Labels;
use super::matcher::LabelMatcher;
use super::parameters::{Bounds, Parameters};
use super::parser;
use super::store::LogStore;

/// The names of labels.
pub(super) fn labels(store: &LogStore, parameters: &Parameters, now: i64) -> Result<Response, LokiError> {
    let found = streams(store, &one_selector(parameters)?, seen(parameters.bounds(now)?, now));
    Ok(names(found.iter().flat_map(|labels| labels.keys()).collect()))
}

/// The values of one label.
pub(super) fn label_values(
    store: &LogStore,
    name: &str,
    parameters: &Parameters,
    now: i64,
) -> Result<Response, LokiError> {
    let found = streams(store, &one_selector(parameters)?, seen(parameters.bounds(now)?, now));
    Ok(names(found.iter().filter_map(|labels| labels.get(name)).collect()))
}

/// The streams that meet any of the selectors.
pub(super) fn series(store: &LogStore, parameters: &Parameters, now: i64) -> Result<Response, LokiError> {
    let bounds = seen(parameters.bounds(now)?, now);
    let selectors = [parameters.all("match[]"), parameters.all("match")].concat();
    let mut found: BTreeSet<&Labels> = BTreeSet::new();
    if selectors.is_empty() {
        found.extend(streams(store, &[], bounds));
    }
    for selector in selectors {
        let matchers = if selector.trim() == "{}" { Vec::new() } else { parser::parse_matchers(selector)? };
        found.extend(streams(store, &matchers, bounds));
    }
    Ok(answer::success(&json!(found)))
}

/// How much a selector would read.
pub(super) fn statistics(store: &LogStore, parameters: &Parameters, now: i64) -> Result<Response, LokiError> {
    let bounds = seen(parameters.ordered_bounds(now)?, now);
    let matchers = parser::parse_matchers(parameters.get("query"))?;
    let (mut streams, mut entries, mut bytes) = (0_usize, 0_usize, 0_usize);
    for (_, stream) in store.select(&matchers) {
        let before = entries;
        for entry in stream.between(bounds.start, bounds.end) {
            entries += 1;
            bytes += entry.line.len();
        }
        streams += usize::from(entries > before);
    }
    Ok(answer::json(&json!({ "streams": streams, "chunks": streams, "bytes": bytes, "entries": entries })))
}

fn one_selector(parameters: &Parameters) -> Result<Vec<LabelMatcher>, LokiError> {
    match parameters.get("query").trim() {
        "" | "{}" => Ok(Vec::new()),
        selector => parser::parse_matchers(selector),
    }
}

/// The bounds without what lies ahead; the end becomes exclusive.
fn seen(bounds: Bounds, now: i64) -> Bounds {
    Bounds { start: bounds.start, end: bounds.end.min(now).saturating_add(1) }
}

fn streams<'a>(store: &'a LogStore, matchers: &[LabelMatcher], bounds: Bounds) -> Vec<&'a Labels> {
    let alive = store.select(matchers).filter(|(_, stream)| stream.between(bounds.start, bounds.end).next().is_some());
    alive.map(|(labels, _)| labels).collect()
}

/// A list, which is left out altogether if it is empty.
fn names(found: BTreeSet<&String>) -> Response {
    let body = if found.is_empty() {
        json!({ "status": "success" })
    } else {
        json!({ "status": "success", "data": Value::from_iter(found.into_iter().cloned()) })
    };
    answer::json(&body)
}
