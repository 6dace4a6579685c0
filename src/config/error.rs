//! What is wrong with settings: all of it at once, each with its place.

use std::fmt;

/// Everything that is wrong. No text in here holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Each with its place.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// File and line, or the variable.
    pub place: String,
    /// The key, such as `http.listen`.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        write!(out, "the settings are wrong:\n  {}", lines.join("\n  "))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            return write!(out, "{}: {}", self.place, self.what);
        }
        write!(out, "{}: {}: {}", self.place, self.key, self.what)
    }
}
