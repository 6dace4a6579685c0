//! A request's parameters, from the address and from a form.

use axum::body::Bytes;
use axum::http::Uri;

use super::error::ApiError;
use crate::time;

/// Values by name, as often as they were given.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the address's query and a form's body.
    pub(crate) fn read(uri: &Uri, form: &Bytes) -> Self {
        let form = String::from_utf8_lossy(form).into_owned();
        let pairs = [form.as_str(), uri.query().unwrap_or_default()].join("&");
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(pairs.split('&').filter(|text| !text.is_empty()).map(pair).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds: seconds since 1970, or RFC 3339.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let read = |text: &str| {
            seconds(text)
                .or_else(|| time::parse(text))
                .ok_or_else(|| ApiError::parameter(name, format!("cannot parse \"{text}\" to a valid timestamp")))
        };
        self.get(name).map(read).transpose()
    }

    /// A time that must be given.
    pub(crate) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        let missing = || ApiError::parameter(name, "cannot parse \"\" to a valid timestamp");
        self.time(name)?.ok_or_else(missing)
    }

    /// A duration in milliseconds: seconds, or such as `1m30s`.
    pub(crate) fn duration(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.get(name).unwrap_or_default();
        let parsed = || i64::try_from(promql_parser::util::parse_duration(text).ok()?.as_millis()).ok();
        seconds(text)
            .or_else(parsed)
            .ok_or_else(|| ApiError::parameter(name, format!("cannot parse \"{text}\" to a valid duration")))
    }
}

fn seconds(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    (seconds.abs() < 1e11).then(|| (seconds * 1000.0).round() as i64)
}

/// Takes `%xx` and `+` back; a broken escape stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (other, _) => {
                bytes.push(*other);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
