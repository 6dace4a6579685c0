//! Any server that speaks OpenAI's chat API: OpenAI itself, vLLM, Ollama, llama.cpp, OpenRouter and the like.
//!
//! Invariant: no error that leaves this module holds the API key, and no answer is read past its bound.

mod answer;
mod exchange;
mod fault;
mod provider;
mod refused;
mod reply;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod tokens;

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tools::SharedClock;
use url::Url;

use self::{exchange::Endpoint, fault::Fault, refused::Refused, request::Request};
use super::{Model, ModelError, Reply, Transcript};

pub use tokens::count_tokens;

/// The settings of one provider.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// The name under which it stands in the journal.
    pub name: String,
    /// Where its API begins, such as `https://api.openai.com/v1`.
    pub base_url: Url,
    /// Its API key; empty for a server that wants none.
    pub api_key: SecretString,
    /// The model's name as the provider has it.
    pub model: String,
    /// Between 0 and 2; `None` leaves it to the provider.
    pub temperature: Option<f32>,
    /// Tokens that one answer may have.
    pub max_output_tokens: usize,
    /// Tokens that question and answer may have together.
    pub context_window: usize,
    /// How long one attempt may take, to the last byte. Pauses between attempts may take as long again, all together.
    pub timeout: Duration,
    /// How often a failed attempt is made again.
    pub retries: u32,
    /// Whether the answer is read as it is written.
    pub streaming: bool,
    /// Whether one turn may want several calls.
    pub parallel_tool_calls: bool,
    /// Whether the provider holds the model to the tools' schemas.
    pub strict: bool,
    /// What tokens cost.
    pub price: Price,
}

/// What tokens cost, in US dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// A million tokens read.
    pub input_per_million: f64,
    /// A million tokens read from the provider's prompt cache.
    pub cached_input_per_million: f64,
    /// A million tokens written.
    pub output_per_million: f64,
}

/// A model behind OpenAI's chat API.
pub struct OpenAi {
    options: OpenAiOptions,
    endpoint: Endpoint,
    clock: SharedClock,
    /// The fields that this server turned down before.
    refused: AtomicU8,
}

impl OpenAi {
    /// A model over this client; nothing is sent before the first turn.
    pub fn new(options: OpenAiOptions, client: reqwest::Client, clock: SharedClock) -> Self {
        let endpoint = Endpoint::new(&options, client, clock.clone());
        Self { options, endpoint, clock, refused: AtomicU8::new(Refused::default().bits()) }
    }

    async fn turn(&self, transcript: &Transcript<'_>) -> Result<Reply, ModelError> {
        let mut refused = Refused::of_bits(self.refused.load(Ordering::Relaxed));
        let (mut retries, mut waited) = (0, Duration::ZERO);
        loop {
            let request = Request::of(&self.options, transcript, refused);
            let fault = match self.attempt(&request, transcript.tools.is_empty()).await {
                Ok(reply) => {
                    self.refused.fetch_or(refused.bits(), Ordering::Relaxed);
                    return Ok(reply);
                }
                Err(fault) => fault,
            };
            if let Some(more) = refused.with_named(&fault, &request) {
                tracing::info!(model = self.options.name, why = self.told(&fault), "a field is left out");
                refused = more;
                continue;
            }
            let Some(pause) = fault.pause(retries) else {
                return Err(self.error(&fault));
            };
            if retries >= self.options.retries || waited + pause > self.options.timeout {
                return Err(self.error(&fault));
            }
            tracing::warn!(model = self.options.name, ?pause, why = self.told(&fault), "the model is asked again");
            self.clock.sleep(pause).await;
            retries += 1;
            waited += pause;
        }
    }

    async fn attempt(&self, request: &Request<'_>, last: bool) -> Result<Reply, Fault> {
        let collected = self.endpoint.ask(request).await?;
        let told = collected.usage.filter(|usage| usage.input_tokens + usage.output_tokens > 0);
        let written = if told.is_some() { String::new() } else { collected.text() };
        let (thought, step) = reply::step(collected, last)?;
        let usage = told.unwrap_or_else(|| reply::counted(&self.options.model, &request.text(), &written));
        let usage = reply::priced(usage, self.options.price);
        Ok(Reply { model: self.options.name.clone(), thought, step, usage, fell_back: Vec::new() })
    }

    fn error(&self, fault: &Fault) -> ModelError {
        ModelError { model: self.options.name.clone(), why: self.told(fault), retry_after: fault.leave_alone() }
    }

    fn told(&self, fault: &Fault) -> String {
        fault.told(self.options.api_key.expose_secret().trim())
    }
}

impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn window(&self) -> Option<usize> {
        Some(self.options.context_window.saturating_sub(self.options.max_output_tokens))
    }

    fn count(&self, text: &str) -> usize {
        count_tokens(&self.options.model, text)
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(self.turn(transcript))
    }
}
