//! What was pushed to a real Loki, 108 requests, and what it answered: the double must answer the same.

use evals::loki::LogStore;
use serde_json::Value;

use crate::compare::{difference, same_values};
use crate::server::{Server, labels, parameters};

/// Answered differently: at 1795456920 three series are equal, and which two of them Loki keeps is chance; the values are
/// the same all the same.
const KNOWN: [&str; 1] =
    ["topk(2, sum by (symbol) (count_over_time({service=\"market-predictor\"} | json | level=\"error\" [5m])))"];

fn load(pushed: &Value) -> LogStore {
    let mut store = LogStore::new();
    for stream in pushed["streams"].as_array().unwrap() {
        let names = stream["stream"].as_object().unwrap();
        let pairs: Vec<(&str, &str)> =
            names.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        for line in stream["values"].as_array().unwrap() {
            let at = line[0].as_str().unwrap().parse().unwrap();
            store.push(labels(&pairs), at, line[1].as_str().unwrap().to_owned());
        }
    }
    store
}

#[tokio::test]
async fn all_recorded_queries_are_answered_as_the_real_server_did() {
    let pushed: Value = serde_json::from_str(include_str!("fixtures/pushed.json")).unwrap();
    let queries: Vec<Value> = serde_json::from_str(include_str!("fixtures/queries.json")).unwrap();
    let end: i64 = pushed["end"].as_str().unwrap().parse().unwrap();
    let server = Server::start(load(&pushed), end).await;
    let (mut differences, mut known) = (Vec::new(), Vec::new());
    for (number, query) in queries.iter().enumerate() {
        let answer = server.ask("GET", query["path"].as_str().unwrap(), &parameters(&query["params"]), false).await;
        let status = query["status"].as_u64().unwrap();
        let wrong = if u64::from(answer.status) == status {
            difference(&query["answer"], &answer.body)
        } else {
            Some(format!("status {} expected, found {}: {}", status, answer.status, answer.body))
        };
        let text = query["params"]["query"].as_str().unwrap();
        match wrong {
            Some(_) if KNOWN.contains(&text) && same_values(&query["answer"], &answer.body) => known.push(text),
            Some(wrong) => differences.push(format!("{number} {} {text}\n{wrong:.1500}", query["path"])),
            None => {}
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n\n"));
    assert_eq!((queries.len(), known.as_slice()), (108, KNOWN.as_slice()));
}
