//! `/containers/{id}/logs`: lines in Docker's frames.

use crate::{time, world::Written};

/// What of a container's lines is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) timestamps: bool,
    /// The last so many; `None` is all.
    pub(super) tail: Option<usize>,
    /// Nanoseconds since 1970, both included.
    pub(super) since: i64,
    pub(super) until: i64,
}

/// The wanted lines, each in a frame: a byte for the stream, three of nothing, the length in four bytes, the line.
pub(super) fn frames(lines: &[Written], wanted: Wanted) -> Vec<u8> {
    let of_stream = |line: &&Written| if line.stderr { wanted.stderr } else { wanted.stdout };
    let in_time = |line: &&Written| line.at >= wanted.since && line.at <= wanted.until;
    let found: Vec<&Written> = lines.iter().filter(of_stream).filter(in_time).collect();
    let skipped = wanted.tail.map_or(0, |tail| found.len().saturating_sub(tail));
    let mut bytes = Vec::new();
    for line in found.into_iter().skip(skipped) {
        let stamp = if wanted.timestamps { format!("{} ", time::rfc3339_nanoseconds(line.at)) } else { String::new() };
        let text = format!("{stamp}{}\n", line.line);
        bytes.extend([if line.stderr { 2 } else { 1 }, 0, 0, 0]);
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(text.into_bytes());
    }
    bytes
}
