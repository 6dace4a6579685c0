//! Lines that are structured: JSON and logfmt, told by their message and what went wrong.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::header::{self, Level, Line};

/// A JSON line in a JSON line, such as Docker's.
const DEPTH: usize = 3;

/// The fields in which loggers put what they say; a line may have several of one kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "MESSAGE")]
    journal: Option<&'a RawValue>,
    #[serde(borrow, rename = "@message")]
    at_message: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    log: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    err: Option<&'a RawValue>,
    #[serde(borrow)]
    exception: Option<&'a RawValue>,
    #[serde(borrow)]
    level: Option<&'a RawValue>,
    #[serde(borrow)]
    severity: Option<&'a RawValue>,
    #[serde(borrow)]
    lvl: Option<&'a RawValue>,
    #[serde(borrow)]
    levelname: Option<&'a RawValue>,
    #[serde(borrow, rename = "log.level")]
    log_level: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn said(&self) -> Option<String> {
        first([self.msg, self.message, self.journal, self.at_message, self.event, self.text, self.log])
    }

    fn error(&self) -> Option<String> {
        first([self.error, self.err, self.exception])
    }

    fn level(&self) -> Level {
        let told = first([self.level, self.severity, self.lvl, self.levelname, self.log_level]);
        told.and_then(|level| Level::of(&level)).unwrap_or_default()
    }
}

/// The first of these that is there.
fn first<const N: usize>(of_one_kind: [Option<&RawValue>; N]) -> Option<String> {
    of_one_kind.into_iter().find_map(text)
}

/// Reads a structured line; `None` for any other.
pub(super) fn read(line: &str) -> Option<Line<'_>> {
    structured(line, 0)
}

fn structured(line: &str, depth: usize) -> Option<Line<'static>> {
    if line.starts_with('{') && line.ends_with('}') { json(line, depth) } else { logfmt(line) }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    let raw = value?.get();
    match serde_json::from_str::<String>(raw) {
        Ok(text) => Some(text),
        Err(_) if raw == "null" => None,
        Err(_) => Some(raw.to_owned()),
    }
}

fn json(line: &str, depth: usize) -> Option<Line<'static>> {
    let fields: Fields<'_> = serde_json::from_str(line).ok()?;
    let mut level = fields.level();
    let said = fields.said()?;
    let said = said.trim();
    let mut message = if depth < DEPTH {
        let inner = structured(said, depth + 1).unwrap_or_else(|| owned(header::read(said)));
        level = level.max(inner.level);
        inner.message.into_owned()
    } else {
        said.to_owned()
    };
    if let Some(error) = fields.error() {
        message.push_str(" error: ");
        message.push_str(&error);
    }
    Some(Line { message: Cow::Owned(message), level })
}

fn owned(line: Line<'_>) -> Line<'static> {
    Line { message: Cow::Owned(line.message.into_owned()), level: line.level }
}

/// `key=value key="a value"`: at least two of them, and one that says something.
fn logfmt(line: &str) -> Option<Line<'static>> {
    let first = line.split('=').next().filter(|key| key.len() < line.len() && is_key(key))?;
    if !matches!(
        first,
        "ts" | "time" | "t" | "level" | "lvl" | "caller" | "msg" | "logger" | "timestamp" | "at" | "severity"
    ) {
        return None;
    }
    let (mut message, mut error, mut level) = (None, None, Level::default());
    for (key, value) in Pairs(line) {
        match key {
            "msg" | "message" => message = Some(value),
            "event" => message = message.or(Some(value)),
            "err" | "error" => error = Some(value),
            "level" | "lvl" | "severity" => level = Level::of(value.trim()).unwrap_or_default(),
            _ => {}
        }
    }
    let mut said = message?.into_owned();
    if let Some(error) = error {
        said.push_str(" error: ");
        said.push_str(&error);
    }
    Some(Line { message: Cow::Owned(said), level })
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// The pairs of a logfmt line; what is none is passed over.
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.0.trim_start();
            if rest.is_empty() {
                return None;
            }
            let end = rest.find(['=', ' ']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            let Some(value) = after.strip_prefix('=') else {
                self.0 = after;
                continue;
            };
            let (value, rest) = taken(value);
            self.0 = rest;
            return Some((key, value));
        }
    }
}

/// A value, quoted or not, and what follows it.
fn taken(value: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, rest) = value.split_at(value.find(' ').unwrap_or(value.len()));
        return (Cow::Borrowed(value), rest);
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => {
                let (value, rest) = quoted.split_at(at);
                let rest = rest.strip_prefix('"').unwrap_or(rest);
                let plain =
                    if value.contains('\\') { value.replace("\\\"", "\"").into() } else { Cow::Borrowed(value) };
                return (plain, rest);
            }
            _ => escaped = false,
        }
    }
    (Cow::Borrowed(quoted), "")
}
