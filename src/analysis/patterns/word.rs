//! One word of a pattern, and what it means when another stands in its place.

use super::mask::{VALUE, hash};

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where it differs something else happened, however many others are seen: a participle, a key, an exception, a status.
    Fixed,
    /// A word of a sentence: where it differs something else is said, or, where many others are seen, of something else.
    Said,
    /// A name with dots or slashes in it: where it differs the same is said of something else.
    Name,
    /// Masked, with marks around it.
    Value,
    /// A place where different words were seen.
    Any,
}

/// A word of a masked message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub kind: Kind,
    /// Of its text; the same for all values.
    pub hash: u64,
    pub text: String,
}

impl Word {
    pub(super) fn of(word: &[u8]) -> Self {
        let kind = kind(word);
        let text = String::from_utf8_lossy(word).into_owned();
        let hash = hash(if kind == Kind::Value { VALUE } else { word });
        Self { kind, hash, text }
    }

    /// From now on anything may stand here; the marks around it stay where both have them.
    pub(super) fn vary(&mut self, other: &Self) {
        let mark = |letter: char| letter.is_ascii_punctuation() && !"<*>".contains(letter);
        let (ours, theirs) = (self.text.as_str(), other.text.as_str());
        let head = |text: &str| text.len() - text.trim_start_matches(mark).len();
        let tail = |text: &str| text.trim_end_matches(mark).len();
        let (begin, end) = (ours.get(..head(ours)), ours.get(tail(ours)..));
        let same = begin == theirs.get(..head(theirs)) && end == theirs.get(tail(theirs)..);
        let (begin, end) = (begin.filter(|_| same), end.filter(|_| same));
        let text = format!("{}<*>{}", begin.unwrap_or_default(), end.unwrap_or_default());
        *self = Self { kind: Kind::Any, hash: hash(VALUE), text };
    }

    /// Whether it is the same in every line.
    pub(super) fn is_constant(&self) -> bool {
        match self.kind {
            Kind::Fixed | Kind::Said | Kind::Name => true,
            Kind::Value | Kind::Any => false,
        }
    }
}

fn kind(word: &[u8]) -> Kind {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let (begin, end) = (word.iter().position(letter), word.iter().rposition(letter));
    let Some(bare) = begin.zip(end).and_then(|(begin, end)| word.get(begin..=end)) else {
        // What stands around a value tells nothing: `<*>,` and `(<*>)` are one.
        return if word.windows(VALUE.len()).any(|part| part == VALUE) { Kind::Value } else { Kind::Said };
    };
    let ends = |endings: &[&str]| endings.iter().any(|ending| bare.ends_with(ending.as_bytes()));
    let participle =
        begin == Some(0) && bare.len() > 4 && bare.iter().skip(1).all(u8::is_ascii_lowercase) && ends(&["ed", "ing"]);
    let status = bare.iter().any(u8::is_ascii_digit);
    if status || participle || word.contains(&b'=') || ends(&["Exception", "Error"]) {
        return Kind::Fixed;
    }
    let named = bare.iter().any(|byte| matches!(byte, b'.' | b'/' | b'@' | b'$' | b'\\'));
    if named && !bare.contains(&b'(') { Kind::Name } else { Kind::Said }
}
