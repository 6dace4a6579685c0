//! Logs of containers. Docker tells the oldest line first and can be asked for a number of lines, but not for a number of bytes.
//!
//! Invariant: bounded. Of a log of any size no more than the bytes asked for are kept, and they are the newest.

use std::collections::VecDeque;

use bollard::{container::LogOutput, query_parameters::LogsOptions};
use chrono::{DateTime, Utc};

use super::{Docker, failure};
use crate::{Failure, reach::http::count_received};

/// Bytes of a log that are kept at most.
const LOG_BYTES: usize = 4 << 20;
/// So many times the bytes that are kept are read at most to come to the newest.
const READ_AHEAD: usize = 16;
/// What a line costs beside its bytes, so that empty ones are bounded too.
const LINE_BYTES: usize = size_of::<LogLine>();

/// The name of the stream, and the line behind the moment at which it was written.
pub(crate) type LogLine = (&'static str, String);

/// The end of a log.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// Its lines, as Docker orders them.
    pub lines: Vec<LogLine>,
    /// Whether there were older lines in that time, for which there was no room.
    pub cut: bool,
}

/// The end of a log while it is read.
struct Newest {
    lines: VecDeque<LogLine>,
    bytes: usize,
    most_bytes: usize,
    cut: bool,
}

/// What became of reading a log.
enum Reading {
    Whole(Tail),
    /// There is too much of it; so many lines of it are as many bytes as are wanted, as far as was seen.
    TooMuch(usize),
}

impl Docker {
    /// Lines of a container's log since a moment, newest `tail`; each with the stream's name and the moment.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn logs(&self, id: &str, since: DateTime<Utc>, tail: usize) -> Result<Vec<LogLine>, Failure> {
        Ok(self.newest_logs(id, since, tail, LOG_BYTES).await?.lines)
    }

    /// The newest lines of a container's log since a moment: no more than `tail`, and no more than so many bytes.
    ///
    /// # Errors
    /// `Tell` when the newest lines are far longer than those before, too long to come to their end; else as [`Docker::inspect`].
    pub(crate) async fn newest_logs(
        &self,
        id: &str,
        since: DateTime<Utc>,
        tail: usize,
        bytes: usize,
    ) -> Result<Tail, Failure> {
        let bytes = bytes.min(LOG_BYTES);
        let fewer = match self.read_logs(id, since, tail, bytes).await? {
            Reading::Whole(tail) => return Ok(tail),
            Reading::TooMuch(fewer) => fewer,
        };
        match self.read_logs(id, since, fewer.min(tail), bytes).await? {
            Reading::Whole(tail) => Ok(Tail { cut: true, ..tail }),
            Reading::TooMuch(_) => Err(Failure::Tell(format!(
                "the newest {fewer} lines of this container's log are more than {} bytes; ask for a shorter time",
                bytes * READ_AHEAD
            ))),
        }
    }

    async fn read_logs(
        &self,
        id: &str,
        since: DateTime<Utc>,
        tail: usize,
        most_bytes: usize,
    ) -> Result<Reading, Failure> {
        let client = self.client(self.timeout)?;
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            timestamps: true,
            since: i32::try_from(since.timestamp()).unwrap_or(0),
            tail: tail.to_string(),
            ..Default::default()
        };
        let mut newest = Newest { lines: VecDeque::new(), bytes: 0, most_bytes, cut: false };
        let (mut read, mut lines) = (0, 0);
        let mut output = std::pin::pin!(client.logs(id, Some(options)));
        while let Some(part) = self.next(&mut output).await? {
            let (stream, message) = match part.map_err(failure)? {
                LogOutput::StdErr { message } => ("stderr", message),
                LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                    ("stdout", message)
                }
            };
            read += message.len();
            count_received(message.len());
            for line in String::from_utf8_lossy(&message).lines() {
                lines += 1;
                newest.push((stream, line.to_owned()));
            }
            if read > most_bytes.saturating_mul(READ_AHEAD) {
                let length = (read / lines.max(1)).max(1);
                return Ok(Reading::TooMuch((most_bytes / length).max(1)));
            }
        }
        Ok(Reading::Whole(Tail { lines: newest.lines.into(), cut: newest.cut }))
    }
}

impl Newest {
    /// The oldest go for it where there is no room; the newest stays, however long.
    fn push(&mut self, line: LogLine) {
        self.bytes += line.1.len() + LINE_BYTES;
        self.lines.push_back(line);
        while self.lines.len() > 1 && self.bytes > self.most_bytes {
            self.bytes -= self.lines.pop_front().map_or(0, |(_, line)| line.len() + LINE_BYTES);
            self.cut = true;
        }
    }
}
