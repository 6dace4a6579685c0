//! Classes of bytes and small scans over a message; it is parted at ASCII bytes only, so text stays text.

/// A letter or a digit, or part of a letter that is not ASCII.
pub(super) const WORD: u8 = 1;
/// A decimal digit.
pub(super) const DIGIT: u8 = 2;
/// White space between words.
pub(super) const SPACE: u8 = 4;
/// Parts a word into pieces.
pub(super) const DELIMITER: u8 = 8;
/// Parts a path.
pub(super) const SLASH: u8 = 16;
/// Any other mark.
pub(super) const MARK: u8 = 32;

const CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "computed when compiled; a wrong index would not compile")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = match at as u8 {
            b'0'..=b'9' => WORD | DIGIT,
            b'A'..=b'Z' | b'a'..=b'z' | 128..=255 => WORD,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0 => SPACE,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',' | b';' | b'=' | b':' | b'|' | b'"' | b'\''
            | b'`' | b'!' | b'?' => DELIMITER,
            b'/' | b'\\' => SLASH,
            _ => MARK,
        };
        at += 1;
    }
    table
}

/// The classes of a byte.
#[inline]
pub(super) fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether a byte is of a class.
#[inline]
pub(super) fn is(byte: u8, wanted: u8) -> bool {
    class(byte) & wanted != 0
}

/// The bytes from here on; none past the end.
#[inline]
pub(super) fn from(text: &[u8], at: usize) -> &[u8] {
    text.get(at..).unwrap_or_default()
}

/// The bytes of a range; none where it does not fit.
#[inline]
pub(super) fn slice(text: &[u8], begin: usize, end: usize) -> &[u8] {
    text.get(begin..end).unwrap_or_default()
}

/// The first place at or after `at` that is no white space.
#[inline]
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    at + from(text, at).iter().take_while(|byte| is(**byte, SPACE)).count()
}

/// The first place at or after `at` that is white space, or the end; and the classes of the bytes before it together.
#[inline]
pub(super) fn word_end(text: &[u8], at: usize) -> (usize, u8) {
    let mut classes = 0;
    let length = from(text, at).iter().position(|byte| {
        let class = class(*byte);
        classes |= class & !SPACE;
        class == SPACE
    });
    (length.map_or(text.len(), |length| at + length), classes)
}

/// Eight bytes at a time, as rustc's own hasher does it; nobody chooses what is logged so as to slow us down but a pattern.
pub(in super::super) fn hash(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = 0x9e37_79b9_7f4a_7c15;
    for chunk in &mut chunks {
        hash = mix(hash, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let mut last = [0_u8; 8];
    last.iter_mut().zip(chunks.remainder()).for_each(|(to, from)| *to = *from);
    mix(mix(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}

/// Takes one more value into a hash.
pub(in super::super) fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}
