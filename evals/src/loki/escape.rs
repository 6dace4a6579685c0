//! Strings as Go writes and reads them between quotes.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// Go's `strconv.Quote`.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{07}' => quoted.push_str("\\a"),
            '\u{08}' => quoted.push_str("\\b"),
            '\u{0c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{0b}' => quoted.push_str("\\v"),
            c if c.is_ascii_control() => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            c if c.is_control() => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What stands between double quotes, its escapes read; `None` for an escape that Go does not know.
pub(super) fn unquote(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\\' { text.push(escape(&mut rest)?) } else { text.push(c) }
    }
    Some(text)
}

fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    Some(match rest.next()? {
        'a' => '\u{07}',
        'b' => '\u{08}',
        'f' => '\u{0c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{0b}',
        '\\' => '\\',
        '"' => '"',
        'x' => code(rest, 0, 2, 16)?,
        'u' => code(rest, 0, 4, 16)?,
        'U' => code(rest, 0, 8, 16)?,
        digit @ '0'..='7' => code(rest, digit.to_digit(8)?, 2, 8)?,
        _ => return None,
    })
}

fn code(rest: &mut Peekable<Chars<'_>>, first: u32, digits: usize, base: u32) -> Option<char> {
    let mut value = first;
    for _ in 0..digits {
        let digit = rest.next()?.to_digit(base)?;
        value = value.checked_mul(base)?.checked_add(digit)?;
    }
    char::from_u32(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_go_s() {
        assert_eq!(unquote(r"a\n\x41\u00e9\101").as_deref(), Some("a\nAéA"));
        assert_eq!(unquote(r"\d+"), None);
    }
}
