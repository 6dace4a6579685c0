//! Where values come from: the compiled-in default, a file, the environment. Later ones override earlier ones.

use std::collections::BTreeMap;

use toml::{Table, Value};
use toml_edit::{Document, Item};

use super::{error::Problem, secret};

/// The compiled-in settings with every key.
pub(super) const DEFAULT: &str = include_str!("default.toml");
/// Environment variables that are ours.
pub(super) const PREFIX: &str = "DEVOPS_AGENT__";

/// Keys below tables whose names are free, and which the default therefore only shows as comments.
const FREE: [(&str, &[&str]); 5] = [
    ("http.tokens[]", &["name", "token", "role"]),
    ("http.users[]", &["name", "password", "role"]),
    (
        "model.providers.*",
        &[
            "base_url",
            "api_key",
            "model",
            "temperature",
            "max_output_tokens",
            "context_window",
            "timeout",
            "retries",
            "streaming",
            "parallel_tool_calls",
            "strict",
            "price",
        ],
    ),
    (
        "services.*",
        &[
            "container",
            "labels",
            "health_url",
            "prometheus",
            "logs",
            "environment",
            "error_rate",
            "latency",
            "slo",
            "repository",
            "depends_on",
            "autonomy",
            "protected",
        ],
    ),
    ("notify.destinations[]", &["name", "kind", "webhook_url", "signing_secret", "severities"]),
];

/// Lines of a file's keys, by path such as `http.tokens[0].name`.
pub(super) fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(document) = Document::parse(text) {
        for (key, item) in document.as_table() {
            let span = document.as_table().key(key).and_then(toml_edit::Key::span);
            walk(text, key, item, span, &mut lines);
        }
    }
    lines
}

fn walk(
    text: &str,
    path: &str,
    item: &Item,
    span: Option<std::ops::Range<usize>>,
    lines: &mut BTreeMap<String, usize>,
) {
    if let Some(span) = span.or_else(|| item.span()) {
        let line = text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1);
        lines.insert(path.to_owned(), line);
    }
    if let Some(table) = item.as_table_like() {
        for (key, inner) in table.iter() {
            walk(text, &format!("{path}.{key}"), inner, table.key(key).and_then(toml_edit::Key::span), lines);
        }
    }
    if let Some(tables) = item.as_array_of_tables() {
        for (index, table) in tables.iter().enumerate() {
            let inner = Item::Table(table.clone());
            walk(text, &format!("{path}[{index}]"), &inner, table.span(), lines);
        }
    }
}

/// The keys that may stand in the table at `path`; `None` when any may (`labels`).
fn known(path: &str) -> Option<Vec<String>> {
    if path.ends_with(".labels") && path.starts_with("services.") {
        return None;
    }
    if path.ends_with(".price") {
        return Some(
            ["input_per_million", "cached_input_per_million", "output_per_million"].map(str::to_owned).to_vec(),
        );
    }
    if path.ends_with(".slo") && path.starts_with("services.") {
        return Some(["objective", "window", "errors", "total"].map(str::to_owned).to_vec());
    }
    let shape = shape(path);
    if let Some((_, keys)) = FREE.iter().find(|(free, _)| *free == shape) {
        return Some(keys.iter().map(|key| (*key).to_owned()).collect());
    }
    if matches!(path, "services" | "model.providers") {
        return None;
    }
    let mut table = toml::from_str::<Table>(DEFAULT).unwrap_or_default();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        table = table.remove(part)?.as_table()?.clone();
    }
    Some(table.keys().cloned().collect())
}

/// `http.tokens[3]` is `http.tokens[]`; `services.x` is `services.*`.
fn shape(path: &str) -> String {
    let indexed = path.split('[').next().filter(|_| path.ends_with(']')).map(|base| format!("{base}[]"));
    indexed
        .unwrap_or_else(|| path.rsplit_once('.').map_or_else(|| path.to_owned(), |(parent, _)| format!("{parent}.*")))
}

/// Removes keys that are not known and tells each with the nearest that is.
pub(super) fn remove_unknown(
    table: &mut Table,
    path: &str,
    place: &dyn Fn(&str) -> String,
    problems: &mut Vec<Problem>,
) {
    let known = known(path);
    let mut unknown = Vec::new();
    for (key, value) in table.iter_mut() {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let secret_file = key.strip_suffix("_file").filter(|base| secret::KEYS.contains(base));
        let is_known = known.as_ref().is_none_or(|known| {
            known.contains(key) || secret_file.is_some_and(|base| known.iter().any(|key| key == base))
        });
        if !is_known {
            let nearest = known
                .iter()
                .flatten()
                .max_by(|a, b| strsim::jaro_winkler(a, key).total_cmp(&strsim::jaro_winkler(b, key)));
            let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"));
            problems.push(Problem { place: place(&here), key: here, what: format!("there is no such key{hint}") });
            unknown.push(key.clone());
            continue;
        }
        match value {
            Value::Table(inner) => remove_unknown(inner, &here, place, problems),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    if let Value::Table(inner) = item {
                        remove_unknown(inner, &format!("{here}[{index}]"), place, problems);
                    }
                }
            }
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
        }
    }
    for key in unknown {
        table.remove(&key);
    }
}

/// Reads the secrets that are given as files.
pub(super) fn read_secret_files(
    table: &mut Table,
    path: &str,
    place: &dyn Fn(&str) -> String,
    problems: &mut Vec<Problem>,
) {
    let files: Vec<_> = table
        .iter()
        .filter_map(|(key, value)| {
            let base = key.strip_suffix("_file").filter(|base| secret::KEYS.contains(base))?;
            Some((key.clone(), base.to_owned(), value.as_str().unwrap_or_default().to_owned()))
        })
        .collect();
    for (key, base, file) in files {
        table.remove(&key);
        match std::fs::read_to_string(&file) {
            Ok(secret) => {
                let secret = secret.strip_suffix('\n').unwrap_or(&secret);
                let secret = secret.strip_suffix('\r').unwrap_or(secret);
                table.insert(base, Value::String(secret.to_owned()));
            }
            Err(error) => {
                let key = if path.is_empty() { key } else { format!("{path}.{key}") };
                problems.push(Problem {
                    place: place(&key),
                    key,
                    what: format!("the file {file} cannot be read: {error}"),
                });
                // What is missing is told already; it must not be told again as empty.
                table.insert(base, Value::String("(not read)".to_owned()));
            }
        }
    }
    for (key, value) in table.iter_mut() {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Table(inner) => read_secret_files(inner, &here, place, problems),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    if let Value::Table(inner) = item {
                        read_secret_files(inner, &format!("{here}[{index}]"), place, problems);
                    }
                }
            }
            Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
        }
    }
}

/// Lays one table over another; what it sets is remembered with where it came from.
pub(super) fn lay(
    below: &mut Table,
    above: Table,
    path: &str,
    place: &dyn Fn(&str) -> String,
    origins: &mut BTreeMap<String, String>,
) {
    for (key, value) in above {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (below.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(more)) => lay(inner, more, &here, place, origins),
            (_, Value::Table(more)) => {
                let mut fresh = Table::new();
                lay(&mut fresh, more, &here, place, origins);
                below.insert(key, Value::Table(fresh));
            }
            (_, value) => {
                origins.insert(here.clone(), place(&here));
                below.insert(key, value);
            }
        }
    }
}

/// The environment as a table over `below`: names match keys whatever their case, `-` and `_` are the same, and a value is read
/// as the type that stands there.
pub(super) fn environment(
    below: &Table,
    variables: impl Iterator<Item = (String, String)>,
) -> (Table, BTreeMap<String, String>) {
    let (mut table, mut names) = (Table::new(), BTreeMap::new());
    for (variable, value) in variables {
        let Some(rest) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let (mut at, mut found, mut path) = (&mut table, Some(below), Vec::new());
        let parts: Vec<&str> = rest.split("__").collect();
        for (index, part) in parts.iter().enumerate() {
            let key = found
                .and_then(|found| found.keys().find(|key| folded(key) == folded(part)).cloned())
                .unwrap_or_else(|| part.to_lowercase());
            path.push(key.clone());
            let here = found.and_then(|found| found.get(&key));
            if index + 1 == parts.len() {
                at.insert(key, typed(here, &value));
                break;
            }
            found = here.and_then(Value::as_table);
            let inner = at.entry(key).or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(inner) = inner else { break };
            at = inner;
        }
        names.insert(path.join("."), variable);
    }
    (table, names)
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// Text stays text where text stands; elsewhere a value that reads as TOML is that value.
fn typed(here: Option<&Value>, value: &str) -> Value {
    let text = || Value::String(value.to_owned());
    let parsed = || toml::from_str::<Table>(&format!("v = {value}")).ok().and_then(|mut table| table.remove("v"));
    match here {
        Some(Value::String(_)) => text(),
        Some(_) => parsed().unwrap_or_else(text),
        None => parsed().filter(|value| !matches!(value, Value::Datetime(_))).unwrap_or_else(text),
    }
}
