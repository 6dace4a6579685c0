//! What a silence or a filter asks of one label.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::case::Labels;

/// One condition on a label; a label that is not there has the value "".
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    name: String,
    value: String,
    is_equal: bool,
    pattern: Option<Regex>,
}

#[expect(clippy::expect_used, reason = "literal patterns, compiled in a test")]
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new("^[a-zA-Z_][a-zA-Z0-9_]*$").expect("a valid pattern"));
#[expect(clippy::expect_used, reason = "literal patterns, compiled in a test")]
static FILTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$"#).expect("a valid pattern")
});

impl Matcher {
    /// A condition; the error is Alertmanager's text.
    pub(super) fn new(name: &str, value: &str, is_regex: bool, is_equal: bool) -> Result<Self, String> {
        if !NAME.is_match(name) {
            return Err(format!("invalid label name {}", quoted(name)));
        }
        let pattern = if is_regex { Some(compile(value)?) } else { None };
        Ok(Self { name: name.to_owned(), value: value.to_owned(), is_equal, pattern })
    }

    /// Reads a filter of a query, such as `service="payments"`; the error is Alertmanager's text.
    pub(super) fn of_filter(filter: &str) -> Result<Self, String> {
        let wrong = || format!("bad matcher format: {filter}");
        let found = FILTER.captures(filter).ok_or_else(wrong)?;
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        let (name, operator, value) = (part(1), part(2), part(3));
        let value = match value.strip_prefix('"') {
            Some(rest) => unescaped(rest.strip_suffix('"').ok_or_else(wrong)?),
            None => value.to_owned(),
        };
        Self::new(name, &value, operator.ends_with('~'), !operator.starts_with('!'))
    }

    pub(super) fn matches(&self, labels: &Labels) -> bool {
        self.holds(labels.get(&self.name).map_or("", String::as_str))
    }

    pub(super) fn matches_empty(&self) -> bool {
        self.holds("")
    }

    fn holds(&self, value: &str) -> bool {
        let same = self.pattern.as_ref().map_or_else(|| self.value == value, |pattern| pattern.is_match(value));
        same == self.is_equal
    }

    /// Whether it asks the same.
    pub(super) fn same(&self, other: &Self) -> bool {
        self.document() == other.document()
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "isEqual": self.is_equal,
            "isRegex": self.pattern.is_some(),
            "name": self.name,
            "value": self.value,
        })
    }
}

/// A pattern has to match the whole value.
fn compile(value: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{value})$")).map_err(|_| {
        let reason = Regex::new(value).err().map(|error| go_reason(&error.to_string(), value)).unwrap_or_default();
        format!("invalid regular expression {}: error parsing regexp: {reason}", quoted(value))
    })
}

/// The reasons that Go gives most often in its own words.
fn go_reason(error: &str, pattern: &str) -> String {
    let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
    match reason {
        "unclosed group" => format!("missing closing ): `{pattern}`"),
        "unopened group" => format!("unexpected ): `{pattern}`"),
        "unclosed character class" => format!("missing closing ]: `{pattern}`"),
        "repetition operator missing expression" => format!("missing argument to repetition operator: `{pattern}`"),
        other => format!("{other}: `{pattern}`"),
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\")
}

/// As Go's %q writes a text.
pub(super) fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_not_there_is_empty() {
        let labels: Labels = [("service".to_owned(), "payments".to_owned())].into();
        for (filter, holds) in [
            (r#"service="payments""#, true),
            ("service=payments", true),
            (r#"service=~"pay.*""#, true),
            (r#"service=~"pay""#, false),
            (r#"service!="payments""#, false),
            (r#"service!~"orders|pay""#, true),
            (r#"job="""#, true),
            (r#"job!="""#, false),
        ] {
            assert_eq!(Matcher::of_filter(filter).unwrap().matches(&labels), holds, "{filter}");
        }
        assert_eq!(Matcher::of_filter("x x").unwrap_err(), "bad matcher format: x x");
    }
}
