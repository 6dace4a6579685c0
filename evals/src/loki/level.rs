//! The level of a line, which Loki finds when the line is pushed and keeps as `detected_level`.

use super::json::{self, Kind, Value};
use super::labels::Labels;
use super::logfmt;

/// Where a level may stand: labels, keys of JSON (two levels deep) and of logfmt; earlier names win.
const FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// Words in plain text; of those that begin at the same place the first wins.
const WORDS: [(&str, &str); 9] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("fatal", "fatal"),
    ("critical", "critical"),
    ("error", "error"),
    ("err", "error"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("info", "info"),
];

/// The level of `line` in a stream, with its structured metadata.
pub(super) fn detect(stream: &Labels, metadata: &Labels, line: &str) -> String {
    let label = |labels: &Labels| FIELDS.iter().find_map(|name| labels.get(*name)).cloned();
    if let Some(level) = label(stream).or_else(|| label(metadata)) {
        return normal(&level).map_or(level, str::to_owned);
    }
    let trimmed = line.trim();
    let field = if trimmed.starts_with('{') && trimmed.ends_with('}') {
        let mut found = None;
        in_json(line, 1, &mut found);
        found
    } else if line.contains('=') {
        in_logfmt(line)
    } else {
        None
    };
    field.as_deref().and_then(normal).unwrap_or_else(|| in_text(line)).to_owned()
}

fn normal(level: &str) -> Option<&'static str> {
    Some(match level.to_lowercase().as_str() {
        "trace" | "trc" => "trace",
        "debug" | "dbg" => "debug",
        "info" | "inf" | "information" => "info",
        "warn" | "wrn" | "warning" => "warn",
        "error" | "err" => "error",
        "critical" => "critical",
        "fatal" => "fatal",
        _ => return None,
    })
}

fn in_json(object: &str, more_levels: usize, found: &mut Option<String>) {
    // What is broken behind the level does not matter, and a line without one has none.
    let _broken = json::each_member(object, &mut |key, value: Value<'_>| {
        match value.kind {
            Kind::String if FIELDS.contains(&key) => *found = Some(value.text.to_owned()),
            Kind::Object if more_levels > 0 => in_json(value.text, more_levels - 1, found),
            Kind::String | Kind::Object | Kind::Number | Kind::Boolean | Kind::Null | Kind::Array => {}
        }
        Ok(found.is_none())
    });
}

fn in_logfmt(line: &str) -> Option<String> {
    let pairs = logfmt::pairs(line).into_iter().map_while(Result::ok);
    let ranked = pairs.filter_map(|(key, value)| {
        FIELDS.iter().position(|field| field.eq_ignore_ascii_case(&key)).map(|rank| (rank, value))
    });
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, value)| value)
}

fn in_text(line: &str) -> &'static str {
    let lower = line.to_lowercase();
    let found = WORDS.iter().filter_map(|(word, level)| position(&lower, word).map(|at| (at, *level)));
    found.min_by_key(|(at, _)| *at).map_or("unknown", |(_, level)| level)
}

/// Where `word` stands by itself.
fn position(line: &str, word: &str) -> Option<usize> {
    let alone = |at: usize| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        let opens = before.is_none_or(|c| " \t\n[({\"'=|".contains(c));
        opens && after.is_none_or(|c| " \t\n[](){}:,!\"'=|".contains(c))
    };
    line.match_indices(word).map(|(at, _)| at).find(|at| alone(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_where_loki_finds_them() {
        for (line, level) in [
            (r#"{"level": "WARNING", "msg": "error"}"#, "warn"),
            (r#"{"a": {"severity": "err"}}"#, "error"),
            (r#"{"a": {"b": {"level": "info"}}}"#, "info"),
            ("ts=1 lvl=dbg msg=\"an error\"", "debug"),
            ("2026 [ERROR] no", "error"),
            ("an error after info", "error"),
            ("terrors and misc:error", "unknown"),
        ] {
            assert_eq!(detect(&Labels::new(), &Labels::new(), line), level, "{line}");
        }
        let stream = Labels::from([("level".into(), "Err".into())]);
        assert_eq!(detect(&stream, &Labels::new(), "info"), "error");
    }
}
