//! What can go wrong with memory. An investigation goes on without it and says so.

use std::{path::PathBuf, time::Duration};

/// Why memory could not do what was asked. Holds no credentials.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Another process has the embedded store open.
    #[error(
        "memory in {} is open in another process; stop that one, ask it over HTTP, or let both use one Qdrant server ([memory] url)",
        .0.display()
    )]
    InUse(PathBuf),
    /// The index was written by another version.
    #[error(
        "the index {index} was written by another version (format {found}, this one reads {expected}); \
         use that version, or delete the index and make it again with `devops-agent memory index`"
    )]
    Version {
        /// The index's name.
        index: String,
        /// Its format.
        found: u32,
        /// The format of this version.
        expected: u32,
    },
    /// What lies on the disk is no index.
    #[error("{} cannot be read as an index: {why}; delete it and make it again with `devops-agent memory index`", .path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What was seen.
        why: String,
    },
    /// Too little room on the disk to write safely.
    #[error("the disk of {} has {free} bytes free, and memory writes only while {needed} are; make room", .folder.display())]
    DiskFull {
        /// Where the store lies.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        needed: u64,
    },
    /// The disk said no.
    #[error("{}: {source}", .path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An outside system did not answer as it should; it may do so later.
    #[error("{system} could not be reached: {why}")]
    Unreachable {
        /// Which system.
        system: &'static str,
        /// What was seen.
        why: String,
        /// How long it asked to be left alone (Retry-After).
        retry_after: Option<Duration>,
    },
    /// An outside system turned the request down, and would again.
    #[error("{system} says: {why}")]
    Refused {
        /// Which system.
        system: &'static str,
        /// In its own words.
        why: String,
    },
    /// A vector of another length than the index has.
    #[error(
        "the embeddings have {found} dimensions and the index {expected}; did the model behind the endpoint change? Then name it anew in [memory.embeddings] model"
    )]
    Dimensions {
        /// Of this vector.
        found: usize,
        /// Of the index.
        expected: usize,
    },
    /// The embedded store failed.
    #[error("the embedded store failed: {0}")]
    Store(String),
    /// What was asked makes no sense; says what would.
    #[error("{0}")]
    Wrong(String),
}

impl MemoryError {
    pub(crate) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { path, source }
    }
}
