//! Prometheus's HTTP API over the world's metrics.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>

use axum::{
    Json, Router,
    extract::{Path, RawForm, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::{
    metrics::{Answer, Labels, names},
    rules,
    world::SharedStage,
};

/// Points of a series that Prometheus gives at most.
const POINTS: i64 = 11_000;

/// The parameters of a request, by GET or POST.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(form: &[u8]) -> Self {
        Self(form_pairs(form))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `a=b&c=d`, percent-decoded.
pub(crate) fn form_pairs(form: &[u8]) -> Vec<(String, String)> {
    fn decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits: Vec<u8> = rest.by_ref().take(2).collect();
                    let code = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    bytes.push(code.unwrap_or(b'%'));
                }
                other => bytes.push(other),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
    let text = String::from_utf8_lossy(form);
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

pub(crate) fn router(stage: SharedStage) -> Router {
    Router::new()
        .route("/api/v1/query", get(query).post(query))
        .route("/api/v1/query_range", get(query_range).post(query_range))
        .route("/api/v1/series", get(series).post(series))
        .route("/api/v1/labels", get(labels).post(labels))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/metadata", get(|| async { success(json!({})) }))
        .route("/api/v1/rules", get(rules_page))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/targets", get(targets))
        .route("/api/v1/status/buildinfo", get(|| async { success(json!({ "version": "2.42.0" })) }))
        .route("/-/ready", get(|| async { "Prometheus Server is Ready.\n" }))
        .route("/-/healthy", get(|| async { "Prometheus Server is Healthy.\n" }))
        .with_state(stage)
}

fn success(data: Value) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

fn bad(error: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "status": "error", "errorType": "bad_data", "error": error })))
        .into_response()
}

fn bad_query(error: &impl std::fmt::Display) -> Response {
    bad(format!("invalid parameter \"query\": 1:1: parse error: {error}"))
}

/// Seconds since the epoch, or RFC 3339, as milliseconds.
fn time(text: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date fit")]
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|seconds| seconds.is_finite())
        .map(|seconds| (seconds * 1_000.0).round() as i64);
    seconds.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_millis()))
}

/// Seconds, or a length such as `15s`, as milliseconds.
fn length(text: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a step is short")]
    let seconds = text.parse::<f64>().ok().map(|seconds| (seconds * 1_000.0).round() as i64);
    seconds.or_else(|| {
        let end = text.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(end);
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(number.parse::<i64>().ok()? * unit)
    })
}

async fn query(State(stage): State<SharedStage>, RawForm(form): RawForm) -> Response {
    let parameters = Parameters::of(&form);
    let expression = parameters.get("query").unwrap_or_default();
    if expression.is_empty() {
        return bad_query(&"no expression found in input");
    }
    if let Err(error) = promql_parser::parser::parse(expression) {
        return bad_query(&error);
    }
    let stage = stage.lock();
    let now = stage.now().timestamp_millis();
    let Some(at) = parameters.get("time").map_or(Some(now), time) else {
        return bad(format!(
            "invalid parameter \"time\": cannot parse {:?} to a valid timestamp",
            parameters.get("time").unwrap_or_default()
        ));
    };
    match stage.metrics.instant(expression, at) {
        Ok(answer) => success(told(answer)),
        Err(error) => bad_query(&error),
    }
}

async fn query_range(State(stage): State<SharedStage>, RawForm(form): RawForm) -> Response {
    let parameters = Parameters::of(&form);
    let expression = parameters.get("query").unwrap_or_default();
    let must = |name: &str, read: fn(&str) -> Option<i64>| {
        let text = parameters.get(name).unwrap_or_default();
        read(text).ok_or_else(|| format!("invalid parameter {name:?}: cannot parse {text:?} to a valid value"))
    };
    let (start, end, step) = match (must("start", time), must("end", time), must("step", length)) {
        (Ok(start), Ok(end), Ok(step)) => (start, end, step),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return bad(error),
    };
    if end < start {
        return bad("invalid parameter \"end\": end timestamp must not be before start time".to_owned());
    }
    if step <= 0 {
        return bad("invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer".to_owned());
    }
    if (end - start) / step > POINTS {
        return bad("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".to_owned());
    }
    if let Err(error) = promql_parser::parser::parse(expression) {
        return bad_query(&error);
    }
    let stage = stage.lock();
    match stage.metrics.range(expression, start, end, step) {
        Ok(answer) => success(told(answer)),
        Err(error) => bad_query(&error),
    }
}

fn told(answer: Answer) -> Value {
    match answer {
        Answer::Scalar(at, value) => json!({ "resultType": "scalar", "result": point(at, value) }),
        Answer::Text(at, text) => json!({ "resultType": "string", "result": [seconds(at), text] }),
        Answer::Vector(samples) => {
            let samples: Vec<_> = samples
                .into_iter()
                .map(|(labels, at, value)| json!({ "metric": labels, "value": point(at, value) }))
                .collect();
            json!({ "resultType": "vector", "result": samples })
        }
        Answer::Matrix(series) => {
            let series = series.into_iter().map(|(labels, samples)| {
                let values: Vec<_> = samples.into_iter().map(|(at, value)| point(at, value)).collect();
                json!({ "metric": labels, "values": values })
            });
            json!({ "resultType": "matrix", "result": series.collect::<Vec<_>>() })
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a date are exact in a double")]
fn seconds(at: i64) -> f64 {
    at as f64 / 1_000.0
}

fn point(at: i64, value: f64) -> Value {
    let text = if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    };
    json!([seconds(at), text])
}

/// The series that fit one of the selectors, between the moments asked for.
fn matching(stage: &SharedStage, parameters: &Parameters) -> Result<Vec<Labels>, String> {
    let stage = stage.lock();
    let now = stage.now().timestamp_millis();
    let start = parameters.get("start").and_then(time).unwrap_or(0);
    let end = parameters.get("end").and_then(time).unwrap_or(now).min(now);
    let mut selectors = Vec::new();
    for text in parameters.all("match[]") {
        match promql_parser::parser::parse(text) {
            Ok(promql_parser::parser::Expr::VectorSelector(selector)) => selectors.push(selector),
            Ok(_) => return Err("invalid parameter \"match[]\": not a selector".to_owned()),
            Err(error) => return Err(format!("invalid parameter \"match[]\": 1:1: parse error: {error}")),
        }
    }
    let fits = |labels: &&Labels| {
        selectors.is_empty()
            || selectors.iter().any(|selector| {
                let named = selector.name.as_ref().is_none_or(|name| labels.get("__name__") == Some(name));
                let value = |name: &str| labels.get(name).map_or("", String::as_str);
                named && selector.matchers.matchers.iter().all(|matcher| matcher.is_match(value(&matcher.name)))
            })
    };
    Ok(stage.metrics.series(start, end).filter(fits).cloned().collect())
}

async fn series(State(stage): State<SharedStage>, RawForm(form): RawForm) -> Response {
    let parameters = Parameters::of(&form);
    if parameters.get("match[]").is_none() {
        return bad("no match[] parameter provided".to_owned());
    }
    matching(&stage, &parameters).map_or_else(bad, |found| success(json!(found)))
}

async fn labels(State(stage): State<SharedStage>, RawForm(form): RawForm) -> Response {
    matching(&stage, &Parameters::of(&form)).map_or_else(bad, |found| success(json!(names(found.iter()))))
}

async fn label_values(State(stage): State<SharedStage>, Path(name): Path<String>, RawForm(form): RawForm) -> Response {
    let found = match matching(&stage, &Parameters::of(&form)) {
        Ok(found) => found,
        Err(error) => return bad(error),
    };
    let values: std::collections::BTreeSet<_> = found.iter().filter_map(|labels| labels.get(&name)).collect();
    success(json!(values))
}

async fn rules_page(State(stage): State<SharedStage>) -> Response {
    let stage = stage.lock();
    let rules = stage.case.rules.iter().map(|rule| {
        let alerts = rules::active(rule, &stage.metrics, stage.now());
        let state = match (alerts.iter().any(|alert| alert.firing), alerts.is_empty()) {
            (true, _) => "firing",
            (false, false) => "pending",
            (false, true) => "inactive",
        };
        json!({
            "state": state, "name": rule.alert, "query": rule.expr, "duration": rule.for_seconds, "labels": rule.labels,
            "annotations": rule.annotations, "alerts": alerts.iter().map(alert).collect::<Vec<_>>(), "health": "ok",
            "lastError": "", "evaluationTime": 0.0005, "lastEvaluation": stage.now(), "type": "alerting",
        })
    });
    let group =
        json!({ "name": "world", "file": "rules.yml", "interval": 15, "limit": 0, "rules": rules.collect::<Vec<_>>() });
    success(json!({ "groups": [group] }))
}

async fn alerts(State(stage): State<SharedStage>) -> Response {
    let stage = stage.lock();
    let active = stage.case.rules.iter().flat_map(|rule| rules::active(rule, &stage.metrics, stage.now()));
    success(json!({ "alerts": active.map(|active| alert(&active)).collect::<Vec<_>>() }))
}

fn alert(active: &rules::Active) -> Value {
    json!({
        "labels": active.labels, "annotations": active.annotations, "activeAt": active.since,
        "state": if active.firing { "firing" } else { "pending" }, "value": format!("{:e}", active.value),
    })
}

async fn targets(State(stage): State<SharedStage>) -> Response {
    let stage = stage.lock();
    let Ok(Answer::Vector(up)) = stage.metrics.instant("up", stage.now().timestamp_millis()) else {
        return success(json!({ "activeTargets": [], "droppedTargets": [] }));
    };
    let target = |(mut labels, _, value): (Labels, i64, f64)| {
        labels.remove("__name__");
        let pool = labels.get("job").cloned().unwrap_or_default();
        let well = value > 0.0;
        json!({
            "labels": labels, "scrapePool": pool, "health": if well { "up" } else { "down" },
            "lastError": if well { "" } else { "connection refused" }, "lastScrape": stage.now(),
        })
    };
    success(json!({ "activeTargets": up.into_iter().map(target).collect::<Vec<_>>(), "droppedTargets": [] }))
}
