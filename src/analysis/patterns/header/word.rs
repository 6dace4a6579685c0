//! What kind of word stands in a header.

use super::Level;

/// A word as a header may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A moment or a part of one: a date, a time of day, an epoch.
    Moment,
    /// The name of a month or of a day of the week.
    Calendar,
    /// A number, such as a process id.
    Number,
    /// A level.
    Level(Level),
    /// A dash, a bar, a colon alone.
    Separator,
    /// A name that ends in a colon: whatever follows is the message. True when it has a process id or is qualified: it can be nothing else.
    Component(bool),
    /// Dotted, such as `com.example.Service`, or qualified by `::`.
    Qualified,
    /// Any other word.
    Word,
}

const CALENDAR: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed", "thu",
    "fri", "sat", "sun",
];

/// The kind of a word; brackets around it are off.
pub(super) fn kind(word: &str) -> Kind {
    let bytes = word.as_bytes();
    if bytes.iter().all(|byte| matches!(byte, b'-' | b'|' | b':' | b'>' | b'*' | b'=' | b'~')) {
        return Kind::Separator;
    }
    let bare = word.trim_matches([',', ':', '|', '<', '>', '"']);
    if let Some(level) = Level::of(bare) {
        return Kind::Level(level);
    }
    if bare.len() == 3 && CALENDAR.iter().any(|name| bare.eq_ignore_ascii_case(name)) {
        return Kind::Calendar;
    }
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits > 0 {
        if let Some(kind) = numeric(bytes, digits) {
            return kind;
        }
        if let [letter, rest @ ..] = bytes
            && rest.len() == 4
            && rest.iter().all(u8::is_ascii_digit)
            && let Some(level) = Level::of_letter(*letter)
        {
            return Kind::Level(level);
        }
    }
    if let Some(name) = word.strip_suffix(':') {
        return component(name);
    }
    // klog's file and line.
    if let Some((file, line)) = word.strip_suffix(']').and_then(|place| place.split_once(':'))
        && !file.contains('[')
        && line.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Kind::Component(true);
    }
    let inner =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'$' | b':' | b'/' | b'@');
    let qualified = (bytes.contains(&b'.') || bytes.windows(2).any(|pair| pair == b"::"))
        && bytes.iter().all(inner)
        && !word.ends_with('.');
    if qualified { Kind::Qualified } else { Kind::Word }
}

/// Whether a word within a message is part of a date, such as `Sun` and `Jul` in `Sun Jul 17 15:09:16 2005`; `rest` stands behind it.
pub(in super::super) fn is_date(word: &[u8], rest: &[u8]) -> bool {
    let named = |word: &[u8]| {
        matches!(word, [b'A'..=b'Z', _, _] | [b'A'..=b'Z', _, _, b','])
            && CALENDAR.iter().any(|name| word.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes())))
    };
    named(word)
        && (rest.first().is_some_and(u8::is_ascii_digit)
            || (rest.get(..3).is_some_and(named) && matches!(rest.get(3), None | Some(b' '))))
}

/// Digits with what stands between the parts of a moment.
fn numeric(bytes: &[u8], digits: usize) -> Option<Kind> {
    let between = |byte: &u8| matches!(byte, b':' | b'-' | b'/' | b'.' | b',' | b'+' | b'T' | b'Z' | b'_' | b'#');
    let month = |bytes: &[u8]| {
        std::str::from_utf8(bytes).is_ok_and(|name| CALENDAR.iter().any(|month| name.eq_ignore_ascii_case(month)))
    };
    let others = bytes.iter().filter(|byte| !byte.is_ascii_digit()).count();
    if others == 0 {
        // Seconds or milliseconds of this century.
        let epoch = (digits == 10 || digits == 13) && bytes.first() == Some(&b'1');
        return Some(if epoch { Kind::Moment } else { Kind::Number });
    }
    if bytes.iter().all(|byte| byte.is_ascii_digit() || between(byte)) {
        let marks = bytes.iter().filter(|byte| matches!(byte, b':' | b'-' | b'/')).count();
        let moment = digits >= 4 && (marks >= 1 || bytes.iter().filter(|byte| **byte == b'.').count() <= 2);
        return Some(if moment { Kind::Moment } else { Kind::Number });
    }
    // 10/Oct/2000:13:55:36
    let named = bytes.split(|byte| *byte == b'/').nth(1).is_some_and(month);
    named.then_some(Kind::Moment)
}

/// A name before a colon, without it.
fn component(name: &str) -> Kind {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_' | b'-' | b'$' | b':' | b'/' | b'@' | b'(' | b')' | b'[' | b']' | b'#')
    };
    if name.is_empty() || !bytes.iter().all(inner) {
        return Kind::Word;
    }
    let sure = name.ends_with(']') || name.contains("::") || name.contains('$') || name.matches('.').count() >= 1;
    Kind::Component(sure)
}
