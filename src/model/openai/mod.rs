//! Any server that speaks the OpenAI chat API, by async-openai with types of our own: fields that a provider adds or leaves
//! out do not break a turn.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>

mod answer;
mod request;
mod tokens;
mod transport;

use std::{sync::Mutex, time::Duration};

use async_openai::{Client, config::OpenAIConfig};
use futures::{StreamExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tools::SharedClock;

use self::{
    answer::{Answer, Chunk, Gathered},
    request::Dialect,
    transport::{Trouble, trouble},
};
use super::{Model, ModelError, Reply, Transcript};
use crate::incident::Usage;

pub use tokens::count_tokens;

/// A provider that asks to be left alone for longer than this is given up for now.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where waiting between retries begins; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How one provider is reached and used.
#[derive(Debug, Clone)]
pub struct OpenAiOptions {
    /// The name in the settings; stands in the journal.
    pub name: String,
    /// Base URL, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// API key; may be empty for a local server.
    pub api_key: SecretString,
    /// The model's name at the provider.
    pub model: String,
    /// Temperature; `None` is the provider's own.
    pub temperature: Option<f32>,
    /// Tokens of one answer.
    pub max_output_tokens: u32,
    /// Tokens in all.
    pub context_window: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// Retries of one request.
    pub retries: u32,
    /// Whether answers are streamed.
    pub streaming: bool,
    /// Whether several calls may come in one turn.
    pub parallel_tool_calls: bool,
    /// Whether tools have strict schemas.
    pub strict: bool,
    /// What tokens cost.
    pub price: Price,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Read.
    pub input_per_million: f64,
    /// Read from the provider's prompt cache.
    pub cached_input_per_million: f64,
    /// Written.
    pub output_per_million: f64,
}

impl Price {
    fn of(&self, usage: &Usage) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of tokens are small")]
        let million = |tokens: u64| tokens as f64 / 1e6;
        let fresh = usage.input_tokens.saturating_sub(usage.cached_tokens);
        million(fresh) * self.input_per_million
            + million(usage.cached_tokens) * self.cached_input_per_million
            + million(usage.output_tokens) * self.output_per_million
    }
}

/// A model behind the OpenAI chat API.
pub struct OpenAi {
    options: OpenAiOptions,
    client: Client<OpenAIConfig>,
    clock: SharedClock,
    /// What this server was found not to take.
    dialect: Mutex<Dialect>,
}

impl OpenAi {
    /// A model; asks nothing yet.
    pub fn new(options: OpenAiOptions, http: reqwest::Client, clock: SharedClock) -> Self {
        let config = OpenAIConfig::new()
            .with_api_base(options.base_url.trim_end_matches('/'))
            .with_api_key(options.api_key.expose_secret());
        let service = transport::service(http, options.timeout, std::sync::Arc::clone(&clock));
        let client = Client::with_config(config).with_http_service(service);
        let dialect = Mutex::new(Dialect::new(&options));
        Self { options, client, clock, dialect }
    }

    async fn turn(&self, transcript: &Transcript<'_>) -> Result<Reply, Trouble> {
        let dialect = self.dialect.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let body = request::body(&self.options, &dialect, transcript);
        let asked = async {
            if self.options.streaming { self.streamed(&body).await } else { self.whole(&body).await }
        };
        let gathered = tokio::time::timeout(self.options.timeout, asked)
            .await
            .map_err(|_| Trouble::again(format!("no answer within {} s", self.options.timeout.as_secs())))??;
        let mut usage = gathered.usage.unwrap_or_else(|| self.counted(&body, &gathered));
        usage.cost = self.options.price.of(&usage);
        let (thought, step) = gathered.step().ok_or_else(|| Trouble::again("empty answer: neither text nor calls".to_owned()))?;
        Ok(Reply { model: self.options.name.clone(), thought, step, usage, fell_back: Vec::new() })
    }

    async fn whole(&self, body: &Value) -> Result<Gathered, Trouble> {
        let answer: Answer = self.client.chat().create_byot(body).await.map_err(trouble)?;
        Ok(answer.into())
    }

    async fn streamed(&self, body: &Value) -> Result<Gathered, Trouble> {
        let mut stream = self.client.chat().create_stream_byot::<_, Chunk>(body).await.map_err(trouble)?;
        let mut gathered = Gathered::default();
        while let Some(chunk) = stream.next().await {
            gathered.add(chunk.map_err(trouble)?);
        }
        if !gathered.finished {
            return Err(Trouble::again("the stream broke off before the answer ended".to_owned()));
        }
        Ok(gathered)
    }

    /// For a provider that does not say: counted here.
    fn counted(&self, body: &Value, gathered: &Gathered) -> Usage {
        let count = |text: &str| u64::try_from(count_tokens(&self.options.model, text)).unwrap_or(0);
        Usage {
            input_tokens: count(&body.to_string()),
            output_tokens: count(&gathered.text()),
            ..Usage::default()
        }
    }

    async fn retried(&self, transcript: &Transcript<'_>) -> Result<Reply, ModelError> {
        let (mut tried, mut wait) = (0, FIRST_WAIT);
        loop {
            let trouble = match self.turn(transcript).await {
                Ok(reply) => return Ok(reply),
                Err(trouble) => trouble,
            };
            // A field that the server does not take is left out from now on; that is no retry.
            if let Some(field) = trouble.refused_field()
                && self.dialect.lock().unwrap_or_else(std::sync::PoisonError::into_inner).leave_out(field)
            {
                tracing::info!(model = self.options.name, field, "the server does not take this field; it is left out");
                continue;
            }
            let asked = trouble.retry_after;
            if !trouble.again || tried >= self.options.retries || asked.is_some_and(|asked| asked > PATIENCE) {
                return Err(ModelError { model: self.options.name.clone(), why: trouble.why, retry_after: asked });
            }
            tracing::warn!(model = self.options.name, why = trouble.why, "asked again");
            self.clock.sleep(asked.unwrap_or(wait)).await;
            (tried, wait) = (tried + 1, wait * 2);
        }
    }
}

impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn window(&self) -> Option<usize> {
        let output = usize::try_from(self.options.max_output_tokens).unwrap_or(0);
        Some(self.options.context_window.saturating_sub(output))
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(self.retried(transcript))
    }
}

#[cfg(test)]
mod tests;
