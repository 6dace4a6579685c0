//! Untrusted text made fit to be read: control and invisible characters out, secrets masked, lengths bounded.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// Characters of one text; what is longer is cut and says so.
const LONGEST: usize = 64 * 1024;
/// What stands in place of a secret.
pub(crate) const MASK: &str = "[masked]";

/// Shapes of secrets, after the rule sets of gitleaks and detect-secrets.
#[expect(clippy::expect_used, reason = "literal patterns, compiled in a test")]
static SECRETS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", MASK),
        (r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", MASK),
        (r"\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{36,}\b", MASK),
        (r"\bgithub_pat_[A-Za-z0-9_]{22,}\b", MASK),
        (r"\bglpat-[A-Za-z0-9_-]{20,}", MASK),
        (r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", MASK),
        (r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_+-]+", MASK),
        (r"\bsk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,}", MASK),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", MASK),
        (r"\bAIza[A-Za-z0-9_-]{35}\b", MASK),
        (r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*):[^\s/@]+@", "${1}:[masked]@"),
        (r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}", "${1} [masked]"),
        (
            r#"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|credential)s?["']?\s*[:=]\s*)(?:"[^"\n]{1,}"|'[^'\n]{1,}'|[^\s"',;&}]+)"#,
            "${1}[masked]",
        ),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a valid pattern"), with))
    .collect()
});

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static ANSI: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|\u{9b}[0-?]*[ -/]*[@-~]")
        .expect("a valid pattern")
});

/// Text from the world as a model, a log or a page may see it.
pub fn clean(text: &str) -> String {
    let plain = ANSI.replace_all(text, "");
    let mut out = String::with_capacity(plain.len().min(LONGEST));
    for letter in plain.chars().filter(|letter| visible(*letter)) {
        if out.len() >= LONGEST {
            out.push_str("… [cut]");
            break;
        }
        out.push(letter);
    }
    mask(&out)
}

/// Every text in a JSON value, cleaned.
pub(crate) fn clean_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(clean_value).collect()),
        Value::Object(fields) => {
            let cleaned = fields.into_iter().map(|(key, item)| {
                let item =
                    if telling(&key) && item.is_string() { Value::String(MASK.to_owned()) } else { clean_value(item) };
                (clean(&key), item)
            });
            Value::Object(cleaned.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Whether a key's name tells that its value is secret.
pub(crate) fn telling(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "password",
        "passwd",
        "secret",
        "token",
        "api_key",
        "apikey",
        "api-key",
        "private_key",
        "access_key",
        "credential",
        "dsn",
    ]
    .iter()
    .any(|word| key.contains(word))
}

fn mask(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, with) in SECRETS.iter() {
        if pattern.is_match(&text) {
            text = pattern.replace_all(&text, *with).into_owned();
        }
    }
    text
}

/// Line ends and tabs stay; other control characters, and what turns or hides text, go.
fn visible(letter: char) -> bool {
    match letter {
        '\n' | '\t' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{00ad}' => false,
        '\u{180e}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => false,
        other => !other.is_control(),
    }
}

/// At most `most` characters, on one line.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, most)
}

/// At most `most` characters, with a mark where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(most.saturating_sub(1)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_goes_and_what_is_seen_stays() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m a\u{202e}b\u{200b}c\r\nd\te\u{7}"), "red abc\nd\te");
        assert_eq!(clean("\u{1b}]0;title\u{7}plain größe"), "plain größe");
        assert!(clean(&"x".repeat(100_000)).ends_with("… [cut]"));
    }

    #[test]
    fn secrets_are_masked_and_what_is_no_secret_is_not() {
        let masked = [
            "key AKIAIOSFODNN7EXAMPLE used",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "xoxb-123456789012-abcdef",
            "sk-proj-abcdefghijklmnopqrstuvwxyz",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
            "postgres://user:hunter2@db:5432/x",
            "Authorization: Bearer abcdefghijklmnop",
            "password=hunter2 next",
            r#"{"api_key": "abc def"}"#,
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        ];
        let told: Vec<_> = masked.iter().map(|text| clean(text)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        key [masked] used
        [masked]
        [masked]
        [masked]
        [masked]
        postgres://user:[masked]@db:5432/x
        Authorization: Bearer [masked]
        password=[masked] next
        {"api_key": [masked]}
        [masked]
        "#);
        for plain in ["tokens per second 12", "http://host:9090/path", "the secretary left", "sk-8"] {
            assert_eq!(clean(plain), plain);
        }
        assert_eq!(
            clean_value(serde_json::json!({"DB_PASSWORD": "x", "n": 1})),
            serde_json::json!({"DB_PASSWORD": "[masked]", "n": 1})
        );
    }
}
