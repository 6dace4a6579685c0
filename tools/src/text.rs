//! Untrusted text made fit to be read: control and invisible characters out, secrets masked, lengths bounded.

use std::borrow::Cow;

use serde_json::Value;

use crate::{secrets, visible};
pub(crate) use crate::{
    secrets::{MASK, telling},
    visible::hidden,
};

/// Bytes of one text; what is longer is cut and says so.
const LONGEST: usize = 64 * 1024;
/// Bytes of one line; what is longer is cut and says so.
const LONGEST_LINE: usize = 16 * 1024;
/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 4 * LONGEST;
/// Stands where something was cut off.
const CUT: &str = "… [cut]";
/// Room for what masks what only became a secret by the cut.
const ROOM: usize = 1024;

/// Text from the world as a model, a log or a page may see it. Cleaning what is clean changes nothing.
pub fn clean(text: &str) -> String {
    let (text, more) = beginning(text, LOOKED_AT);
    let plain = visible::only(text);
    let masked = secrets::mask(&plain);
    match bounded(&masked, more) {
        // A cut may make a secret of what was none.
        Some(cut) => secrets::mask(&cut).into_owned(),
        None => masked.into_owned(),
    }
}

/// The text within its bounds, if it is not; `more` says that its end is missing already.
fn bounded(text: &str, more: bool) -> Option<String> {
    let long_line = text.len() > LONGEST_LINE && text.lines().any(|line| line.len() > LONGEST_LINE);
    if !more && !long_line && text.len() <= LONGEST {
        return None;
    }
    let lines: Cow<'_, str> = if long_line { shorter_lines(text).into() } else { text.into() };
    if !more && lines.len() <= LONGEST {
        return Some(lines.into_owned());
    }
    let (head, cut) = beginning(&lines, LONGEST - ROOM);
    Some(if more || cut { format!("{}{CUT}", whole_words(head)) } else { lines.into_owned() })
}

fn shorter_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if bare.len() <= LONGEST_LINE {
            out.push_str(line);
            continue;
        }
        out.push_str(whole_words(beginning(bare, LONGEST_LINE - ROOM).0));
        out.push_str(CUT);
        out.push_str(line.get(bare.len()..).unwrap_or_default());
    }
    out
}

/// The first `most` bytes at most, and whether there are more.
fn beginning(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    (text.get(..text.floor_char_boundary(most)).unwrap_or_default(), true)
}

/// Without the word that was cut in the middle, where a space is near: half a secret is no longer known as one.
fn whole_words(text: &str) -> &str {
    let near = text.floor_char_boundary(text.len().saturating_sub(ROOM));
    let tail = text.get(near..).unwrap_or_default();
    tail.rfind(char::is_whitespace).and_then(|at| text.get(..near + at)).map_or(text, str::trim_end)
}

/// The lines of a whole file, cleaned one by one, so that their numbers stay: a private key is masked with all of its lines.
pub(crate) fn clean_lines(text: &str) -> Vec<String> {
    clean_together(text.lines())
}

/// The lines of one log in their order, cleaned in the same way.
pub(crate) fn clean_log<'a>(lines: impl IntoIterator<Item = &'a mut String>) {
    let lines: Vec<_> = lines.into_iter().collect();
    let cleaned = clean_together(lines.iter().map(|line| line.as_str()));
    for (line, cleaned) in lines.into_iter().zip(cleaned) {
        *line = cleaned;
    }
}

/// As many lines as there were, each in its place.
fn clean_together<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let seen: Vec<_> = lines.map(|line| visible::only(line).replace('\n', " ")).collect();
    let mut cleaned: Vec<_> = secrets::mask_in_lines(&seen.join("\n")).lines().map(clean).collect();
    // An empty last line is none to `lines`.
    cleaned.resize(seen.len(), String::new());
    cleaned
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
mod tests;
