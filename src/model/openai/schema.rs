//! Strict mode, in one place: the subset of JSON Schema that providers hold a model to, and the way back.
//!
//! Source: <https://platform.openai.com/docs/guides/structured-outputs#supported-schemas>

use serde_json::{Map, Value, json};

/// Objects and lists within each other, at most; deeper is not for a model.
const DEPTH: usize = 16;

/// The schema as strict mode wants it: every property required, optional ones nullable, no others allowed, and no keyword
/// that is not supported. `None` when the schema allows what strict mode cannot say, such as an open map.
pub(super) fn strict(schema: &Value) -> Option<Value> {
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    is_object.then(|| node(schema, 0)).flatten().map(Value::Object)
}

fn node(schema: &Value, depth: usize) -> Option<Map<String, Value>> {
    let schema = schema.as_object().filter(|_| depth < DEPTH)?;
    if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return node(only, depth + 1);
    }
    let mut out = Map::new();
    for keyword in ["type", "description", "enum", "const", "$ref"] {
        if let Some(value) = schema.get(keyword) {
            out.insert(keyword.to_owned(), value.clone());
        }
    }
    if let Some(variants) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let variants: Option<Vec<_>> =
            variants.iter().map(|variant| node(variant, depth + 1).map(Value::Object)).collect();
        out.insert("anyOf".to_owned(), Value::Array(variants?));
    }
    if has_type(&out, "array") {
        out.insert("items".to_owned(), Value::Object(node(schema.get("items")?, depth + 1)?));
    }
    if has_type(&out, "object") {
        object(schema, &mut out, depth)?;
    }
    if let Some(definitions) = schema.get("$defs").and_then(Value::as_object) {
        let definitions: Option<Map<_, _>> = definitions
            .iter()
            .map(|(name, definition)| Some((name.clone(), Value::Object(node(definition, depth + 1)?))))
            .collect();
        out.insert("$defs".to_owned(), Value::Object(definitions?));
    }
    // Anything at all is what strict mode cannot say.
    ["type", "enum", "const", "$ref", "anyOf"].iter().any(|keyword| out.contains_key(*keyword)).then_some(out)
}

fn object(schema: &Map<String, Value>, out: &mut Map<String, Value>, depth: usize) -> Option<()> {
    let closed = matches!(schema.get("additionalProperties"), None | Some(Value::Bool(false)));
    let properties = schema.get("properties").and_then(Value::as_object)?;
    if !closed || schema.contains_key("patternProperties") {
        return None;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut strict = Map::new();
    for (name, property) in properties {
        let property = node(property, depth + 1)?;
        let property = if required.contains(&name.as_str()) { property } else { nullable(property) };
        strict.insert(name.clone(), Value::Object(property));
    }
    out.insert("required".to_owned(), strict.keys().cloned().map(Value::String).collect());
    out.insert("properties".to_owned(), Value::Object(strict));
    out.insert("additionalProperties".to_owned(), Value::Bool(false));
    Some(())
}

fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(variants)) = schema.get_mut("anyOf") {
        let null = json!({"type": "null"});
        if !variants.contains(&null) {
            variants.push(null);
        }
        return schema;
    }
    if schema.contains_key("const") || !schema.contains_key("type") {
        let description = schema.remove("description");
        let mut either = Map::new();
        either.insert("anyOf".to_owned(), json!([schema, {"type": "null"}]));
        either.extend(description.map(|text| ("description".to_owned(), text)));
        return either;
    }
    if let Some(kind) = schema.get_mut("type") {
        let mut kinds = match kind.take() {
            Value::Array(kinds) => kinds,
            one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => vec![one],
        };
        if !kinds.contains(&json!("null")) {
            kinds.push(json!("null"));
        }
        *kind = Value::Array(kinds);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    schema
}

fn has_type(schema: &Map<String, Value>, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == wanted,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == wanted),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

/// The way back: a property that is null is one that was left out.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}
