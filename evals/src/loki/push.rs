//! Lines pushed over HTTP, as JSON.

use chrono::{DateTime, SecondsFormat};
use serde::Deserialize;

use super::error::LokiError;
use super::labels::{self, Labels};
use super::store::{LogStore, MAXIMUM_LINE_BYTES};
use super::units::SECOND;

/// Older lines are refused.
const MAXIMUM_AGE: i64 = 7 * 24 * 3600 * SECOND;
/// Lines further ahead are refused.
const GRACE: i64 = 600 * SECOND;

#[derive(Deserialize)]
struct Push {
    streams: Vec<PushedStream>,
}

#[derive(Deserialize)]
struct PushedStream {
    stream: Labels,
    values: Vec<PushedLine>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PushedLine {
    Plain(String, String),
    WithMetadata(String, String, Labels),
}

/// Takes in what is good; the error is that of the first line that is not.
pub(super) fn push(store: &mut LogStore, body: &[u8], now: i64) -> Result<(), LokiError> {
    let push: Push =
        serde_json::from_slice(body).map_err(|error| LokiError::Refused(format!("loghttp.PushRequest: {error}")))?;
    let mut refused = None;
    for PushedStream { stream, values } in push.streams {
        if let Some(name) = stream.keys().find(|name| !is_label_name(name)) {
            return Err(LokiError::Refused(format!("couldn't parse labels: parse error: invalid label name {name}")));
        }
        for value in values {
            let (at, line, metadata) = match value {
                PushedLine::Plain(at, line) => (at, line, Labels::new()),
                PushedLine::WithMetadata(at, line, metadata) => (at, line, metadata),
            };
            match accepted(&stream, &at, &line, now) {
                Ok(at) => store.push_with_metadata(stream.clone(), at, line, metadata),
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

fn accepted(stream: &Labels, at: &str, line: &str, now: i64) -> Result<i64, LokiError> {
    let at: i64 = at.parse().map_err(|_| {
        LokiError::Refused(format!("strconv.ParseInt: parsing {}: invalid syntax", super::escape::quote(at)))
    })?;
    let stream = labels::render(stream);
    let refused = |text: String| Err(LokiError::Refused(text));
    if line.len() > MAXIMUM_LINE_BYTES {
        return refused(format!(
            "max entry size '{MAXIMUM_LINE_BYTES}' bytes exceeded for stream '{stream}' while adding an entry with length '{}' bytes\n",
            line.len()
        ));
    }
    let oldest = now.saturating_sub(MAXIMUM_AGE);
    if at < oldest {
        return refused(format!(
            "entry for stream '{stream}' has timestamp too old: {}, oldest acceptable timestamp is: {}\n",
            date(at),
            date(oldest)
        ));
    }
    if at > now.saturating_add(GRACE) {
        return refused(format!("entry for stream '{stream}' has timestamp too new: {}\n", date(at)));
    }
    Ok(at)
}

fn date(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
