//! Answers as Loki writes them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::error::LokiError;
use super::labels::Labels;
use super::log_query::{AnsweredStream, Line};
use super::metric::{Moment, Sample, TimeSeries};
use super::units::format_float;

const JSON: &str = "application/json; charset=UTF-8";
const TEXT: &str = "text/plain; charset=utf-8";

impl IntoResponse for LokiError {
    fn into_response(self) -> Response {
        text(StatusCode::BAD_REQUEST, self.to_string())
    }
}

/// Plain text.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, TEXT)], text).into_response()
}

/// JSON.
pub(super) fn json(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

/// JSON in the type that Loki's status page has.
pub(super) fn status_json(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// A success with `data`.
pub(super) fn success(data: &Value) -> Response {
    json(&json!({ "status": "success", "data": data }))
}

/// The answer to a query for lines.
pub(super) fn streams(streams: Vec<AnsweredStream>, looked_at: usize, categorize: bool) -> Response {
    let found: usize = streams.iter().map(|stream| stream.lines.len()).sum();
    let stream = |stream: AnsweredStream| {
        let lines: Vec<Value> = stream.lines.into_iter().map(|entry| line(entry, categorize)).collect();
        json!({ "stream": stream.labels, "values": lines })
    };
    let result: Vec<Value> = streams.into_iter().map(stream).collect();
    let mut data = json!({ "resultType": "streams", "result": result, "stats": statistics(looked_at, found) });
    if let (true, Some(data)) = (categorize, data.as_object_mut()) {
        data.insert("encodingFlags".into(), json!(["categorize-labels"]));
    }
    success(&data)
}

fn line(line: Line, categorize: bool) -> Value {
    let at = line.at.to_string();
    if !categorize {
        return json!([at, line.text]);
    }
    let mut categories = Map::new();
    let parts: [(&str, Labels); 2] = [("structuredMetadata", line.metadata), ("parsed", line.parsed)];
    for (name, labels) in parts.into_iter().filter(|(_, labels)| !labels.is_empty()) {
        categories.insert(name.into(), json!(labels));
    }
    json!([at, line.text, categories])
}

/// The answer to a query for numbers at one time, in nanoseconds.
pub(super) fn moment(moment: Moment, at: i64) -> Response {
    let (kind, result) = match moment {
        Moment::Number(value) => ("scalar", point(at, value)),
        Moment::Series(samples) => {
            let sample = |sample: &Sample| json!({ "metric": sample.labels, "value": point(at, sample.value) });
            ("vector", Value::Array(samples.iter().map(sample).collect()))
        }
    };
    success(&json!({ "resultType": kind, "result": result, "stats": statistics(0, 0) }))
}

/// The answer to a query for numbers over time.
pub(super) fn matrix(series: &[TimeSeries]) -> Response {
    let one = |(labels, points): &TimeSeries| {
        let points: Vec<Value> = points.iter().map(|(at, value)| point(*at, *value)).collect();
        json!({ "metric": labels, "values": points })
    };
    let result: Vec<Value> = series.iter().map(one).collect();
    success(&json!({ "resultType": "matrix", "result": result, "stats": statistics(0, 0) }))
}

/// Seconds, to the millisecond, and the value as text.
fn point(at: i64, value: f64) -> Value {
    let milliseconds = at.div_euclid(1_000_000);
    let seconds =
        if milliseconds % 1000 == 0 { json!(milliseconds / 1000) } else { json!(milliseconds as f64 / 1000.0) };
    json!([seconds, format_float(value)])
}

fn statistics(looked_at: usize, found: usize) -> Value {
    json!({ "summary": { "totalLinesProcessed": looked_at, "totalEntriesReturned": found } })
}
