//! What a Qdrant server said, as an error of memory.

use std::time::Duration;

use qdrant_client::QdrantError;
use secrecy::{ExposeSecret, SecretString};

use crate::MemoryError;

const SYSTEM: &str = "Qdrant";
/// Characters of what it said that are told.
const LONGEST: usize = 300;

/// Turns the client's errors into ours.
pub(super) struct Failed;

impl Failed {
    /// What may pass is unreachable, what would come again is refused. The key is masked wherever it stands.
    pub(super) fn told(key: &SecretString, error: QdrantError) -> MemoryError {
        let (why, retry_after, passes) = match error {
            QdrantError::ResponseError { status } => {
                (format!("{}: {}", status.code(), said(&status)), None, may_pass(&status))
            }
            QdrantError::ResourceExhaustedError { status, retry_after_seconds } => {
                (format!("{}: {}", status.code(), said(&status)), Some(Duration::from_secs(retry_after_seconds)), true)
            }
            QdrantError::Io(error) => (error.to_string(), None, true),
            other @ (QdrantError::ConversionError(_)
            | QdrantError::InvalidUri(_)
            | QdrantError::NoSnapshotFound(_)
            | QdrantError::JsonToPayload(_)
            | QdrantError::PayloadDeserialization(_)) => (other.to_string(), None, false),
        };
        let key = key.expose_secret().trim();
        let why = if key.is_empty() { why } else { why.replace(key, "[secret]") };
        let why: String = why.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
        if passes {
            MemoryError::Unreachable { system: SYSTEM, why, retry_after }
        } else {
            MemoryError::Refused { system: SYSTEM, why }
        }
    }
}

/// An answer that Qdrant does not give.
pub(super) fn malformed(why: String) -> MemoryError {
    MemoryError::Refused { system: SYSTEM, why }
}

/// The message, and below it what the transport saw: that a connection was refused stands only there.
fn said(status: &tonic::Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn may_pass(status: &tonic::Status) -> bool {
    use tonic::Code;
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unknown
        | Code::DataLoss => true,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}
