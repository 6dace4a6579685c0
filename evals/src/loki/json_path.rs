//! Paths into JSON, as in `json first="servers[0].name"`.

use super::json::{self, Kind, Value};
use super::units::split_while;

/// One step down.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(String),
    Element(usize),
}

/// A path from the top of a log line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads `a.b[0]["c d"]`.
    pub(super) fn parse(expression: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = expression.trim();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (inner, after) = inner.split_once(']').ok_or("syntax error: unexpected $end, expecting RSB")?;
                steps.push(bracketed(inner.trim())?);
                rest = after;
                continue;
            }
            let name =
                if steps.is_empty() { rest } else { rest.strip_prefix('.').ok_or("syntax error: unexpected FIELD")? };
            let (field, after) = split_while(name, |c| c.is_ascii_alphanumeric() || c == '_');
            if field.is_empty() || field.starts_with(|c: char| c.is_ascii_digit()) {
                return Err(format!("unexpected char {}", name.chars().next().unwrap_or(' ')));
            }
            steps.push(Step::Member(field.to_owned()));
            rest = after;
        }
        if steps.is_empty() { Err("syntax error: unexpected $end".into()) } else { Ok(Self(steps)) }
    }

    /// What stands at the path in `line`, if anything does.
    pub(super) fn find<'a>(&self, line: &'a str) -> Option<Value<'a>> {
        let (mut value, _) = json::split_value(line).ok()?;
        for step in &self.0 {
            value = match (step, value.kind) {
                (Step::Member(name), Kind::Object) => member(value.text, name)?,
                (Step::Element(index), Kind::Array) => json::elements(value.text).get(*index).copied()?,
                (Step::Member(_) | Step::Element(_), _) => return None,
            };
        }
        Some(value)
    }
}

fn bracketed(inner: &str) -> Result<Step, String> {
    match inner.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(name) => Ok(Step::Member(name.to_owned())),
        None => inner
            .parse()
            .map(Step::Element)
            .map_err(|_| "syntax error: unexpected FIELD, expecting INDEX or STRING".into()),
    }
}

fn member<'a>(object: &'a str, name: &str) -> Option<Value<'a>> {
    let mut found = None;
    // What is broken behind the member does not matter.
    let _broken_later = json::each_member(object, &mut |key, value| {
        if key == name {
            found = Some(value);
        }
        Ok(found.is_none())
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_json() {
        let line = r#"{"a": {"b c": [1, {"d": "x\ny"}]}, "e": null} trailing"#;
        let find = |path: &str| JsonPath::parse(path).unwrap().find(line).map(|value| value.text);
        assert_eq!(find(r#"a["b c"][1].d"#), Some(r"x\ny"));
        assert_eq!(find("e"), Some("null"));
        assert_eq!(find("a.nope"), None);
        assert!(JsonPath::parse("a..b").is_err());
        assert!(JsonPath::parse("").is_err());
    }
}
