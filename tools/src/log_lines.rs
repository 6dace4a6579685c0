//! Log lines for a model: repeated ones once, long ones cut, errors counted.

use std::sync::LazyLock;

use regex::Regex;

use crate::text;

/// Characters of one line.
const LINE: usize = 400;

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(error|fatal|panic|exception|critical|traceback|refused|timed? ?out)\b|"level": ?"(error|fatal|critical)""#)
        .expect("a valid pattern")
});

/// One line as it came: when (for people) and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub(crate) at: String,
    pub(crate) text: String,
}

/// How many lines tell of an error.
pub(crate) fn errors(lines: &[LogLine]) -> usize {
    lines.iter().filter(|line| ERROR.is_match(&line.text)).count()
}

/// Lines in their order; one that is the same as the one before but for digits is counted, not told again.
pub(crate) fn collapsed(lines: &[LogLine]) -> Vec<String> {
    let mut told: Vec<(String, String, usize)> = Vec::new();
    for line in lines {
        let text = text::cut(&text::clean(&line.text).replace('\n', " "), LINE);
        let shape: String = text.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        match told.last_mut() {
            Some((before, _, count)) if *before == shape => *count += 1,
            Some(_) | None => told.push((shape, format!("{} {text}", line.at), 1)),
        }
    }
    let line = |(_, line, count): (String, String, usize)| {
        if count > 1 { format!("{line} (×{count} alike)") } else { line }
    };
    told.into_iter().map(line).collect()
}
