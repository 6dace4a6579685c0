//! Answers in Prometheus's JSON.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::engine::{Answer, Series};

/// `{"status":"success","data":…}`.
pub(super) fn success(data: impl serde::Serialize) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

/// The data of an instant query at `at` (milliseconds).
pub(super) fn instant(answer: &Answer, at: i64) -> Value {
    match answer {
        Answer::Scalar(value) => json!({ "resultType": "scalar", "result": [seconds(at), number(*value)] }),
        Answer::Text(text) => json!({ "resultType": "string", "result": [seconds(at), text] }),
        Answer::Vector(all) => {
            let sample = |one: &Series| {
                let value = one.points.first().map_or(f64::NAN, |(_, value)| *value);
                json!({ "metric": one.labels, "value": [seconds(at), number(value)] })
            };
            json!({ "resultType": "vector", "result": all.iter().map(sample).collect::<Vec<_>>() })
        }
        Answer::Matrix(all) => matrix(all),
    }
}

/// The data of a range query.
pub(super) fn matrix(all: &[Series]) -> Value {
    let series = |one: &Series| {
        let values: Vec<Value> = one.points.iter().map(|(at, value)| json!([seconds(*at), number(*value)])).collect();
        json!({ "metric": one.labels, "values": values })
    };
    json!({ "resultType": "matrix", "result": all.iter().map(series).collect::<Vec<_>>() })
}

/// Seconds with at most three decimals, without any where none are needed.
fn seconds(milliseconds: i64) -> Value {
    if milliseconds % 1000 == 0 { json!(milliseconds / 1000) } else { json!(milliseconds as f64 / 1000.0) }
}

/// A sample's value as Go writes it with `%f` and the fewest digits.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// A number as Go writes it with `%e` and the fewest digits, as alerts bear it: `1.5e-01`.
pub(super) fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return number(value);
    }
    let written = format!("{value:e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        let written = [0.0, 1.0, 0.15, 1e21, 1.5e-9, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(number);
        assert_eq!(written, ["0", "1", "0.15", "1000000000000000000000", "0.0000000015", "+Inf", "-Inf", "NaN"]);
        assert_eq!([0.0, 1.0, 0.15, 1234.5].map(scientific), ["0e+00", "1e+00", "1.5e-01", "1.2345e+03"]);
        assert_eq!([seconds(1500), seconds(2000)], [json!(1.5), json!(2)]);
    }
}
