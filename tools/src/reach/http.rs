//! HTTP with bounds: time, size, and errors that tell what was seen without telling credentials.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{Failure, SharedClock, System, text};

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

    async fn body(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>, Failure> {
        let url = self.base.join(path).map_err(|error| Failure::Tell(error.to_string()))?;
        let request = self.with_credentials(self.client.get(url).query(query)).timeout(self.options.timeout);
        let response = request.send().await.map_err(|error| self.seen(&error))?;
        let (status, retry_after) = (response.status(), self.retry_after(&response));
        let body = self.read(response).await?;
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
        }
        Ok(body)
    }

    /// Seconds or a date, as RFC 9110 has it.
    fn retry_after(&self, response: &Response) -> Option<Duration> {
        let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date: chrono::DateTime<chrono::Utc> = httpdate::parse_http_date(value).ok()?.into();
        (date - self.clock.now()).to_std().ok()
    }

    /// What was seen, without the URL: it may hold credentials.
    fn seen(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() {
            return self.failed(format!("no answer within {} ms", self.options.timeout.as_millis()));
        }
        let mut causes: Vec<String> = Vec::new();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(found) = cause {
            causes.push(found.to_string());
            cause = found.source();
        }
        let last = causes.pop().unwrap_or_else(|| "the connection failed".to_owned());
        self.failed(text::clean(&last))
    }

    fn failed(&self, why: String) -> Failure {
        Failure::unreachable(self.system, why)
    }

    /// The system.
    pub fn system(&self) -> System {
        self.system
    }
}

/// The system's own words: its `error` or `message` field, or the beginning of the body.
fn words(body: &[u8]) -> String {
    let told = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|value| {
        let field = value.get("error").or_else(|| value.get("message"))?;
        field.as_str().map(str::to_owned)
    });
    let told = told.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text::one_line(&text::clean(&told), 400)
}
