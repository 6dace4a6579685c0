//! Arguments of a call up to the service's name: what of them may stand in a runbook.

use serde_json::{Map, Value};
use tools::Spec;

/// What stands for the service that the catalogue knows.
const SERVICE: &str = "{{ service }}";

/// The arguments with the service's name made a template and words for people left out. Numbers and switches stay; of texts only
/// those do that the tool's own schema lists: any other may come from telemetry, or be true of one incident alone.
///
/// # Errors
/// Which argument cannot stand in a runbook.
pub(super) fn templated(spec: &Spec, args: &Value, service: &str) -> Result<Value, String> {
    let Value::Object(fields) = args else {
        return Err(format!("the arguments of {} are no object", spec.name));
    };
    let mut kept = Map::new();
    for (name, value) in sorted(fields).filter(|(name, _)| !spec.words.contains(&name.as_str())) {
        let schema = spec.schema.pointer(&format!("/properties/{name}"));
        let value = of(value, service, schema).map_err(|text| {
            let tool = &spec.name;
            format!("{name} = {text:?} of {tool} is true of that incident alone, and cannot stand in a runbook")
        })?;
        kept.insert(name.clone(), value);
    }
    Ok(Value::Object(kept))
}

/// The same with a text that cannot be kept as the error.
fn of(value: &Value, service: &str, schema: Option<&Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) if text == service => Value::String(SERVICE.to_owned()),
        Value::String(text) if schema.is_some_and(|schema| lists(schema, text)) => value.clone(),
        Value::String(text) => return Err(text.clone()),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| of(item, service, schema)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let known = |name: &String| schema.is_some_and(|schema| names(schema, name));
            let kept = sorted(fields).map(|(name, item)| {
                if !known(name) {
                    return Err(name.clone());
                }
                Ok((name.clone(), of(item, service, schema)?))
            });
            Value::Object(kept.collect::<Result<_, String>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// The fields by name: two incidents whose models wrote them in another order did the same.
fn sorted(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    fields.iter().collect::<std::collections::BTreeMap<_, _>>().into_iter()
}

/// Whether a schema lists this text as one of its values.
fn lists(schema: &Value, text: &str) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(key, inner)| match (key.as_str(), inner) {
            ("enum", Value::Array(values)) => values.iter().any(|value| value.as_str() == Some(text)),
            ("const", value) => value.as_str() == Some(text),
            ("examples" | "description" | "default", _) => false,
            (_, inner) => lists(inner, text),
        }),
        Value::Array(items) => items.iter().any(|item| lists(item, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a schema knows a property of this name, at any depth.
fn names(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Object(fields) => {
            let here = fields.get("properties").and_then(Value::as_object);
            here.is_some_and(|properties| properties.contains_key(name))
                || fields.values().any(|inner| names(inner, name))
        }
        Value::Array(items) => items.iter().any(|item| names(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The template filled with a service again.
pub(super) fn filled(template: &Value, service: &str) -> Value {
    match template {
        Value::String(text) if text == SERVICE => Value::String(service.to_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, service)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, item)| (name.clone(), filled(item, service))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => template.clone(),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Gentle,
        Hard,
    }

    /// A call.
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "its schema is what is tested")]
    struct Args {
        service: String,
        /// Such as "hidden".
        image: Option<String>,
        replicas: Option<u64>,
        mode: Option<Mode>,
        reason: String,
    }

    fn of(args: Value) -> Result<Value, String> {
        let mut spec = tools::spec_of::<Args>("restart");
        spec.words = &["reason"];
        templated(&spec, &args, "payments")
    }

    #[test]
    fn only_the_service_numbers_and_listed_words_may_stand_in_a_runbook() {
        let args = json!({ "service": "payments", "replicas": 3, "mode": "hard", "reason": "the log says so" });
        let wanted = json!({ "service": "{{ service }}", "replicas": 3, "mode": "hard" });
        assert_eq!(of(args).unwrap(), wanted);
        assert_eq!(filled(&wanted, "orders")["service"], "orders");
        for (args, told) in [
            (json!({ "service": "orders" }), "service = \"orders\""),
            (json!({ "service": "payments", "image": "evil/app:1" }), "image = \"evil/app:1\""),
            (json!({ "service": "payments", "image": "hidden" }), "image = \"hidden\""),
            (json!({ "service": "payments", "mode": "{{ alert.labels.mode }}" }), "mode = "),
            (json!({ "service": ["payments", "orders"] }), "service = \"orders\""),
            (json!({ "service": { "evil": "payments" } }), "service = \"evil\""),
        ] {
            let found = of(args).unwrap_err();
            assert!(found.contains(told), "{found}");
        }
        assert!(of(json!("payments")).is_err());
    }
}
