//! What can go wrong with one attempt, and what follows from it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// The longest pause that a provider may ask for and still be waited for; beyond it another model takes over.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause before the first retry where the provider names none; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Where the doubling ends.
const LAST_PAUSE: Duration = Duration::from_secs(8);
/// How long a provider that is down or turns us away is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// What of a provider's text is told, in characters.
const TOLD: usize = 400;

/// Why an attempt gave no answer. The texts may hold anything: only [`Fault::told`] goes out.
pub(super) enum Fault {
    /// The settings make no request; says what is wrong with them.
    Settings(String),
    /// No connection.
    Unreachable(String),
    /// No whole answer in time.
    TimedOut(Duration),
    /// Another status than 2xx, or an error in place of an answer.
    Status { status: u16, body: String, retry_after: Option<Duration> },
    /// The answer is larger than its bound, in bytes or calls.
    TooLarge(String),
    /// The answer ended before its end.
    BrokeOff(String),
    /// The answer is not a chat completion.
    Unreadable(String),
    /// The answer says nothing; why, as far as the provider told.
    Empty(String),
}

impl Fault {
    /// How long to wait before the next attempt; `None` when another attempt would fare no better.
    pub(super) fn pause(&self, retries: u32) -> Option<Duration> {
        let growing = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retries)).min(LAST_PAUSE);
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) | Self::BrokeOff(_) => Some(growing),
            Self::Status { status: 429, body, .. } if body.contains("insufficient_quota") => None,
            Self::Status { status: 429 | 500 | 502 | 503 | 504, retry_after, .. } => match *retry_after {
                Some(asked) if asked > LONGEST_PAUSE => None,
                Some(asked) if !asked.is_zero() => Some(asked),
                Some(_) | None => Some(growing),
            },
            Self::Settings(_) | Self::Status { .. } | Self::TooLarge(_) | Self::Unreadable(_) | Self::Empty(_) => None,
        }
    }

    /// How long the provider should be left alone after this; `None` when the next turn may well go better.
    pub(super) fn leave_alone(&self) -> Option<Duration> {
        match self {
            Self::Settings(_) | Self::Unreachable(_) | Self::TimedOut(_) => Some(LEFT_ALONE),
            Self::Status { status: 401 | 402 | 403 | 404 | 429 | 500 | 502 | 503 | 504, retry_after, .. } => {
                Some(retry_after.filter(|asked| !asked.is_zero()).unwrap_or(LEFT_ALONE))
            }
            Self::Status { .. } | Self::TooLarge(_) | Self::BrokeOff(_) | Self::Unreadable(_) | Self::Empty(_) => None,
        }
    }

    /// The fault in words, without the key, on one line, cut to a length that fits a report.
    pub(super) fn told(&self, key: &str) -> String {
        let text = match self {
            Self::Settings(what) | Self::Unreachable(what) | Self::TooLarge(what) | Self::Unreadable(what) => {
                what.clone()
            }
            Self::TimedOut(timeout) => format!("no whole answer within {timeout:?}"),
            Self::Status { status, body, .. } if body.is_empty() => format!("answered {status} without a body"),
            Self::Status { status, body, .. } => format!("answered {status}: {body}"),
            Self::BrokeOff(what) => format!("the answer broke off: {what}"),
            Self::Empty(why) => format!("empty answer{why}"),
        };
        // The key goes first: cut in half it would no longer be found.
        let text = if key.is_empty() { text } else { text.replace(key, "[secret]") };
        let plain: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
        let plain = plain.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        match plain.char_indices().nth(TOLD) {
            Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
            None => plain,
        }
    }
}

/// How long a provider wants to be left alone. A date is read against the provider's own, whose clock may differ from ours.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::trim);
    let milliseconds = headers.get("retry-after-ms").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_millis(milliseconds));
    }
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let now = text(DATE).and_then(date).unwrap_or_else(|| now.into());
    Some(date(asked)?.duration_since(now).unwrap_or_default())
}
