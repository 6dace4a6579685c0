//! PromQL against what a real Prometheus 2.42 answered over the same samples.
//!
//! `fixtures/promql.json` holds its answers over the fault segment of `error-rate-after-config-change`, imported with
//! `promtool tsdb create-blocks-from openmetrics`, at a time before the world's now.

use serde_json::Value;

use crate::support::{get, post, start};

/// The real server saw the whole recording, so only what ends before the world's now can be compared; what does is all.
const RECORDED: &str = include_str!("fixtures/promql.json");

/// The engine drops the name of a many-to-one comparison's left side; Prometheus keeps it.
const KNOWN: [&str; 1] = ["group_left+http_requests_in_flight"];

#[tokio::test]
async fn every_recorded_query_has_the_real_answer() {
    let world = start("error-rate-after-config-change").await;
    let recorded: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    let mut wrong = Vec::new();
    for one in &recorded {
        let path = one["request"].as_str().unwrap();
        let (status, body) = get(&format!("{}{path}", world.prometheus_url())).await;
        let same = status == one["status"]
            && if status == 200 { same(&one["body"], &body) } else { same_error(&one["body"], &body) };
        let known = KNOWN.iter().any(|part| path.contains(part));
        if same == known {
            wrong.push(format!("{path}\n  real   {} {}\n  double {status} {body}", one["status"], one["body"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), recorded.len(), wrong.join("\n"));
    world.shutdown().await;
}

#[tokio::test]
async fn too_much_is_refused() {
    let world = start("container-killed").await;
    let url = format!("{}/api/v1/query", world.prometheus_url());
    let deep = |open: &str, close: &str, times: usize| format!("{}up{}", open.repeat(times), close.repeat(times));
    let queries = [
        ("x".repeat(9_000), 400),
        (deep("(", ")", 4_000), 400),
        (deep("-", "", 4_000), 400),
        (format!("up{}", " + up".repeat(900)), 400),
        (format!("up{}", " and up".repeat(1_000)), 400),
        (deep("abs(", ")", 90), 200),
        ("max_over_time(up[1000d:1ms])".to_owned(), 422),
        ("max_over_time(max_over_time(up[1d:1s])[1d:1s])".to_owned(), 422),
        (format!("up{{job=\"{}\"}}", "(".repeat(3_000)), 200),
    ];
    for (query, expected) in queries {
        let (status, body) = post(&url, &[("query", &query)]).await;
        assert_eq!(status, expected, "{:.60}… {body}", query);
    }
    world.shutdown().await;
}

/// Equal but for the order of series and the last digits of numbers.
fn same(real: &Value, double: &Value) -> bool {
    match (real, double) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && sorted(one).iter().zip(sorted(other)).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|found| same(value, found)))
        }
        (Value::String(one), Value::String(other)) => match (one.parse::<f64>(), other.parse::<f64>()) {
            (Ok(one), Ok(other)) => close(one, other),
            _ => one == other,
        },
        _ => real == double,
    }
}

fn close(one: f64, other: f64) -> bool {
    one == other || (one.is_nan() && other.is_nan()) || (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

/// Series by their labels; anything else as it is.
fn sorted(all: &[Value]) -> Vec<&Value> {
    let mut all: Vec<&Value> = all.iter().collect();
    if all.iter().all(|one| one.get("metric").is_some()) {
        all.sort_by_cached_key(|one| one["metric"].to_string());
    }
    all
}

/// The same error; where the parser's own words or place differ, a parse error at some place all the same.
fn same_error(real: &Value, double: &Value) -> bool {
    let text = |body: &Value| body["error"].as_str().unwrap_or_default().to_owned();
    let (real_text, double_text) = (text(real), text(double));
    let parse_error = |text: &str| {
        let place = text.strip_prefix("invalid parameter \"query\": 1:")?.split_once(": parse error: ")?.0;
        place.parse::<usize>().ok()
    };
    let both_parse = parse_error(&real_text).is_some() && parse_error(&double_text).is_some();
    real["errorType"] == double["errorType"] && double["status"] == "error" && (real_text == double_text || both_parse)
}
