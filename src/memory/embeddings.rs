//! Meaning as vectors, from any server that speaks OpenAI's embeddings API. Optional: without it words alone are compared.
//!
//! Invariant: what is sent has been cleaned, so that no secret leaves; no error holds the key, no answer is read past its bound.

use std::{error::Error, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::{StreamExt, future::BoxFuture};
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::MemoryError;

const SYSTEM: &str = "the embeddings endpoint";
/// Texts of one request.
pub(crate) const BATCH: usize = 64;
/// Characters of one text; models read little more.
const LONGEST: usize = 8_000;
/// Numbers of one vector.
const MOST_DIMENSIONS: usize = 16_384;
/// How long a search waits for a meaning. Who searches waits too, a first look for a second in all; words are compared anyway.
const WHILE_SEARCHING: Duration = Duration::from_millis(500);

/// Waits for so long on the house's clock.
pub type Pause = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;
/// The present moment on the house's clock.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How an embeddings endpoint is reached.
#[derive(Clone)]
pub struct EmbeddingOptions {
    /// Sends the requests.
    pub client: Client,
    /// Where its API begins, such as `https://api.openai.com/v1`.
    pub base_url: Url,
    /// Its API key; empty for a server that wants none.
    pub api_key: SecretString,
    /// The model's name as the provider has it. Another name makes another index.
    pub model: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often a failed request is made again.
    pub retries: u32,
    /// The longest pause before that; a server that asks for more is given up.
    pub longest_wait: Duration,
    /// Bytes an answer may have.
    pub answer_max: usize,
    /// Waits between attempts.
    pub pause: Pause,
    /// Tells how long a Retry-After that names a moment is.
    pub now: Now,
}

/// Asks an embeddings endpoint.
pub(crate) struct Embedder {
    options: EmbeddingOptions,
    url: Url,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

impl Embedder {
    pub(crate) fn new(options: EmbeddingOptions) -> Result<Self, MemoryError> {
        let wrong = |why: &str| {
            MemoryError::Wrong(format!("[memory.embeddings] base_url {why}; right would be \"https://host/v1\""))
        };
        let mut url = options.base_url.clone();
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("is not http:// or https://"));
        }
        let path = format!("{}/embeddings", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self { options, url })
    }

    pub(crate) fn model(&self) -> &str {
        &self.options.model
    }

    /// The vectors of these texts, in their order.
    pub(crate) async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, MemoryError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.batch(batch).await?);
        }
        Ok(vectors)
    }

    /// The vector of what is searched for: asked once and not for long.
    pub(crate) async fn embed_question(&self, text: String) -> Result<Option<Vec<f32>>, MemoryError> {
        let limit = self.options.timeout.min(WHILE_SEARCHING);
        Ok(self.once(&[text], limit).await?.into_iter().next())
    }

    async fn batch(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, MemoryError> {
        let mut pause = Duration::from_millis(500);
        let mut left = self.options.retries;
        loop {
            let (why, wanted) = match self.once(texts, self.options.timeout).await {
                Err(MemoryError::Unreachable { why, retry_after, .. }) => (why, retry_after),
                other => return other,
            };
            let wait = wanted.unwrap_or(pause);
            if left == 0 || wait > self.options.longest_wait {
                return Err(MemoryError::Unreachable { system: SYSTEM, why, retry_after: wanted });
            }
            tracing::warn!(why, wait_seconds = wait.as_secs_f32(), "the embeddings endpoint is asked again");
            (self.options.pause)(wait).await;
            left -= 1;
            pause = pause.saturating_mul(2).min(self.options.longest_wait);
        }
    }

    async fn once(&self, texts: &[String], limit: Duration) -> Result<Vec<Vec<f32>>, MemoryError> {
        let input: Vec<String> = texts.iter().map(|text| fit(text)).collect();
        let body = json!({ "model": self.options.model, "input": input, "encoding_format": "float" });
        let mut request = self.options.client.post(self.url.clone()).timeout(limit).json(&body);
        let key = self.options.api_key.expose_secret().trim();
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| failed(error, limit))?;
        let status = response.status();
        let retry_after = self.retry_after(&response);
        let body = self.read(response, limit).await?;
        if !status.is_success() {
            return Err(self.refused(status, &body, retry_after));
        }
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| down(format!("answers what is not the JSON expected: {error}")))?;
        in_order(answer, texts.len())
    }

    async fn read(&self, response: Response, limit: Duration) -> Result<Vec<u8>, MemoryError> {
        let mut body = Vec::new();
        let mut parts = response.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| failed(error, limit))?;
            if body.len() + part.len() > self.options.answer_max {
                let why = format!("the answer is larger than {} bytes", self.options.answer_max);
                return Err(MemoryError::Refused { system: SYSTEM, why });
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// What may pass is worth another try; a key or a model that is wrong is not.
    fn refused(&self, status: StatusCode, body: &[u8], retry_after: Option<Duration>) -> MemoryError {
        let said = self.without_key(&String::from_utf8_lossy(body));
        let said: String = said.chars().filter(|letter| !letter.is_control()).take(300).collect();
        let why = format!("{status}: {said}");
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
        {
            return MemoryError::Unreachable { system: SYSTEM, why, retry_after };
        }
        MemoryError::Refused { system: SYSTEM, why }
    }

    fn without_key(&self, text: &str) -> String {
        let key = self.options.api_key.expose_secret().trim();
        if key.is_empty() { text.to_owned() } else { text.replace(key, "[secret]") }
    }

    fn retry_after(&self, response: &Response) -> Option<Duration> {
        let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until: DateTime<Utc> = httpdate::parse_http_date(text).ok()?.into();
        (until - (self.options.now)()).to_std().ok()
    }
}

fn failed(error: reqwest::Error, limit: Duration) -> MemoryError {
    // The address may hold credentials.
    let error = error.without_url();
    if error.is_timeout() {
        return down(format!("no answer within {} ms", limit.as_millis()));
    }
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    down(innermost.to_string())
}

fn down(why: String) -> MemoryError {
    MemoryError::Unreachable { system: SYSTEM, why, retry_after: None }
}

/// As much of a text as is sent; an empty one is turned down by many servers.
fn fit(text: &str) -> String {
    let text: String = text.chars().take(LONGEST).collect();
    if text.trim().is_empty() { "-".to_owned() } else { text }
}

/// One sound vector for each text, all of one length.
fn in_order(mut answer: Answer, expected: usize) -> Result<Vec<Vec<f32>>, MemoryError> {
    let wrong = |why: String| MemoryError::Refused { system: SYSTEM, why };
    answer.data.sort_by_key(|embedding| embedding.index);
    if answer.data.len() != expected || !answer.data.iter().map(|embedding| embedding.index).eq(0..expected) {
        return Err(wrong(format!("{} vectors came for {expected} texts", answer.data.len())));
    }
    let vectors: Vec<_> = answer.data.into_iter().map(|embedding| embedding.embedding).collect();
    let length = vectors.first().map_or(0, Vec::len);
    if length == 0 || length > MOST_DIMENSIONS || vectors.iter().any(|vector| vector.len() != length) {
        return Err(wrong("the vectors have no common length, or one out of bounds".to_owned()));
    }
    if vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err(wrong("a vector holds what is no number".to_owned()));
    }
    Ok(vectors)
}
