//! What a model reads of a whole investigation: while there is room, and when it no longer fits its window.

use serde_json::{Value, json};

use crate::{
    provider::{calls, conclude, provider, with_provider},
    stage::stage,
};

/// Tokens that a small model reads: system prompt and schemas leave little room in it.
const SMALL: usize = 8_500;

/// What the model was last asked, without the system prompt, as text.
async fn read_with(window: Option<usize>) -> String {
    let looks = [
        calls(&[("query_prometheus", json!({ "query": "up", "minutes_back": 10 })), ("search_logs", json!({}))]),
        calls(&[("list_alerts", json!({}))]),
        conclude("the container was killed", json!([{ "text": "it exited with 137", "evidence": [2] }]), false),
    ];
    let (url, seen) = provider(looks.to_vec()).await;
    let window = window.map_or(String::new(), |tokens| format!("context_window = {tokens}\n"));
    // On a busy machine, what answers at all must not be late.
    let patient = format!("{window}[health]\ntimeout = \"60s\"\n[triage]\nwithin = \"60s\"\n");
    let (stage, alert) = stage("container-killed", &with_provider(&url, &patient)).await;
    stage.play(&alert).await.unwrap();
    stage.strike().await;
    let asked = seen.lock().unwrap().last().unwrap().clone();
    let messages = asked["messages"].as_array().unwrap();
    messages.iter().skip(1).map(told).collect::<Vec<_>>().join("\n")
}

fn told(message: &Value) -> String {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let calls = calls.map(|call| {
        let (id, function) = (&call["id"], &call["function"]);
        format!("  {id} {} {}", function["name"].as_str().unwrap(), function["arguments"].as_str().unwrap())
    });
    let text = message["content"].as_str().unwrap_or_default().to_owned();
    let of = message["tool_call_id"].as_str().unwrap_or_default();
    let lines = std::iter::once(format!("── {} {of}", message["role"].as_str().unwrap()))
        .chain((!text.is_empty()).then_some(text));
    lines.chain(calls).collect::<Vec<_>>().join("\n")
}

/// Compares without the numbers of entries and the time that answers took: both depend on which answer came first.
fn compare(name: &str, read: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\[\d+\] ", "[entry] ");
    settings.add_filter(r#""entry": \d+"#, r#""entry": N"#);
    settings.add_filter(r"after \d+ ms", "after N ms");
    settings.bind(|| insta::assert_snapshot!(name, read));
}

#[tokio::test]
async fn whole_while_there_is_room() {
    compare("whole", &read_with(None).await);
}

#[tokio::test]
async fn the_oldest_shortened_when_there_is_none() {
    compare("shortened", &read_with(Some(SMALL)).await);
}
