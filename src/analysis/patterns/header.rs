//! Headers: what a logger puts before a message. Read word by word, whatever the format: moments, numbers, levels, hosts, components.
//! Taken off as far as it is understood; when in doubt a word is of the message.

mod walk;
mod word;

use std::borrow::Cow;

use serde::Serialize;

use super::structured;
pub(super) use word::is_date;

/// How bad a line says it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It does not say.
    #[default]
    Unknown,
    /// Trace, debug, verbose.
    Debug,
    /// Info, notice.
    Info,
    /// Warning.
    Warning,
    /// Error.
    Error,
    /// Fatal, critical, panic, emergency.
    Fatal,
}

/// A line without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The message.
    pub message: Cow<'a, str>,
    /// How bad it says it is.
    pub level: Level,
}

/// Bytes of one line that are read.
const LONGEST: usize = 64 * 1024;

/// Reads a line.
pub fn read(line: &str) -> Line<'_> {
    let line = line.get(..line.floor_char_boundary(LONGEST)).unwrap_or_default().trim();
    structured::read(line).unwrap_or_else(|| {
        let (message, level) = walk::header(line);
        Line { message: Cow::Borrowed(message), level }
    })
}

impl Level {
    /// As loggers write it, in any case; `None` for any other word.
    pub fn of(word: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        if !(3..=11).contains(&word.len()) {
            None
        } else if is(&["info", "notice", "information", "informational"]) {
            Some(Self::Info)
        } else if is(&["error", "err", "severe", "failure", "eror"]) {
            Some(Self::Error)
        } else if is(&["warn", "warning"]) {
            Some(Self::Warning)
        } else if is(&["debug", "trace", "fine", "finer", "finest", "verbose", "dbg"]) {
            Some(Self::Debug)
        } else if is(&["fatal", "critical", "crit", "panic", "emerg", "emergency", "alert"]) {
            Some(Self::Fatal)
        } else {
            None
        }
    }

    /// The single letters of klog, glog and Android.
    pub(super) fn of_letter(letter: u8) -> Option<Self> {
        match letter {
            b'D' | b'V' => Some(Self::Debug),
            b'I' => Some(Self::Info),
            b'W' => Some(Self::Warning),
            b'E' => Some(Self::Error),
            b'F' => Some(Self::Fatal),
            _ => None,
        }
    }
}
