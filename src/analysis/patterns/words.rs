//! A message as words, with its values left out: one pass over its bytes, nothing allocated for a line whose like was seen before.

/// Words of one message that are looked at; what follows makes no pattern.
const MOST: usize = 128;
/// Bytes of one message that are looked at.
const LONGEST: usize = 4 * 1024;

/// A word, or a place where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The hash of what of it is no value.
    pub hash: u64,
    /// Whether there is a value in it.
    pub value: bool,
    /// What stands in a pattern: the word, or `<*>` with what is fixed around it.
    pub text: String,
}

/// Hashes of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashed {
    /// Of all its words.
    pub whole: u64,
    /// Of how many there are, of the first that is no value, and of an HTTP status's class.
    pub root: u64,
}

/// Where the words of one message are put, and used again for the next.
#[derive(Debug, Default)]
pub(super) struct Words {
    spans: Vec<Span>,
    /// The hash of an HTTP status's class; 0 without one.
    class: u64,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
    hash: u64,
    /// Bytes at the beginning that are fixed, when the rest is a value; `None`: all is fixed.
    fixed: Option<usize>,
}

impl Words {
    /// Reads a message.
    pub(super) fn read(&mut self, message: &str) -> Hashed {
        let message = message.get(..message.floor_char_boundary(LONGEST)).unwrap_or_default();
        self.spans.clear();
        self.class = 0;
        let bytes = message.as_bytes();
        let mut from = 0;
        while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| !space(*byte))) {
            let begin = from + at;
            let length = bytes.get(begin..).and_then(|rest| rest.iter().position(|byte| space(*byte)));
            let end = length.map_or(bytes.len(), |length| begin + length);
            self.push(bytes, begin, end);
            from = end;
            if self.spans.len() >= MOST {
                break;
            }
        }
        self.hashed()
    }

    fn push(&mut self, bytes: &[u8], from: usize, to: usize) {
        let word = bytes.get(from..to).unwrap_or_default();
        let after_value = self.spans.last().is_some_and(|last| last.fixed == Some(0));
        // A unit belongs to its number, wherever its line has one.
        let status = is_status(word) && after_request(bytes.get(..from).unwrap_or_default());
        let fixed = if after_value && is_unit(word) {
            Some(0)
        } else if status {
            Some(1)
        } else {
            fixed(word)
        };
        // Values in a row are one place: lists of another length are the same pattern.
        if fixed == Some(0) && after_value {
            return;
        }
        let kept = word.get(..fixed.unwrap_or(word.len())).unwrap_or_default();
        let hash = hash(kept, fixed.is_some());
        if status {
            self.class = hash;
        }
        self.spans.push(Span { from, to, hash, fixed });
    }

    fn hashed(&self) -> Hashed {
        let whole = self.spans.iter().fold(SEED, |hash, span| mix(hash, span.hash));
        let first = self.spans.iter().take(3).find(|span| span.fixed != Some(0));
        // Answers that fail are never the pattern of those that succeed, however alike their lines are.
        let root = mix(self.spans.len() as u64 ^ SEED, first.map_or(0, |span| span.hash)) ^ self.class;
        Hashed { whole, root }
    }

    /// The words of `message`, which must be the one that was read last: built for what was not seen before alone.
    pub(super) fn of(&self, message: &str) -> Vec<Word> {
        let text = |span: &Span| {
            let word = message.get(span.from..span.to).unwrap_or_default();
            match span.fixed {
                None => word.to_owned(),
                Some(fixed) => format!("{}<*>", word.get(..fixed).unwrap_or_default()),
            }
        };
        let word = |span: &Span| Word { hash: span.hash, value: span.fixed.is_some(), text: text(span) };
        self.spans.iter().map(word).collect()
    }
}

fn space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

/// How much of the beginning of a word is fixed when the rest is a value; `None` when all of it is fixed.
fn fixed(word: &[u8]) -> Option<usize> {
    let (mut digits, mut letters, mut slashes, mut equals) = (0_usize, 0_usize, 0_usize, None);
    for (at, byte) in word.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' | b'A'..=b'Z' => letters += 1,
            b'/' | b'\\' => slashes += 1,
            b'=' if equals.is_none() => equals = Some(at),
            _ => {}
        }
    }
    // key=value: the key is of the program, the value is not.
    if let Some(at) = equals.filter(|at| *at > 0 && word.get(..*at).is_some_and(is_key)) {
        return (at + 1 < word.len()).then_some(at + 1);
    }
    if digits > 0 || slashes >= 2 {
        return Some(0);
    }
    // Brackets with nothing in them are a value that is not there.
    let empty = letters == 0 && matches!(word, b"()" | b"[]" | b"{}" | b"\"\"" | b"''" | b"<>" | b"(null)" | b"-");
    empty.then_some(0)
}

/// Whether it is an HTTP status.
fn is_status(word: &[u8]) -> bool {
    matches!(word, [b'1'..=b'5', rest @ ..] if rest.len() == 2 && rest.iter().all(u8::is_ascii_digit))
}

/// Whether a quoted request ends here, as access logs write it: `"GET / HTTP/1.1"`.
fn after_request(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let last = before.rsplit(|byte| space(*byte)).next().unwrap_or_default();
    last.starts_with(b"HTTP/") && last.ends_with(b"\"")
}

/// Units of size and time, with what may stand behind them.
fn is_unit(word: &[u8]) -> bool {
    const UNITS: [&[u8]; 22] = [
        b"B", b"KB", b"MB", b"GB", b"TB", b"KiB", b"MiB", b"GiB", b"kB", b"ns", b"us", b"ms", b"s", b"sec", b"secs",
        b"seconds", b"min", b"minutes", b"hours", b"%", b"sec.", b"msec",
    ];
    let bare = word.strip_suffix(b",").or(word.strip_suffix(b")")).or(word.strip_suffix(b".")).unwrap_or(word);
    UNITS.contains(&bare)
}

fn is_key(word: &[u8]) -> bool {
    word.iter()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b'(' | b'[' | b'{' | b'<' | b'"'))
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Eight bytes at a time, as rustc's own hasher does it; nobody chooses what is logged so as to slow us down but a pattern.
fn hash(bytes: &[u8], value: bool) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = mix(SEED, u64::from(value));
    for chunk in &mut chunks {
        hash = mix(hash, chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder();
    let mut last = [0_u8; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    mix(mix(hash, u64::from_le_bytes(last)), bytes.len() as u64)
}
