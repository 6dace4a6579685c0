//! Leave to change the world, once, by exactly one call.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Leave for one change with exactly these arguments. Consumed by use.
///
/// Invariant: only a [`Mint`] makes one, and a registry's only mint goes to the guard that owns the registry.
#[derive(Debug)]
pub struct Permit {
    call: String,
}

impl Permit {
    /// Whether this permit is for that call.
    pub(crate) fn covers(&self, registry: u64, tool: &str, args: &Value) -> bool {
        self.call == fingerprint(registry, tool, args)
    }
}

/// Makes permits for one registry; not `Clone`, so whoever owns it is the guard.
#[derive(Debug)]
pub struct Mint {
    registry: u64,
}

impl Mint {
    pub(crate) fn new(registry: u64) -> Self {
        Self { registry }
    }

    /// Leave for one change: this tool with these arguments, and no other.
    pub fn permit(&self, tool: &str, args: &Value) -> Permit {
        Permit { call: fingerprint(self.registry, tool, args) }
    }
}

/// Names one call exactly: SHA-256 over tool and arguments, whatever the order of their keys.
pub fn call_hash(tool: &str, args: &Value) -> String {
    hex::encode(Sha256::digest(format!("{tool}\n{}", sorted(args))))
}

/// The same value with every object's keys in order: a crate of the build may have switched `serde_json` to insertion order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<_, _> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn fingerprint(registry: u64, tool: &str, args: &Value) -> String {
    format!("{registry}:{}", call_hash(tool, args))
}
