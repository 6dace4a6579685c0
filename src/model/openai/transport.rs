//! HTTP under async-openai: no retries of its own, bounded answers, and the Retry-After that its errors leave out.

use std::time::Duration;

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use chrono::{DateTime, Utc};
use futures::{StreamExt, future::BoxFuture};
use reqwest::{Body, Response, StatusCode, header};
use tools::SharedClock;

/// Bytes of an answer.
const ANSWER: usize = 4 << 20;
/// Bytes of an error that are read.
const ERROR: usize = 16 << 10;

/// Why a turn failed, and whether to ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: String,
    pub(super) again: bool,
    pub(super) retry_after: Option<Duration>,
    status: Option<StatusCode>,
}

impl Trouble {
    /// Something that may pass.
    pub(super) fn again(why: String) -> Self {
        Self { why, again: true, retry_after: None, status: None }
    }

    /// The field of our request that a 400 complains of, if it is one that we can do without.
    pub(super) fn refused_field(&self) -> Option<&'static str> {
        if self.status != Some(StatusCode::BAD_REQUEST) && self.status != Some(StatusCode::UNPROCESSABLE_ENTITY) {
            return None;
        }
        super::request::OPTIONAL_FIELDS.into_iter().find(|field| self.why.contains(field))
    }
}

/// A status that is no success.
#[derive(Debug, thiserror::Error)]
#[error("{status}: {words}")]
struct Refused {
    status: StatusCode,
    words: String,
    retry_after: Option<Duration>,
}

type Service = tower::util::BoxCloneSyncService<HttpRequestFactory, Response, OpenAIError>;

/// Sends a request once.
pub(super) fn service(client: reqwest::Client, timeout: Duration, clock: SharedClock) -> Service {
    let send = move |request: HttpRequestFactory| -> BoxFuture<'static, Result<Response, OpenAIError>> {
        let (client, clock) = (client.clone(), std::sync::Arc::clone(&clock));
        Box::pin(async move {
            let mut request = request.build().await?;
            *request.timeout_mut() = Some(timeout);
            let response = client.execute(request).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(bounded(response));
            }
            let retry_after = retry_after(&response, clock.now());
            let words = words(response).await;
            Err(OpenAIError::Boxed(Box::new(Refused { status, words, retry_after })))
        })
    };
    tower::util::BoxCloneSyncService::new(tower::service_fn(send))
}

/// The same answer, broken off when it grows too large.
fn bounded(response: Response) -> Response {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut read = 0;
    let chunks = response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        read += chunk.len();
        if read > ANSWER {
            return Err(std::io::Error::other(format!("the answer is larger than {ANSWER} bytes")));
        }
        Ok(chunk)
    });
    let mut bounded = axum::http::Response::new(Body::wrap_stream(chunks));
    *bounded.status_mut() = status;
    *bounded.headers_mut() = headers;
    bounded.into()
}

fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
    (date - now).to_std().ok()
}

/// The provider's own words, cleaned; some providers quote the key that was wrong.
async fn words(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR {
            break;
        }
    }
    let text = String::from_utf8_lossy(&body);
    let told = serde_json::from_slice::<serde_json::Value>(&body).ok().and_then(|value| {
        let message = value.pointer("/error/message").or_else(|| value.get("message")).or_else(|| value.get("error"))?;
        message.as_str().map(str::to_owned)
    });
    tools::clean(&told.unwrap_or_else(|| text.into_owned())).chars().take(400).collect()
}

/// Sorts async-openai's errors.
pub(super) fn trouble(error: OpenAIError) -> Trouble {
    match error {
        OpenAIError::Boxed(boxed) => match boxed.downcast::<Refused>() {
            Ok(refused) => {
                let status = refused.status;
                let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                Trouble { why: refused.to_string(), again, retry_after: refused.retry_after, status: Some(status) }
            }
            Err(other) => Trouble::again(tools::clean(&other.to_string())),
        },
        OpenAIError::Reqwest(error) => Trouble::again(cause(&error)),
        OpenAIError::JSONDeserialize(error, _) => Trouble::again(format!("the answer is not the JSON expected: {error}")),
        OpenAIError::StreamError(error) => Trouble::again(tools::clean(&format!("the stream failed: {error}"))),
        OpenAIError::ApiError(error) => Trouble::again(tools::clean(&error.to_string())),
        OpenAIError::FileSaveError(why) | OpenAIError::FileReadError(why) | OpenAIError::InvalidArgument(why) => {
            Trouble { why: tools::clean(&why), again: false, retry_after: None, status: None }
        }
    }
}

/// The innermost cause: the outer ones repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut told = "the request failed".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(found) = source {
        told = found.to_string();
        source = found.source();
    }
    tools::clean(&told)
}
