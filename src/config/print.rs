//! The effective settings and where each came from; it loads again, but for the secrets.

use std::fmt::Write as _;

use serde_json::json;
use toml::{Table, Value};

use super::{Loaded, secret};

/// How settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrintFormat {
    /// TOML with comments.
    Toml,
    /// JSON: value and origin of each key.
    Json,
}

impl Loaded {
    /// The effective settings.
    pub fn print(&self, format: PrintFormat) -> String {
        let mut flat = Vec::new();
        flatten(&self.table, "", &mut flat);
        match format {
            PrintFormat::Toml => self.toml(&flat),
            PrintFormat::Json => {
                let keys = flat
                    .iter()
                    .map(|(path, value)| (path.clone(), json!({ "value": value, "from": self.origin(path) })));
                let map: serde_json::Map<_, _> = keys.collect();
                format!("{:#}\n", serde_json::Value::Object(map))
            }
        }
    }

    fn origin(&self, path: &str) -> String {
        self.origins.get(path).cloned().unwrap_or_else(|| "default".to_owned())
    }

    fn toml(&self, flat: &[(String, Value)]) -> String {
        let mut out = String::new();
        let mut section = "";
        for (path, value) in flat {
            let (table, key) = path.rsplit_once('.').unwrap_or(("", path));
            if table != section {
                let _ = writeln!(out, "{}[{}]", if out.is_empty() { "" } else { "\n" }, quoted(table));
                section = table;
            }
            let _ = writeln!(out, "{} = {value}  # {}", bare(key), self.origin(path));
        }
        out
    }
}

/// Every value that is no table, in the order of tables; a table's own values come before its tables.
fn flatten(table: &Table, path: &str, into: &mut Vec<(String, Value)>) {
    let join = |key: &str| {
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    };
    for (key, value) in table.iter().filter(|(_, value)| !value.is_table()) {
        into.push((join(key), masked(key, value)));
    }
    for (key, value) in table {
        if let Value::Table(inner) = value {
            flatten(inner, &join(key), into);
        }
    }
}

fn masked(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if secret::KEYS.contains(&key) && !text.is_empty() => Value::String("[secret]".to_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked("", item)).collect()),
        Value::Table(inner) => {
            Value::Table(inner.iter().map(|(key, value)| (key.clone(), masked(key, value))).collect())
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.clone()
        }
    }
}

fn quoted(path: &str) -> String {
    path.split('.').map(bare).collect::<Vec<_>>().join(".")
}

fn bare(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if plain { key.to_owned() } else { format!("{key:?}") }
}
