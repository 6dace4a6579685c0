//! The parsers of a pipeline: from a line to labels.

use regex::Regex;

use super::json::{self, Kind, Value};
use super::json_path::JsonPath;
use super::labels::sanitize;
use super::logfmt;
use super::pattern::Pattern;
use super::regexp;
use super::working_labels::WorkingLabels;

/// Objects in objects deeper than this are taken as broken.
const MAXIMUM_DEPTH: usize = 64;
const JSON_ERROR: &str = "JSONParserErr";
const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// A parser stage.
#[derive(Debug, Clone)]
pub(super) enum Parser {
    /// `json`: every member, nested ones joined by `_`.
    Json,
    /// `json a="b.c"`: only these.
    JsonPaths(Vec<(String, JsonPath)>),
    /// `logfmt`: every pair.
    Logfmt {
        /// Stop at the first fault, and mark the line.
        strict: bool,
        /// Keep pairs without a value.
        keep_empty: bool,
    },
    /// `logfmt a="b"`: only these, label and key.
    LogfmtKeys {
        /// Label and key.
        keys: Vec<(String, String)>,
        /// Stop at the first fault, and mark the line.
        strict: bool,
    },
    /// `regexp`: every named group.
    Regexp(Regex),
    /// `pattern`: every named capture.
    Pattern(Pattern),
}

impl Parser {
    /// The `regexp` parser; it needs a named group.
    pub(super) fn regexp(pattern: &str) -> Result<Self, String> {
        let regex = regexp::compile(pattern)?;
        if regex.capture_names().flatten().next().is_none() {
            return Err("at least one named capture must be supplied".into());
        }
        Ok(Self::Regexp(regex))
    }

    /// Adds the labels found in `line`.
    pub(super) fn run(&self, line: &str, labels: &mut WorkingLabels<'_>) {
        if labels.satisfied() && !matches!(self, Self::Regexp(_)) {
            return;
        }
        match self {
            Self::Json => {
                if let Err(reason) = members(line, &mut Vec::new(), labels) {
                    labels.fail(JSON_ERROR, reason.into());
                }
            }
            Self::JsonPaths(paths) => json_paths(line, paths, labels),
            Self::Logfmt { strict, keep_empty } => logfmt_all(line, *strict, *keep_empty, labels),
            Self::LogfmtKeys { keys, strict } => logfmt_keys(line, keys, *strict, labels),
            Self::Regexp(regex) => {
                let captures = regex.captures(line);
                for name in regex.capture_names().flatten().filter(|_| captures.is_some()) {
                    let value = captures.as_ref().and_then(|captures| captures.name(name));
                    labels.extract(&sanitize(name), value.map_or("", |value| value.as_str()));
                }
            }
            Self::Pattern(pattern) => {
                for (name, value) in pattern.captures(line) {
                    labels.extract(name, value);
                }
            }
        }
    }
}

fn members(object: &str, path: &mut Vec<String>, labels: &mut WorkingLabels<'_>) -> Result<(), &'static str> {
    if path.len() > MAXIMUM_DEPTH {
        return Err("Value looks like object, but can't find closing '}' symbol");
    }
    json::each_member(object, &mut |key, value| {
        path.push(key.to_owned());
        let outcome = match value.kind {
            Kind::Object => members(value.text, path, labels),
            Kind::String | Kind::Number | Kind::Boolean => {
                let parts: Vec<&str> = path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
                let name = sanitize(&parts.join("_"));
                if !name.is_empty() {
                    labels.extract(&name, &text(value));
                }
                Ok(())
            }
            Kind::Null | Kind::Array => Ok(()),
        };
        path.pop();
        outcome.map(|()| !labels.satisfied())
    })
}

fn text(value: Value<'_>) -> String {
    match value.kind {
        Kind::String => json::unescape(value.text).unwrap_or_default().replace('\u{fffd}', " "),
        Kind::Null => String::new(),
        Kind::Number | Kind::Boolean | Kind::Object | Kind::Array => value.text.to_owned(),
    }
}

fn json_paths(line: &str, paths: &[(String, JsonPath)], labels: &mut WorkingLabels<'_>) {
    if line.is_empty() {
        return;
    }
    if !line.starts_with(['"', '{', '[']) {
        labels.fail(JSON_ERROR, String::new());
        return;
    }
    for (name, path) in paths {
        match path.find(line) {
            Some(value) => labels.set(labels.free_name(name), text(value)),
            None if labels.get(name).is_none() => labels.set(name.clone(), String::new()),
            None => {}
        }
    }
}

fn logfmt_all(line: &str, strict: bool, keep_empty: bool, labels: &mut WorkingLabels<'_>) {
    for pair in logfmt::pairs(line) {
        match pair {
            Ok((key, value)) => {
                let name = sanitize(&key);
                if !name.is_empty() && (keep_empty || !value.is_empty()) {
                    labels.extract(&name, &value.replace('\u{fffd}', " "));
                }
            }
            Err(reason) if strict => return labels.fail(LOGFMT_ERROR, reason),
            Err(_) => {}
        }
    }
}

fn logfmt_keys(line: &str, keys: &[(String, String)], strict: bool, labels: &mut WorkingLabels<'_>) {
    for (label, _) in keys {
        if labels.free_name(label) == *label {
            labels.set(label.clone(), String::new());
        }
    }
    for pair in logfmt::pairs(line) {
        match pair {
            Ok((key, value)) => {
                let key = sanitize(&key);
                if let Some((label, _)) = keys.iter().find(|(_, wanted)| *wanted == key) {
                    labels.set(labels.free_name(label), value);
                }
            }
            Err(reason) if strict => return labels.fail(LOGFMT_ERROR, reason),
            Err(_) => {}
        }
    }
}
