//! What every tool that is about a service does first.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{Failure, Service, SharedCatalogue, reach::Docker, text};

/// Bytes of a raw answer that a tool hands on.
const RAW_BYTES: usize = 256 * 1024;

/// The service of that exact name.
///
/// # Errors
/// `Tell` with the names that there are.
pub(crate) fn known(catalogue: &SharedCatalogue, name: &str) -> Result<Service, Failure> {
    let catalogue = catalogue.load();
    catalogue.get(name).cloned().ok_or_else(|| {
        let names = catalogue.names();
        Failure::Tell(format!("{name:?} is no service of the catalogue; there are: {}", names.join(", ")))
    })
}

/// Docker, where it is configured.
///
/// # Errors
/// `Tell` that it is not.
pub(crate) fn docker(docker: &Option<Arc<Docker>>) -> Result<&Docker, Failure> {
    docker.as_deref().ok_or_else(|| Failure::Tell("Docker is not configured ([docker] host)".to_owned()))
}

/// An outside system's own answer for the journal: cleaned, and left out with its size when it is too large.
pub(crate) fn raw(answer: &impl Serialize) -> Value {
    let value = serde_json::to_value(answer).unwrap_or_default();
    let bytes = value.to_string().len();
    if bytes > RAW_BYTES {
        return Value::String(format!("[left out: {bytes} bytes, at most {RAW_BYTES} are kept]"));
    }
    masked_environment(masked_commands(text::clean_value(value)))
}

/// A command line comes as a list of its words: what is a secret only by the option before it goes.
fn masked_commands(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut option = None;
            let masked = items.into_iter().map(|item| {
                let secret =
                    item.as_str().zip(option.as_deref()).is_some_and(|(word, option)| is_secret_of(option, word));
                option = item.as_str().filter(|word| word.starts_with('-')).map(str::to_owned);
                if secret { Value::String(text::MASK.to_owned()) } else { masked_commands(item) }
            });
            Value::Array(masked.collect())
        }
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, item)| (key, masked_commands(item))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn is_secret_of(option: &str, word: &str) -> bool {
    let together = format!("{option} {word}");
    !word.starts_with('-') && text::clean(&together) != together
}

/// Docker gives the environment as a list of `NAME=value`: the values under telling names go.
fn masked_environment(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, item) in fields.iter_mut() {
                    if let (true, Value::Array(lines)) = (key == "Env", &mut *item) {
                        lines.iter_mut().for_each(mask);
                    } else {
                        walk(item);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    fn mask(line: &mut Value) {
        if let Some((name, _)) = line.as_str().and_then(|line| line.split_once('='))
            && text::telling(name)
        {
            *line = Value::String(format!("{name}={}", text::MASK));
        }
    }
    walk(&mut value);
    value
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_that_is_a_word_of_its_own_on_a_command_line_goes() {
        let container = json!({
            "Path": "app",
            "Args": ["--db-password", "hunter2horse", "--port", "8080", "--api-key", "-v", "plain"],
            "Config": {"Cmd": ["app", "--db-password", "hunter2horse", "serve"], "Env": ["DB_PASSWORD=hunter2horse"]},
            "Mixed": [["--token", "hunter2horse"], "--password", 7, "horse"]
        });
        let masked = json!({
            "Path": "app",
            "Args": ["--db-password", text::MASK, "--port", "8080", "--api-key", "-v", "plain"],
            "Config": {"Cmd": ["app", "--db-password", text::MASK, "serve"], "Env": [format!("DB_PASSWORD={}", text::MASK)]},
            "Mixed": [["--token", text::MASK], "--password", 7, "horse"]
        });
        assert_eq!(raw(&container), masked);
        assert_eq!(raw(&raw(&container)), masked);
    }
}
