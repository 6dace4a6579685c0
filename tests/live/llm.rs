//! A provider that speaks OpenAI's chat API and wants what a scenario tells it to; a turn can be held until the scenario lets it go.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// What the model wants, turn by turn; after the last one it concludes.
pub(crate) struct Llm {
    pub(crate) address: SocketAddr,
    gate: Arc<Semaphore>,
}

#[derive(Clone)]
struct Shared {
    turns: Arc<Vec<Vec<(&'static str, Value)>>>,
    turn: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Llm {
    /// Starts with `free` turns; each later one waits for [`Llm::go_on`].
    pub(crate) async fn start(turns: Vec<Vec<(&'static str, Value)>>, free: usize) -> Result<Self> {
        let gate = Arc::new(Semaphore::new(free));
        let shared = Shared { turns: Arc::new(turns), turn: Arc::default(), gate: Arc::clone(&gate) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/chat/completions", post(answer)).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, gate })
    }

    pub(crate) fn go_on(&self) {
        self.gate.add_permits(100);
    }

    /// The agent's settings for this provider.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[model]\nchain = [\"main\"]\n[model.providers.main]\nbase_url = \"http://{}\"\nmodel = \"scripted\"\nstreaming = false\n\
             timeout = \"120s\"\nretries = 0\n",
            self.address
        )
    }
}

async fn answer(State(shared): State<Shared>) -> Json<Value> {
    if let Ok(permit) = shared.gate.acquire().await {
        permit.forget();
    }
    let turn = shared.turn.fetch_add(1, Ordering::SeqCst);
    let conclusion = json!({
        "summary": "done as told", "cause": "a scripted scenario", "claims": [], "next_steps": [], "resolved": true,
    });
    let wanted = shared.turns.get(turn).cloned().unwrap_or_else(|| vec![("conclude", conclusion)]);
    let call = |(index, (tool, args)): (usize, &(&str, Value))| json!({ "id": format!("x{index}"), "type": "function", "function": { "name": tool, "arguments": args.to_string() } });
    let calls: Vec<_> = wanted.iter().enumerate().map(call).collect();
    Json(json!({
        "choices": [{ "finish_reason": "tool_calls", "message": { "role": "assistant", "content": null, "tool_calls": calls } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 1 },
    }))
}
