//! How deeply a value is nested. Writing JSON knows no limit and reading it does (serde_json: 127 levels): what is nested more deeply
//! could be written and never be read again.

use serde_json::Value;

/// Levels of a call's arguments, and of an answer.
const MOST: usize = 64;
/// Levels of a whole entry.
const MOST_OF_AN_ENTRY: usize = 120;

/// A value that can be read again wherever it is written: what is nested too deeply becomes a text that says so.
pub(crate) fn shallow(value: Value) -> Value {
    let levels = levels(&value);
    if levels <= MOST {
        value
    } else {
        Value::String(format!("[left out: {levels} levels deep, at most {MOST} are kept]"))
    }
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Whether JSON that is written can be read again.
pub(crate) fn can_be_read(json: &str) -> bool {
    let (mut depth, mut most) = (0_usize, 0);
    let (mut within_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => within_text = !within_text,
            _ if within_text => {}
            b'[' | b'{' => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most <= MOST_OF_AN_ENTRY
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(shallow(nested(64)), nested(64));
        assert_eq!(shallow(nested(65)), json!("[left out: 65 levels deep, at most 64 are kept]"));
        for levels in [0, 1, 119, 120, 121, 126] {
            assert_eq!(can_be_read(&nested(levels).to_string()), levels <= 120, "{levels}");
        }
        assert!(can_be_read(&json!({ "a": "[".repeat(200), "b": "\\\"[[[" }).to_string()));
    }
}
