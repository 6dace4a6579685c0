//! Units of size and time.

const UNITS: [&str; 34] = [
    "b",
    "kb",
    "mb",
    "gb",
    "tb",
    "kib",
    "mib",
    "gib",
    "tib",
    "byte",
    "bytes",
    "ns",
    "us",
    "ms",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "h",
    "hr",
    "hour",
    "hours",
    "day",
    "days",
    "msec",
    "msecs",
    "millis",
    "milliseconds",
    "%",
];

/// Of a unit the marks that follow it; `None` for what is no unit.
pub(super) fn marks_after(word: &[u8]) -> Option<&[u8]> {
    let end = word.iter().rposition(|byte| byte.is_ascii_alphabetic() || *byte == b'%')? + 1;
    let (name, marks) = word.split_at_checked(end)?;
    let unit =
        marks.len() <= 2 && name.len() <= 12 && UNITS.iter().any(|unit| name.eq_ignore_ascii_case(unit.as_bytes()));
    unit.then_some(marks)
}
