//! The protocol as a provider sees it: a server in process, the real client, and a clock that only tests move.

mod answered;
mod asked;
mod failed;
mod schema;
mod tokens;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tools::{Clock, Spec};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::{OpenAi, OpenAiOptions, Price};
use crate::{
    incident::Incident,
    model::{Message, Model, ModelError, Reply, Transcript},
};

const KEY: &str = "sk-test-0123456789";

/// A clock on which waiting takes no time and is written down.
struct Still {
    now: DateTime<Utc>,
    slept: Mutex<Vec<Duration>>,
}

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        self.now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.slept.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

/// Gives its answers in order, the last one again and again.
struct InOrder(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for InOrder {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        let mut left = self.0.lock().unwrap();
        if left.len() > 1 { left.pop_front().unwrap() } else { left.front().unwrap().clone() }
    }
}

/// A provider with its answers, and a model that asks it.
struct Provider {
    server: MockServer,
    clock: Arc<Still>,
    model: OpenAi,
}

impl Provider {
    async fn with(answers: Vec<ResponseTemplate>) -> Self {
        Self::with_options(answers, |_| {}).await
    }

    async fn with_options(answers: Vec<ResponseTemplate>, change: impl FnOnce(&mut OpenAiOptions)) -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(InOrder(Mutex::new(answers.into()))).mount(&server).await;
        let mut options = options(&server.uri());
        change(&mut options);
        let (model, clock) = model(options);
        Self { server, clock, model }
    }

    async fn ask(&self) -> Result<Reply, ModelError> {
        ask(&self.model, vec![Message::User("payments is down".to_owned())], &[inspect()]).await
    }

    async fn ask_last(&self) -> Result<Reply, ModelError> {
        ask(&self.model, vec![Message::User("payments is down".to_owned())], &[]).await
    }

    /// The bodies as they were sent.
    async fn sent(&self) -> Vec<Value> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| request.body_json().unwrap()).collect()
    }

    fn slept(&self) -> Vec<Duration> {
        self.clock.slept.lock().unwrap().clone()
    }
}

fn options(uri: &str) -> OpenAiOptions {
    OpenAiOptions {
        name: "main".to_owned(),
        base_url: format!("{uri}/v1/").parse().unwrap(),
        api_key: KEY.into(),
        model: "gpt-test".to_owned(),
        temperature: None,
        max_output_tokens: 1_000,
        context_window: 10_000,
        timeout: Duration::from_secs(20),
        retries: 2,
        streaming: false,
        parallel_tool_calls: true,
        strict: true,
        price: Price { input_per_million: 2.0, cached_input_per_million: 0.5, output_per_million: 8.0 },
    }
}

fn model(options: OpenAiOptions) -> (OpenAi, Arc<Still>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Arc::new(Still { now, slept: Mutex::default() });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    (OpenAi::new(options, client, clock.clone()), clock)
}

async fn ask(model: &OpenAi, messages: Vec<Message>, tools: &[Spec]) -> Result<Reply, ModelError> {
    let incident = Incident::new(1);
    model.next(&Transcript { incident: &incident, entries: &[], system: "You are careful.", messages, tools }).await
}

/// A tool with one argument that must be given and two that may.
fn inspect() -> Spec {
    Spec {
        name: "inspect_container".to_owned(),
        description: "Looks at a container.".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {
                "service": {"type": "string", "description": "The service.", "examples": ["payments"]},
                "lines": {"type": "integer", "format": "uint32", "minimum": 0, "default": 20},
                "part": {"type": "string", "enum": ["state", "health"]},
            },
            "required": ["service"],
            "additionalProperties": false,
        }),
        example: json!({"service": "payments"}),
        touches: None,
        words: &[],
        trusted: &[],
    }
}

fn called(calls: &[(&str, &str)]) -> Value {
    let calls: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            json!({"id": format!("call_{index}"), "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    completion(&json!({"role": "assistant", "content": null, "tool_calls": calls}), "tool_calls")
}

fn said(text: &str) -> Value {
    completion(&json!({"role": "assistant", "content": text}), "stop")
}

/// A completion as OpenAI gives it, with fields that nobody reads here.
fn completion(message: &Value, finish: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-test-1", "service_tier": "default",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100,
            "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 0},
        },
    })
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn failed(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"error": {"message": message, "type": "x", "param": null}}))
}

/// Events as a server sends them, the end included when it came to one.
fn events(chunks: &[Value], ended: bool) -> ResponseTemplate {
    let mut text: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    if ended {
        text.push_str("data: [DONE]\n\n");
    }
    ResponseTemplate::new(200).set_body_raw(text, "text/event-stream")
}

fn delta(delta: &Value) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": null})
}
