//! Regular expressions as Loki takes them: Go's syntax, matched by the `regex` crate.

use regex::Regex;

use super::regexp_syntax::translate;

/// Compiles a pattern that may match anywhere; the error is Go's text.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern).map_err(|reason| format!("error parsing regexp: {reason}"))?;
    Regex::new(&translated).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("error parsing regexp: {reason}: `{pattern}`")
    })
}

/// Compiles a label matcher's pattern, which must match the whole value.
pub(super) fn compile_anchored(pattern: &str) -> Result<Regex, String> {
    compile(&format!("^(?s:{pattern})$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_s_syntax_is_matched() {
        for (pattern, text, matches) in [
            (r"a{b}", "a{b}", true),
            (r"[[]x[&&]", "[x&", true),
            (r"^\d+\s\w+$", "12 ab", true),
            (r"\d", "٣", false),
            (r"\Q.+\E", "a.+", true),
            (r"(?i)ERR\b", "an err.", true),
            (r"(?P<a>x)(?<b>y)", "xy", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), matches, "{pattern}");
        }
    }

    #[test]
    fn errors_are_go_s() {
        for (pattern, reason) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("x[a", "missing closing ]: `[a`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
            (r"\y", "invalid escape sequence: `\\y`"),
            (r"a\", "trailing backslash at end of expression: ``"),
        ] {
            assert_eq!(compile(pattern).unwrap_err(), format!("error parsing regexp: {reason}"));
        }
    }
}
