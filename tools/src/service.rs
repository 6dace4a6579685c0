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
    masked_environment(text::clean_value(value))
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
