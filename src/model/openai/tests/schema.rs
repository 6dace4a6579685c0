use super::super::schema::{strict, without_nulls};
use super::*;
use crate::model::conclude_spec;

#[test]
fn the_conclusion_can_be_said_strictly() {
    let schema = strict(&conclude_spec().schema).unwrap();
    insta::assert_json_snapshot!(schema, { ".**.description" => "[…]" }, @r#"
    {
      "type": "object",
      "required": [
        "summary",
        "cause",
        "claims",
        "hypotheses",
        "next_steps",
        "resolved"
      ],
      "properties": {
        "summary": {
          "type": "string",
          "description": "[…]"
        },
        "cause": {
          "type": "string",
          "description": "[…]"
        },
        "claims": {
          "type": [
            "array",
            "null"
          ],
          "description": "[…]",
          "items": {
            "type": "object",
            "description": "[…]",
            "required": [
              "text",
              "evidence"
            ],
            "properties": {
              "text": {
                "type": "string",
                "description": "[…]"
              },
              "evidence": {
                "type": "array",
                "description": "[…]",
                "items": {
                  "type": "integer"
                }
              }
            },
            "additionalProperties": false
          }
        },
        "hypotheses": {
          "type": [
            "array",
            "null"
          ],
          "description": "[…]",
          "items": {
            "type": "object",
            "description": "[…]",
            "required": [
              "text",
              "supporting",
              "opposing"
            ],
            "properties": {
              "text": {
                "type": "string",
                "description": "[…]"
              },
              "supporting": {
                "type": "array",
                "description": "[…]",
                "items": {
                  "type": "integer"
                }
              },
              "opposing": {
                "type": [
                  "array",
                  "null"
                ],
                "description": "[…]",
                "items": {
                  "type": "integer"
                }
              }
            },
            "additionalProperties": false
          }
        },
        "next_steps": {
          "type": [
            "array",
            "null"
          ],
          "description": "[…]",
          "items": {
            "type": "string"
          }
        },
        "resolved": {
          "type": "boolean",
          "description": "[…]"
        }
      },
      "additionalProperties": false
    }
    "#);
}

/// The property `x`, which may be left out, as strict mode has it.
fn optional(property: Value) -> Option<Value> {
    let schema = strict(&json!({"type": "object", "properties": {"x": property}}))?;
    assert_eq!(schema["required"], json!(["x"]));
    assert_eq!(schema["additionalProperties"], json!(false));
    Some(schema["properties"]["x"].clone())
}

#[test]
fn what_may_be_left_out_may_be_null() {
    let null = json!({"type": "null"});
    for (property, expected) in [
        (json!({"type": "string", "format": "date-time", "pattern": "x"}), json!({"type": ["string", "null"]})),
        (json!({"type": ["integer", "null"], "minimum": 0}), json!({"type": ["integer", "null"]})),
        (json!({"type": "string", "enum": ["a"]}), json!({"type": ["string", "null"], "enum": ["a", null]})),
        (
            json!({"description": "d", "oneOf": [{"type": "string", "const": "a", "description": "e"}]}),
            json!({"description": "d", "anyOf": [{"type": "string", "const": "a", "description": "e"}, null]}),
        ),
        (json!({"anyOf": [{"type": "string"}, null]}), json!({"anyOf": [{"type": "string"}, null]})),
        (
            json!({"type": "string", "const": "a", "description": "d"}),
            json!({"anyOf": [{"type": "string", "const": "a"}, null], "description": "d"}),
        ),
        (
            json!({"type": "array", "items": {"type": "object", "properties": {"y": {"type": "number"}}}, "default": []}),
            json!({"type": ["array", "null"], "items": {"type": "object", "additionalProperties": false,
                "properties": {"y": {"type": ["number", "null"]}}, "required": ["y"]}}),
        ),
    ] {
        // `null` stands for the type of null, to keep the table short.
        let spelled = |schema: &Value| -> Value {
            let mut schema = schema.clone();
            for variant in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
                if variant.is_null() {
                    *variant = null.clone();
                }
            }
            schema
        };
        assert_eq!(optional(spelled(&property)), Some(spelled(&expected)), "{property}");
    }
}

#[test]
fn what_strict_mode_cannot_say_is_left_to_the_loose_one() {
    for property in [
        json!(true),
        json!({}),
        json!({"description": "anything"}),
        json!({"type": "object"}),
        json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
        json!({"type": "array"}),
        json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
    ] {
        assert_eq!(optional(property.clone()), None, "{property}");
    }
    assert_eq!(strict(&json!({"anyOf": [{"type": "object", "properties": {}}]})), None, "the root is an object");
    let deep = (0..40).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
    assert_eq!(optional(deep), None);
}

#[test]
fn a_null_on_the_way_back_is_something_left_out() {
    let args = json!({"a": null, "b": {"c": null, "d": [null, {"e": null}]}, "f": 0});
    assert_eq!(without_nulls(args), json!({"b": {"d": [null, {}]}, "f": 0}));
}
