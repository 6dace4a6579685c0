//! A transcript as the body of a request.

use serde_json::{Map, Value, json};
use tools::Spec;

use super::OpenAiOptions;
use crate::model::{CONCLUDE, Message, Transcript, conclude_spec};

/// Fields of our requests that not every server takes and that we can do without.
pub(super) const OPTIONAL_FIELDS: [&str; 5] =
    ["max_completion_tokens", "parallel_tool_calls", "stream_options", "strict", "temperature"];

/// What one server takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    left_out: Vec<&'static str>,
}

impl Dialect {
    pub(super) fn new(options: &OpenAiOptions) -> Self {
        let mut left_out = Vec::new();
        if !options.strict {
            left_out.push("strict");
        }
        Self { left_out }
    }

    /// Leaves a field out from now on; `false` when it is left out already.
    pub(super) fn leave_out(&mut self, field: &'static str) -> bool {
        let new = !self.left_out.contains(&field);
        if new {
            self.left_out.push(field);
        }
        new
    }

    fn takes(&self, field: &str) -> bool {
        !self.left_out.contains(&field)
    }
}

/// The whole body.
pub(super) fn body(options: &OpenAiOptions, dialect: &Dialect, transcript: &Transcript<'_>) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(options.model));
    body.insert("messages".into(), messages(transcript));
    let strict = dialect.takes("strict");
    let conclude = conclude_spec();
    let tools: Vec<_> = transcript.tools.iter().chain([&conclude]).map(|spec| function(spec, strict)).collect();
    body.insert("tools".into(), Value::Array(tools));
    let last = transcript.tools.is_empty();
    body.insert("tool_choice".into(), if last { json!({ "type": "function", "function": { "name": CONCLUDE } }) } else { json!("auto") });
    let tokens = if dialect.takes("max_completion_tokens") { "max_completion_tokens" } else { "max_tokens" };
    body.insert(tokens.into(), json!(options.max_output_tokens));
    if dialect.takes("parallel_tool_calls") {
        body.insert("parallel_tool_calls".into(), json!(options.parallel_tool_calls && !last));
    }
    if let Some(temperature) = options.temperature.filter(|_| dialect.takes("temperature")) {
        body.insert("temperature".into(), json!(temperature));
    }
    body.insert("stream".into(), json!(options.streaming));
    if options.streaming && dialect.takes("stream_options") {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    Value::Object(body)
}

/// The stable part first and unchanged, so that prompt caches hit.
fn messages(transcript: &Transcript<'_>) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": transcript.system })];
    for message in &transcript.messages {
        messages.push(match message {
            Message::User(text) => json!({ "role": "user", "content": text }),
            Message::Answer { call, text } => json!({ "role": "tool", "tool_call_id": call, "content": text }),
            Message::Assistant { thought, calls } if calls.is_empty() => json!({ "role": "assistant", "content": thought }),
            Message::Assistant { thought, calls } => {
                let calls: Vec<_> = calls
                    .iter()
                    .map(|call| {
                        let function = json!({ "name": call.tool, "arguments": call.args.to_string() });
                        json!({ "id": call.id, "type": "function", "function": function })
                    })
                    .collect();
                json!({ "role": "assistant", "content": thought, "tool_calls": calls })
            }
        });
    }
    Value::Array(messages)
}

fn function(spec: &Spec, strict: bool) -> Value {
    let mut function = json!({ "name": spec.name, "description": spec.description, "parameters": spec.schema });
    if strict && let Some(fields) = function.as_object_mut() {
        fields.insert("parameters".into(), strictly(&spec.schema));
        fields.insert("strict".into(), json!(true));
    }
    json!({ "type": "function", "function": function })
}

/// A schema as strict mode wants it: every property required (one that was optional may be null), nothing additional, and no
/// keyword that it does not know. Source: <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>
pub(super) fn strictly(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut strict = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "format" | "minimum" | "maximum" | "default" | "examples" | "minLength" | "maxLength" | "pattern" | "required"
            | "additionalProperties" | "title" => {}
            "properties" => {}
            "items" => {
                strict.insert(key.clone(), strictly(value));
            }
            "anyOf" | "oneOf" | "allOf" => {
                let inner = value.as_array().map(|items| items.iter().map(strictly).collect()).unwrap_or_default();
                strict.insert("anyOf".to_owned(), Value::Array(inner));
            }
            _ => {
                strict.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
        let required: Vec<&str> =
            fields.get("required").and_then(Value::as_array).map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        let property = |(name, inner): (&String, &Value)| {
            let inner = strictly(inner);
            (name.clone(), if required.contains(&name.as_str()) { inner } else { nullable(inner) })
        };
        strict.insert("properties".into(), Value::Object(properties.iter().map(property).collect()));
        strict.insert("required".into(), properties.keys().cloned().map(Value::String).collect());
        strict.insert("additionalProperties".into(), json!(false));
    }
    Value::Object(strict)
}

fn nullable(mut schema: Value) -> Value {
    let Some(fields) = schema.as_object_mut() else { return schema };
    match fields.get_mut("type") {
        Some(Value::String(kind)) if kind != "null" => {
            let kind = kind.clone();
            fields.insert("type".into(), json!([kind, "null"]));
        }
        Some(Value::Array(kinds)) if !kinds.contains(&json!("null")) => kinds.push(json!("null")),
        _ => {}
    }
    // A null has to stand in an enumeration as well.
    if let Some(Value::Array(values)) = fields.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    schema
}

/// Takes out the nulls that strict mode forces a model to write for what it leaves open.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
