//! What is wrong with a case.

use thiserror::Error;

/// What is wrong with a case: the file, where in it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}{}: {problem}", place.as_ref().map(|place| format!(", {place}")).unwrap_or_default())]
pub struct CaseError {
    /// The file, below the case's folder or with the path as it was given.
    pub file: String,
    /// The line or the key.
    pub place: Option<String>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl CaseError {
    pub(crate) fn file(file: &str, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: None, problem: problem.into() }
    }

    pub(crate) fn line(file: &str, line: usize, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: Some(format!("line {line}")), problem: problem.into() }
    }

    pub(crate) fn key(file: &str, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: Some(format!("key `{}`", key.into())), problem: problem.into() }
    }
}
