//! HTTP with bounds: time, size, and errors that tell what was seen without telling credentials.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{Failure, SharedClock, System, text};

/// One count for the process, as its metrics have it.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Bytes of answers that this process read from outside systems over HTTP, Docker's logs among them.
pub fn received_bytes() -> u64 {
    RECEIVED.load(Ordering::Relaxed)
}

/// Counts bytes that were read.
pub(super) fn count_received(bytes: usize) {
    RECEIVED.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// How one system is reached.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// How long a request may take in all.
    pub timeout: Duration,
    /// Bytes an answer may have.
    pub answer_max: usize,
    /// Bearer token.
    pub bearer: Option<SecretString>,
    /// User and password for basic authentication.
    pub basic: Option<(String, SecretString)>,
    /// The tenant, sent as `X-Scope-OrgID`.
    pub tenant: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), answer_max: 8 << 20, bearer: None, basic: None, tenant: None }
    }
}

/// One system's HTTP API.
pub struct Http {
    system: System,
    client: Client,
    base: Url,
    options: HttpOptions,
    clock: SharedClock,
}

impl Http {
    /// Asks nothing yet: a system that is down is no error here.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no HTTP URL.
    pub fn new(
        system: System,
        client: Client,
        base: &str,
        options: HttpOptions,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Tell(format!("{system}: the URL {why}; right would be \"http://host:port\""));
        let mut base = Url::parse(base).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong("is not http:// or https://"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { system, client, base, options, clock })
    }

    /// GETs `path` (relative to the base) with these parameters and reads JSON.
    ///
    /// # Errors
    /// `Tell` with the system's own words for 400 and 422; `Unreachable` for everything else that is not an answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        let body = self.body(path, query).await?;
        serde_json::from_slice(&body)
            .map_err(|error| self.failed(format!("answers what is not the JSON expected: {error}")))
    }

    /// GETs `path` and reads text.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn text(&self, path: &str) -> Result<String, Failure> {
        let body = self.body(path, &[]).await?;
        Ok(text::clean(&String::from_utf8_lossy(&body)))
    }

    /// POSTs a JSON body to `path` and reads JSON.
    ///
    /// # Errors
    /// As [`Http::get`]. After `Unreachable` it is not known whether the system has taken it.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = self.accepted(self.reply(self.client.post(self.url(path)?).json(body)).await?)?;
        serde_json::from_slice(&body)
            .map_err(|error| self.failed(format!("answers what is not the JSON expected: {error}")))
    }

    /// GETs `path` and reads JSON; `None` when there is nothing at that path (404).
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        let reply = self.reply(self.client.get(self.url(path)?)).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        serde_json::from_slice(&self.accepted(reply)?)
            .map_err(|error| self.failed(format!("answers what is not the JSON expected: {error}")))
            .map(Some)
    }

    /// DELETEs `path`.
    ///
    /// # Errors
    /// As [`Http::post`].
    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.accepted(self.reply(self.client.delete(self.url(path)?)).await?).map(drop)
    }

    /// How long a request may take in all.
    pub fn timeout(&self) -> Duration {
        self.options.timeout
    }

    async fn body(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>, Failure> {
        self.accepted(self.reply(self.client.get(self.url(path)?).query(query)).await?)
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(|error| Failure::Tell(error.to_string()))
    }

    async fn reply(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        let request = self.with_credentials(request).timeout(self.options.timeout);
        let response = request.send().await.map_err(|error| self.seen(&error))?;
        let (status, retry_after) = (response.status(), retry_after(&response, &self.clock));
        Ok(Reply { status, retry_after, body: self.read(response).await? })
    }

    fn accepted(&self, reply: Reply) -> Result<Vec<u8>, Failure> {
        let Reply { status, retry_after, body } = reply;
        if status.is_success() {
            return Ok(body);
        }
        let words = words(&body);
        if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) {
            return Err(Failure::Tell(format!("{} says: {words}", self.system)));
        }
        Err(Failure::Unreachable { system: self.system, why: format!("answers {status}: {words}"), retry_after })
    }

    fn with_credentials(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(token) = &self.options.bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some((user, password)) = &self.options.basic {
            request = request.basic_auth(user, Some(password.expose_secret()));
        }
        if let Some(tenant) = &self.options.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        request
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let most = self.options.answer_max;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.seen(&error))? {
            if body.len() + chunk.len() > most {
                return Err(Failure::Tell(format!(
                    "the answer of {} is larger than {most} bytes; ask for less",
                    self.system
                )));
            }
            body.extend_from_slice(&chunk);
            count_received(chunk.len());
        }
        Ok(body)
    }

    fn seen(&self, error: &reqwest::Error) -> Failure {
        self.failed(seen(error, self.options.timeout))
    }

    fn failed(&self, why: String) -> Failure {
        Failure::unreachable(self.system, why)
    }

    /// The system.
    pub fn system(&self) -> System {
        self.system
    }
}

/// What came back, whatever its status.
struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Seconds or a date, as RFC 9110 has it.
pub(crate) fn retry_after(response: &Response, clock: &SharedClock) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: chrono::DateTime<chrono::Utc> = httpdate::parse_http_date(value).ok()?.into();
    (date - clock.now()).to_std().ok()
}

/// What was seen, without the URL: it may hold credentials.
pub(crate) fn seen(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("no answer within {} ms", timeout.as_millis());
    }
    let mut causes: Vec<String> = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(found) = cause {
        causes.push(found.to_string());
        cause = found.source();
    }
    let last = causes.pop().unwrap_or_else(|| "the connection failed".to_owned());
    text::clean(&last)
}

/// The system's own words: its `error` or `message` field, the text that the answer is, or the beginning of the body.
pub(crate) fn words(body: &[u8]) -> String {
    let told = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|value| {
        let field = value.get("error").or_else(|| value.get("message")).unwrap_or(&value);
        field.as_str().map(str::to_owned)
    });
    let told = told.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text::one_line(&text::clean(&told), 400)
}
