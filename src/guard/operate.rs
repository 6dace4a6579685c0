//! What people decide about the agent itself: the halt, raised breakers, another policy. All of it is written.

use std::sync::Arc;

use super::{Policy, PolicyError, SharedPolicy};
use crate::{
    incident::{Event, OPERATIONS, Who},
    journal::{Journal, JournalError},
};

/// Why another policy does not hold now.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It is wrong; the one before goes on holding.
    #[error("{0}; the policy before goes on holding")]
    Policy(#[from] PolicyError),
    /// It could not be written that it holds, and so it does not.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Reads the policy file again; it holds for every verdict from here on, or the one before does.
///
/// # Errors
/// [`ReloadError`].
pub async fn reload(
    policy: &SharedPolicy,
    file: &str,
    journal: &Journal,
    who: Who,
) -> Result<Arc<Policy>, ReloadError> {
    let read = Policy::load(file)?;
    announce(&read, file, journal, who).await?;
    policy.store(read);
    Ok(policy.load())
}

/// Writes which policy holds, unless that stands there already as the last.
///
/// # Errors
/// What the journal says.
pub async fn announce(policy: &Policy, file: &str, journal: &Journal, who: Who) -> Result<(), JournalError> {
    let entries = journal.entries(OPERATIONS, 0, usize::MAX).await?;
    let last = entries.iter().rev().find_map(|entry| {
        let Event::PolicyLoaded { hash, .. } = &entry.event else {
            return None;
        };
        Some(hash)
    });
    if last != Some(&policy.hash) {
        journal.operate(Event::PolicyLoaded { file: file.to_owned(), hash: policy.hash.clone(), who }).await?;
    }
    Ok(())
}
