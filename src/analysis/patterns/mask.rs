//! A message with what changes from line to line left out: numbers, ids, addresses, paths, dates and the values of keys become
//! [`VALUE`]. One pass over its bytes, into memory that is used again: nothing is allocated for a line whose like was seen before.

mod bytes;
mod unit;

use super::{header, word::Word};
use bytes::{DELIMITER, DIGIT, SLASH, WORD, class, from, is, slice};
pub(super) use bytes::{hash, mix};

/// Stands for what changes.
pub(super) const VALUE: &[u8] = b"<*>";
/// Bytes of one message that are looked at.
const LONGEST: usize = 4 * 1024;
/// Words of one message that are looked at; what follows makes no pattern.
const MOST: usize = 128;

/// Where one message is put, and used again for the next.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// Its words, one space apart.
    text: Vec<u8>,
    /// Where each of them begins.
    begins: Vec<usize>,
}

impl Masked {
    /// Reads a message; lines with the same answer say the same.
    pub(super) fn read(&mut self, message: &str) -> u64 {
        let message = slice(message.as_bytes(), 0, message.floor_char_boundary(LONGEST));
        self.text.clear();
        self.begins.clear();
        let mut at = bytes::skip_space(message, 0);
        let mut answers = false;
        while at < message.len() && self.begins.len() < MOST {
            let (end, classes) = bytes::word_end(message, at);
            let word = slice(message, at, end);
            at = bytes::skip_space(message, end);
            self.push(word, classes, answers, from(message, at));
            // What failed is not the pattern of what went well: of a status its class is kept.
            answers = word.starts_with(b"HTTP/") && word.ends_with(b"\"");
        }
        hash(&self.text)
    }

    /// The words of the message that was read last.
    pub(super) fn words(&self) -> Vec<Word> {
        let ends = self.begins.iter().skip(1).map(|begin| begin - 1).chain([self.text.len()]);
        self.begins.iter().zip(ends).map(|(begin, end)| Word::of(slice(&self.text, *begin, end))).collect()
    }

    fn push(&mut self, word: &[u8], classes: u8, answers: bool, rest: &[u8]) {
        if !self.begins.is_empty() {
            self.text.push(b' ');
        }
        self.begins.push(self.text.len());
        match word {
            [class @ b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] if answers => {
                self.text.push(*class);
                self.text.extend_from_slice(VALUE);
            }
            _ if header::is_date(word, rest) => self.text.extend_from_slice(VALUE),
            // Most words are nothing but letters.
            _ if classes == WORD => self.text.extend_from_slice(word),
            _ => mask(word, &mut self.text),
        }
        while self.joined() {}
    }

    /// Makes the last word one with the value before it, where it is one more of a list, the same in another unit, or the unit itself:
    /// `403 bytes`, `10.0.0.1, 10.0.0.2` and `18846 bytes (18.4 KB)` are one value each, and lists of another length the same pattern.
    fn joined(&mut self) -> bool {
        let [.., before, begin] = self.begins.as_slice() else { return false };
        let (last, previous) = (from(&self.text, *begin), slice(&self.text, *before, begin - 1));
        let value = previous.strip_suffix(b",").unwrap_or(previous);
        let (comma, ends) = (value.len() < previous.len(), value.ends_with(VALUE));
        let unit = if ends && !comma { unit::marks_after(last) } else { None };
        let more = || if (ends && comma) || is_value(value) { marks_after(last) } else { None };
        let Some(marks) = unit.or_else(more) else { return false };
        // What closes a list stands behind it only where it was opened.
        let opened = value.iter().any(|byte| matches!(byte, b'(' | b'[' | b'{'));
        let closing = marks.iter().take_while(|mark| !opened && matches!(mark, b')' | b']' | b'}')).count();
        let (end, to) = (before + value.len(), self.text.len() - marks.len() + closing);
        self.text.drain(end..to);
        self.begins.pop();
        true
    }
}

/// Of one more value of a list the marks behind it; `None` for what is none.
fn marks_after(word: &[u8]) -> Option<&[u8]> {
    let bare = word.strip_suffix(b",").unwrap_or(word);
    let marks = if is_value(bare) { word.get(bare.len()..)? } else { word.strip_prefix(VALUE)? };
    marks.iter().all(|mark| matches!(mark, b',' | b')' | b']' | b'}')).then_some(marks)
}

/// A value and nothing else, but for brackets around it.
fn is_value(word: &[u8]) -> bool {
    matches!(word, b"<*>" | b"(<*>)" | b"()")
}

/// One word: pieces between delimiters, each kept or masked.
fn mask(word: &[u8], out: &mut Vec<u8>) {
    // `<1` and `>5` are values.
    let mut at = usize::from(matches!(word, [b'<' | b'>', b'0'..=b'9', ..]));
    while let Some(byte) = word.get(at).copied() {
        if is(byte, DELIMITER) {
            at = delimiter(word, at, byte, out);
            continue;
        }
        let piece = Piece::at(word, at);
        at += piece.bytes.len();
        if from(word, at).starts_with(b"://") {
            at = address_end(word, at);
            push_value(out);
        } else if piece.is_value(from(word, at)) {
            push_value(out);
            // A full stop at the end is the sentence's.
            let stops = piece.bytes.iter().rev().take_while(|byte| **byte == b'.').count();
            out.extend(std::iter::repeat_n(b'.', stops));
        } else {
            out.extend_from_slice(piece.bytes);
        }
    }
}

/// What stands between two delimiters.
struct Piece<'a> {
    bytes: &'a [u8],
    /// The classes of its bytes together.
    classes: u8,
    slashes: usize,
}

impl<'a> Piece<'a> {
    fn at(word: &'a [u8], begin: usize) -> Self {
        let (mut classes, mut slashes, mut end) = (0, 0, begin);
        for byte in from(word, begin) {
            let class = class(*byte);
            // A place in a function, `main+0x2f`.
            let offset = *byte == b'+' && end > begin && from(word, end + 1).starts_with(b"0x");
            if class & DELIMITER != 0 || offset {
                break;
            }
            classes |= class;
            slashes += usize::from(class & SLASH != 0);
            end += 1;
        }
        Self { bytes: slice(word, begin, end), classes, slashes }
    }

    /// Whether it changes from line to line; `rest` stands behind it.
    fn is_value(&self, rest: &[u8]) -> bool {
        let Self { bytes, classes, slashes } = self;
        let path =
            *slashes > 1 || (*slashes == 1 && bytes.len() > 1 && bytes.first().is_some_and(|byte| is(*byte, SLASH)));
        // A name and a port.
        let served = matches!(rest, [b':', b'0'..=b'9', ..]) && bytes.contains(&b'.');
        // A function before a place in it has its digits in its name.
        path || served || (classes & DIGIT != 0 && !rest.starts_with(b"+0x"))
    }
}

/// Writes a delimiter; behind `=` comes a value. Answers where to go on.
fn delimiter(word: &[u8], at: usize, byte: u8, out: &mut Vec<u8>) -> usize {
    out.push(byte);
    let before = at.checked_sub(1).and_then(|at| word.get(at)).copied();
    let key = before.is_some_and(|byte| is(byte, WORD) || matches!(byte, b'_' | b'-' | b']' | b'.'));
    if byte == b'=' && key && !matches!(word.get(at + 1), Some(b'=' | b'>')) {
        push_value(out);
        return value_end(word, at + 1);
    }
    at + 1
}

/// The end of a value behind `=`: what closes or parts, outside of brackets of its own.
fn value_end(word: &[u8], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in from(word, at).iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return at + offset,
            b')' | b']' | b'}' => depth -= 1,
            b',' | b';' if depth == 0 => return at + offset,
            _ => {}
        }
    }
    // A list may go on with the next word.
    word.len() - usize::from(word.ends_with(b","))
}

/// The end of a URL whose scheme ends at `at`.
fn address_end(word: &[u8], at: usize) -> usize {
    let stop = |byte: &u8| matches!(byte, b'"' | b'\'' | b'<' | b'>' | b')' | b']' | b'}' | b',' | b';');
    at + from(word, at).iter().position(stop).unwrap_or(word.len() - at)
}

/// One mark for neighbours that only a colon, a comma or a bar parts: `10.0.0.1:80` is one value.
fn push_value(out: &mut Vec<u8>) {
    match out.as_slice() {
        [before @ .., b':' | b',' | b'|'] if before.ends_with(VALUE) => out.truncate(before.len()),
        before if before.ends_with(VALUE) => {}
        _ => out.extend_from_slice(VALUE),
    }
}
