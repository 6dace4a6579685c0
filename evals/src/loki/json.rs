//! JSON read the way Loki reads it: member by member, keeping what came before a fault.

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text between quotes.
    String,
    /// A number, unread.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`
    Null,
    /// `{…}`
    Object,
    /// `[…]`
    Array,
}

/// A value as it stands in the text; a string without its quotes, its escapes unread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    /// The kind.
    pub(super) kind: Kind,
    /// The text.
    pub(super) text: &'a str,
}

const MALFORMED: &str = "Malformed JSON error";
const MALFORMED_STRING: &str = "Value is string, but can't find closing '\"' symbol";
const MALFORMED_ARRAY: &str = "Value is array, but can't find closing ']' symbol";
const MALFORMED_OBJECT: &str = "Value looks like object, but can't find closing '}' symbol";
const UNKNOWN: &str = "Unknown value type";
const MALFORMED_ESCAPE: &str = "Encountered an invalid escape sequence in a string";

/// Shows each member of the object `text` to `visit`, until that returns `false`; the error is Loki's text.
pub(super) fn each_member<'a>(
    text: &'a str,
    visit: &mut dyn FnMut(&str, Value<'a>) -> Result<bool, &'static str>,
) -> Result<(), &'static str> {
    let mut rest = text.trim_start().strip_prefix('{').ok_or(MALFORMED_OBJECT)?.trim_start();
    if rest.is_empty() {
        return Err(MALFORMED);
    }
    loop {
        if rest.starts_with('}') {
            return Ok(());
        }
        let key_start = rest.strip_prefix('"').ok_or(MALFORMED_OBJECT)?;
        let (key, after) = split_string(key_start).ok_or(MALFORMED)?;
        let key = unescape(key).ok_or(MALFORMED_ESCAPE)?;
        let after = after.trim_start().strip_prefix(':').ok_or(MALFORMED)?;
        let (value, after) = split_value(after)?;
        if !visit(&key, value)? {
            return Ok(());
        }
        rest = after.trim_start();
        if rest.is_empty() {
            return Err(MALFORMED_ARRAY);
        }
        if rest.starts_with('}') {
            return Ok(());
        }
        rest = rest.strip_prefix(',').ok_or(MALFORMED_OBJECT)?.trim_start();
        if rest.is_empty() {
            return Err(MALFORMED_ARRAY);
        }
    }
}

/// The elements of the array `text`, up to a fault.
pub(super) fn elements(text: &str) -> Vec<Value<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start().strip_prefix('[').unwrap_or_default().trim_start();
    while !rest.is_empty() && !rest.starts_with(']') {
        let Ok((value, after)) = split_value(rest) else {
            break;
        };
        found.push(value);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    found
}

/// The value at the start of `text`, and what follows it.
pub(super) fn split_value(text: &str) -> Result<(Value<'_>, &str), &'static str> {
    let text = text.trim_start();
    let first = text.chars().next().ok_or(MALFORMED)?;
    match first {
        '"' => {
            let (inner, rest) = split_string(text.get(1..).unwrap_or_default()).ok_or(MALFORMED_STRING)?;
            Ok((Value { kind: Kind::String, text: inner }, rest))
        }
        '{' => split_block(text, '{', '}', Kind::Object).ok_or(MALFORMED_OBJECT),
        '[' => split_block(text, '[', ']', Kind::Array).ok_or(MALFORMED_ARRAY),
        _ => split_word(text, first),
    }
}

fn split_word(text: &str, first: char) -> Result<(Value<'_>, &str), &'static str> {
    let end = text.find([' ', '\n', '\r', '\t', ',', '}', ']']).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).ok_or(UNKNOWN)?;
    let kind = match word {
        "true" | "false" => Kind::Boolean,
        "null" => Kind::Null,
        _ if first == '-' || first.is_ascii_digit() => Kind::Number,
        _ => return Err(UNKNOWN),
    };
    Ok((Value { kind, text: word }, rest))
}

/// Splits after the closing quote; what is before it has no quotes.
fn split_string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

fn split_block(text: &str, open: char, close: char, kind: Kind) -> Option<(Value<'_>, &str)> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, c) in text.char_indices() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
        } else if c == '"' {
            in_string = true;
        } else if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                let (block, rest) = text.split_at_checked(at + 1)?;
                return Some((Value { kind, text: block }, rest));
            }
        }
    }
    None
}

/// A string's text with its escapes read; `None` if one is wrong.
pub(super) fn unescape(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return Some(text.to_owned());
    }
    // Loki takes control characters in strings as they are, JSON does not.
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if c < ' ' { quoted.push_str(&format!("\\u{:04x}", u32::from(c))) } else { quoted.push(c) }
    }
    quoted.push('"');
    serde_json::from_str(&quoted).ok()
}
