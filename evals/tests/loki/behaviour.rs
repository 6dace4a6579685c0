//! The double at its edges: time, requests, limits, pushes.

use evals::loki::LogStore;
use serde_json::{Value, json};

use crate::server::{Server, answer, labels};

const SECOND: i64 = 1_000_000_000;
pub(crate) const NOW: i64 = 1_795_456_200 * SECOND;
const RANGE: &str = "/loki/api/v1/query_range";
const INSTANT: &str = "/loki/api/v1/query";

/// A server whose one stream has these lines, so many seconds before now.
pub(crate) async fn server(lines: &[(i64, &str)]) -> Server {
    let mut store = LogStore::new();
    for (seconds, line) in lines {
        store.push(labels(&[("app", "shop"), ("host", "a")]), NOW - seconds * SECOND, (*line).into());
    }
    Server::start(store, NOW).await
}

/// The texts of the lines that a query finds, in order.
pub(crate) async fn lines(server: &Server, query: &str, more: &[(&str, &str)]) -> Vec<String> {
    let found = server.get(RANGE, &[&[("query", query), ("direction", "forward")], more].concat()).await;
    assert_eq!(found.status, 200, "{query}: {}", found.body);
    let streams = found.body.pointer("/data/result").and_then(Value::as_array).unwrap();
    let mut lines: Vec<Value> =
        streams.iter().flat_map(|stream| stream["values"].as_array().unwrap().clone()).collect();
    lines.sort_by_key(|line| line[0].to_string());
    lines.iter().map(|line| line[1].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_lies_ahead_is_not_seen() {
    let server = server(&[(3700, "old"), (10, "before"), (-10, "after")]).await;
    let later = (NOW + 100 * SECOND).to_string();
    let all = "{app=\"shop\"}";
    assert_eq!(lines(&server, all, &[]).await, ["before"]);
    assert_eq!(lines(&server, all, &[("end", &later), ("since", "2h")]).await, ["old", "before"]);
    let count = server.get(INSTANT, &[("query", "count_over_time({app=\"shop\"}[2h])"), ("time", &later)]).await;
    assert_eq!(count.body["data"]["result"][0]["value"][1], "2");
    let values = server.get("/loki/api/v1/label/app/values", &[("start", &NOW.to_string()), ("end", &later)]).await;
    assert_eq!(values.body, json!({ "status": "success" }));
}

#[tokio::test]
async fn parameters_come_in_a_form_too() {
    let server = server(&[(1, "x")]).await;
    for (path, kind) in [(RANGE, "streams"), (INSTANT, "vector")] {
        let query = if path == RANGE { "{app=\"shop\"}" } else { "sum(rate({app=\"shop\"}[1m]))" };
        let response = server.client.post(server.url(path)).form(&[("query", query)]).send().await.unwrap();
        let found = answer(response).await;
        assert_eq!((found.status, &found.body["data"]["resultType"]), (200, &json!(kind)));
    }
}

#[tokio::test]
async fn series_and_statistics_go_by_selector() {
    let server = server(&[(1, "four")]).await;
    let stream = json!({ "app": "shop", "host": "a", "service_name": "shop" });
    let found = server.get("/loki/api/v1/series", &[("match[]", "{app=\"shop\"}"), ("match[]", "{host=\"a\"}")]).await;
    assert_eq!(found.body["data"], json!([stream]));
    let found = server.get("/loki/api/v1/index/stats", &[("query", "{app=\"shop\"}")]).await;
    assert_eq!(found.body, json!({ "streams": 1, "chunks": 1, "bytes": 4, "entries": 1 }));
    let found = server.get("/loki/api/v1/labels", &[("query", "{app=\"other\"}")]).await;
    assert_eq!(found.body, json!({ "status": "success" }));
}

#[tokio::test]
async fn bad_parameters_are_refused_in_loki_s_words() {
    let server = server(&[]).await;
    let selector = ("query", "{a=\"b\"}");
    for (parameters, text) in [
        ([selector, ("direction", "up")], "invalid direction 'up'"),
        (
            [selector, ("step", "-1")],
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        ([selector, ("step", "x")], "cannot parse \"x\" to a valid duration"),
        ([selector, ("since", "x")], "could not parse 'since' parameter: not a valid duration string: \"x\""),
        (
            [selector, ("limit", "5001")],
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)",
        ),
    ] {
        let found = server.get(RANGE, &parameters).await;
        assert_eq!((found.status, found.body), (400, json!(text)));
        assert_eq!(found.content_type, "text/plain; charset=utf-8");
    }
}

#[tokio::test]
async fn too_many_series_are_refused() {
    let mut store = LogStore::new();
    for number in 0..501 {
        store.push(labels(&[("app", "shop"), ("pod", &number.to_string())]), NOW - SECOND, "x".into());
    }
    let server = Server::start(store, NOW).await;
    for path in [RANGE, INSTANT] {
        let found = server.get(path, &[("query", "rate({app=\"shop\"}[1m])")]).await;
        assert!(found.body.as_str().unwrap().starts_with("maximum number of series (500) reached for a single query"));
        assert_eq!(server.get(path, &[("query", "sum(rate({app=\"shop\"}[1m]))")]).await.status, 200);
    }
}

#[tokio::test]
async fn a_line_is_kept_once() {
    let server = server(&[(5, "same"), (5, "same"), (5, "other")]).await;
    assert_eq!(lines(&server, "{app=\"shop\"}", &[]).await, ["same", "other"]);
}

#[tokio::test]
async fn pushed_lines_are_checked() {
    let server = server(&[]).await;
    let push = async |at: i64, line: &str, name: &str| {
        let body = json!({ "streams": [{ "stream": { name: "old" }, "values": [[at.to_string(), line]] }] });
        answer(server.client.post(server.url("/loki/api/v1/push")).body(body.to_string()).send().await.unwrap()).await
    };
    assert_eq!(push(NOW - SECOND, "good", "app").await.status, 204);
    let refused = push(NOW + 3600 * SECOND, "x", "app").await;
    assert_eq!(refused.body, "entry for stream '{app=\"old\"}' has timestamp too new: 2026-11-23T18:50:00Z\n");
    let refused = push(NOW - 31 * 24 * 3600 * SECOND, "x", "app").await;
    let text = "entry for stream '{app=\"old\"}' has timestamp too old: 2026-10-23T17:50:00Z, oldest acceptable timestamp is: 2026-11-16T17:50:00Z\n";
    assert_eq!(refused.body, text);
    let refused = push(NOW, &"x".repeat(300_000), "app").await;
    let text = "max entry size '262144' bytes exceeded for stream '{app=\"old\"}' while adding an entry with length '300000' bytes\n";
    assert_eq!(refused.body, text);
    assert_eq!(push(NOW, "x", "9").await.status, 400);
    assert_eq!(lines(&server, "{app=\"old\"}", &[]).await, ["good"]);
}
