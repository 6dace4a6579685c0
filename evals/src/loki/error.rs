//! What Loki says when it will not answer: always 400 and plain text, the text alone tells which.

use super::labels::{self, Labels};

/// A refusal in Loki's own words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum LokiError {
    /// The query's text cannot be read; `line` is 0 where Loki's scanner has lost it (after two-character tokens).
    #[error("parse error at line {line}, col {column}: {message}")]
    ParseAt {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What was met and what would have been right.
        message: String,
    },
    /// The query reads well but asks for something that LogQL refuses.
    #[error("parse error : {0}")]
    Parse(String),
    /// A line went wrong in the pipeline of a metric query; a log query only marks it.
    #[error(
        "pipeline error: '{kind}' for series: '{series}'.\n\
         Use a label filter to intentionally skip this error. (e.g | __error__!=\"{kind}\").\n\
         To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n\
         The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The value of `__error__`.
        kind: String,
        /// The series' labels, rendered.
        series: String,
    },
    /// A parameter or a limit; the text is complete.
    #[error("{0}")]
    Refused(String),
    /// Part of LogQL that this double does not speak.
    #[error("{0} is not supported by this double of Loki")]
    Unsupported(String),
}

impl LokiError {
    /// The error of a stage that reads well but cannot be built, such as a bad regular expression.
    pub(super) fn stage(stage: &str, reason: &str) -> Self {
        Self::Parse(format!("stage '{stage}' : {reason}"))
    }

    /// The error of a metric query that met `series` with an `__error__` label.
    pub(super) fn pipeline(series: &Labels) -> Self {
        let kind = series.get(labels::ERROR).cloned().unwrap_or_default();
        Self::Pipeline { kind, series: labels::render(series) }
    }
}
