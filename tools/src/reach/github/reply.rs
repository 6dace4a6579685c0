//! What GitHub answered, sorted by who can act on it.
//!
//! Source for the limits: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Failure, System, text};

/// How long GitHub wants to be left alone when it says no time.
const ALONE: Duration = Duration::from_secs(60);

/// An answer that is one: a success, or a no that the caller can understand.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

impl Reply {
    /// Sorts out what is no answer: limits, a token that does not hold, failures of GitHub itself.
    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let reply = Self { status, body };
        if status.is_success() {
            return Ok(reply);
        }
        let words = reply.words();
        let unreachable = |why: String, retry_after: Option<Duration>| {
            Err(Failure::Unreachable { system: System::GitHub, why, retry_after })
        };
        let said = format!("answers {status}: {words}");
        match status {
            StatusCode::TOO_MANY_REQUESTS => unreachable(said, Some(wait(headers, now).unwrap_or(ALONE))),
            StatusCode::FORBIDDEN if limited(headers, &words) => {
                unreachable(said, Some(wait(headers, now).unwrap_or(ALONE)))
            }
            StatusCode::UNAUTHORIZED => {
                unreachable(format!("{said}; the `token` in [github] is wrong or has expired"), None)
            }
            _ if status.is_redirection() => Err(Failure::Tell(format!(
                "GitHub says ({status}) that this has moved; set the repository's present name in the catalogue"
            ))),
            _ if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => Ok(reply),
            _ => unreachable(said, wait(headers, now)),
        }
    }

    /// The answer's own form, or GitHub's no in its own words.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        if !self.status.is_success() {
            return Err(self.refused());
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::unreachable(System::GitHub, format!("answers what is not the JSON expected: {error}"))
        })
    }

    /// As [`Reply::json`], and `None` for what is not there.
    pub(super) fn found<T: DeserializeOwned>(self) -> Result<Option<T>, Failure> {
        if self.status == StatusCode::NOT_FOUND { Ok(None) } else { self.json().map(Some) }
    }

    /// Whether it was done; only the status counts.
    pub(super) fn done(self) -> Result<(), Failure> {
        if self.status.is_success() { Ok(()) } else { Err(self.refused()) }
    }

    /// Whether GitHub refuses with this status and words that hold `part`.
    pub(super) fn refuses(&self, status: StatusCode, part: &str) -> bool {
        self.status == status && self.words().to_lowercase().contains(part)
    }

    fn refused(&self) -> Failure {
        let advice = match self.status {
            StatusCode::FORBIDDEN => {
                "; the `token` in [github] lacks the permission, or a rule of the repository forbids it"
            }
            StatusCode::NOT_FOUND => "; there is no such thing, or the `token` in [github] may not see it",
            _ => "",
        };
        Failure::Tell(format!("GitHub says ({}): {}{advice}", self.status.as_u16(), self.words()))
    }

    /// GitHub's own words: its message and what it says of single fields, or the beginning of the body.
    fn words(&self) -> String {
        let told = serde_json::from_slice::<Value>(&self.body).ok().and_then(|value| {
            let mut told = value.get("message")?.as_str()?.to_owned();
            for error in value.get("errors").and_then(Value::as_array).into_iter().flatten() {
                let part = |key: &str| error.get(key).and_then(Value::as_str);
                let line = match (part("message").or_else(|| error.as_str()), part("field"), part("code")) {
                    (Some(message), _, _) => message.to_owned(),
                    (None, Some(field), Some(code)) => format!("{field} {code}"),
                    (None, _, _) => continue,
                };
                told.push_str(&format!("; {line}"));
            }
            Some(told)
        });
        let told = told.unwrap_or_else(|| String::from_utf8_lossy(self.body.get(..2_000).unwrap_or(&self.body)).into());
        text::one_line(&text::clean(&told), 400)
    }
}

/// Whether a 403 is a limit and no lack of permission.
fn limited(headers: &HeaderMap, words: &str) -> bool {
    let spent = number(headers, "x-ratelimit-remaining") == Some(0);
    spent || headers.contains_key(header::RETRY_AFTER) || words.to_lowercase().contains("rate limit")
}

/// Retry-After in seconds or as a date; else the moment at which the spent limit is filled again.
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    if let Some(value) = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()) {
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date: DateTime<Utc> = httpdate::parse_http_date(value).ok()?.into();
        return (date - now).to_std().ok();
    }
    if number(headers, "x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let reset = DateTime::from_timestamp(number(headers, "x-ratelimit-reset")?, 0)?;
    (reset - now).to_std().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
