//! A double of an LLM's provider, over OpenAI's API.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

use crate::stage::serve;

pub(crate) type Seen = Arc<Mutex<Vec<Value>>>;

/// A provider that gives these answers in order, and remembers what it was asked.
pub(crate) async fn provider(answers: Vec<Value>) -> (String, Seen) {
    let seen = Seen::default();
    let answers = Arc::new(answers);
    async fn next(State((seen, answers)): State<(Seen, Arc<Vec<Value>>)>, Json(body): Json<Value>) -> Json<Value> {
        let mut seen = seen.lock().unwrap();
        seen.push(body);
        Json(answers[(seen.len() - 1).min(answers.len() - 1)].clone())
    }
    let router = Router::new().route("/chat/completions", post(next)).with_state((Arc::clone(&seen), answers));
    (serve(router).await, seen)
}

/// A provider that answers by the number of its turns so far.
pub(crate) async fn by_turn(turn: impl Fn(usize) -> Value + Clone + Send + Sync + 'static) -> String {
    let answer = move |Json(body): Json<Value>| {
        let turns =
            body["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "assistant").count();
        // The first turn is triage's.
        let reply = turn(turns.saturating_sub(1));
        async move { Json(reply) }
    };
    serve(Router::new().route("/chat/completions", post(answer))).await
}

/// An answer that asks for these calls.
pub(crate) fn calls<N: AsRef<str>>(wanted: &[(N, Value)]) -> Value {
    let calls: Vec<_> = wanted
        .iter()
        .enumerate()
        .map(|(index, (name, args))| {
            let name = name.as_ref();
            json!({ "id": format!("x{index}"), "type": "function", "function": { "name": name, "arguments": args.to_string() } })
        })
        .collect();
    json!({
        "choices": [{ "finish_reason": "tool_calls", "message": { "role": "assistant", "content": null, "tool_calls": calls } }],
        "usage": { "prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": { "cached_tokens": 400 } },
    })
}

/// An answer that concludes.
pub(crate) fn conclude(cause: &str, claims: Value, resolved: bool) -> Value {
    calls(&[(
        "conclude",
        json!({ "summary": cause, "cause": cause, "claims": claims, "next_steps": [], "resolved": resolved }),
    )])
}

/// Settings that ask the provider first, and go on by runbooks without it.
pub(crate) fn with_provider(url: &str, more: &str) -> String {
    format!(
        "[model]\nchain = [\"main\", \"runbook\"]\n[model.providers.main]\nbase_url = \"{url}\"\nmodel = \"m\"\nstreaming = false\n\
         api_key = \"sk-secret-key-of-the-test\"\nretries = 0\nprice = {{ input_per_million = 1.0, cached_input_per_million = 0.5, output_per_million = 4.0 }}\n{more}"
    )
}
