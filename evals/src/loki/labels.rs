//! Label sets, and how Loki writes them.

use std::collections::BTreeMap;

use super::escape::quote;

/// A label set; a missing label and an empty one compare alike.
pub(super) type Labels = BTreeMap<String, String>;

/// The label that says that a line went wrong in the pipeline.
pub(super) const ERROR: &str = "__error__";
/// The label that says how it went wrong.
pub(super) const ERROR_DETAILS: &str = "__error_details__";
/// The level that Loki finds in a line when it is pushed.
pub(super) const DETECTED_LEVEL: &str = "detected_level";
/// The label that Loki adds to every stream.
pub(super) const SERVICE_NAME: &str = "service_name";
/// Appended to a parsed label whose name the stream already has.
pub(super) const DUPLICATE_SUFFIX: &str = "_extracted";

/// `{a="b", c="d"}`, by name.
pub(super) fn render(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Turns a key of a log line into a label name: anything odd becomes `_`. Empty if nothing is left.
pub(super) fn sanitize(key: &str) -> String {
    let key = key.trim();
    let mut name = String::with_capacity(key.len() + 1);
    if key.starts_with(|first: char| first.is_ascii_digit()) {
        name.push('_');
    }
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    name
}

/// The labels of `from` that a grouping leaves: only the named ones, or (`without`) all but them.
pub(super) fn group(from: &Labels, names: &[String], without: bool) -> Labels {
    from.iter()
        .filter(|(name, _)| names.contains(name) != without)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_loki_writes_them() {
        let labels = Labels::from([("b".into(), "x\n\u{1b}é".into()), ("a".into(), "\"".into())]);
        assert_eq!(render(&labels), r#"{a="\"", b="x\n\x1bé"}"#);
        assert_eq!(render(&Labels::new()), "{}");
    }

    #[test]
    fn keys_become_label_names() {
        assert_eq!(sanitize(" http.status-code "), "http_status_code");
        assert_eq!(sanitize("5xx"), "_5xx");
        assert_eq!(sanitize("  "), "");
    }
}
