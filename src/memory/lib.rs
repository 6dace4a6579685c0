//! Memory: runbooks by section, past incidents, and any Markdown, found again by what their words and figures have in common
//! with what is seen now; remedies weighted by whether they helped.
//!
//! Invariant: an index, never the truth: that is the journal and the files, from which everything here can be made again.

mod remembered;

pub use remembered::{Ended, Remedy, Remembered, Said, Word};
