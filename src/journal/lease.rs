//! Leases: one worker has an incident, for a while, and loses it if it does not come back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};

use super::{Journal, JournalError, store};
use crate::incident::IncidentId;

/// A worker's hold on an incident. Its token fences: a worker whose lease was given to another can write no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    incident: IncidentId,
    token: i64,
}

impl Lease {
    /// The incident that is held.
    pub fn incident(&self) -> IncidentId {
        self.incident
    }

    pub(super) fn token(&self) -> i64 {
        self.token
    }
}

impl Journal {
    /// Takes the incident that has waited longest and that nobody has; `None` when there is none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn lease(&self, length: Duration) -> Result<Option<Lease>, JournalError> {
        self.writer
            .write(move |batch| {
                let now = store::micros(batch.now);
                let due: Option<IncidentId> = batch
                    .connection
                    .prepare_cached(
                        "SELECT id FROM incidents WHERE due IS NOT NULL AND due <= ?1
                         AND NOT EXISTS (SELECT 1 FROM leases WHERE incident = id AND until > ?1)
                         ORDER BY due, id LIMIT 1",
                    )
                    .and_then(|mut statement| statement.query_row([now], |row| row.get(0)).optional())
                    .map_err(|error| JournalError::storage("read", error))?;
                let Some(incident) = due else { return Ok(None) };
                let token = batch.state.next_lease;
                batch.state.next_lease += 1;
                batch.execute(
                    "INSERT OR REPLACE INTO leases (incident, token, until) VALUES (?1, ?2, ?3)",
                    params![incident, token, until(batch.now, length)],
                )?;
                Ok(Some(Lease { incident, token }))
            })
            .await
    }

    /// Holds an incident for longer.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when another has it.
    pub async fn renew(&self, lease: Lease, length: Duration) -> Result<(), JournalError> {
        self.writer
            .write(move |batch| {
                batch.held(&lease)?;
                let until = until(batch.now, length);
                batch.execute("UPDATE leases SET until = ?2 WHERE incident = ?1", params![lease.incident, until])
            })
            .await
    }

    /// Gives an incident back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn release(&self, lease: Lease) -> Result<(), JournalError> {
        self.writer
            .write(move |batch| {
                batch.execute(
                    "DELETE FROM leases WHERE incident = ?1 AND token = ?2",
                    params![lease.incident, lease.token],
                )
            })
            .await
    }

    /// When the next incident falls due that nobody has.
    ///
    /// # Errors
    /// What the database says.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>, JournalError> {
        self.readers
            .read(|connection| {
                connection
                    .prepare_cached(
                        "SELECT MIN(MAX(due, COALESCE((SELECT until FROM leases WHERE incident = id), 0)))
                         FROM incidents WHERE due IS NOT NULL",
                    )
                    .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
                    .map(|due| due.map(store::moment))
                    .map_err(|error| JournalError::storage("read", error))
            })
            .await
    }
}

fn until(now: DateTime<Utc>, length: Duration) -> i64 {
    store::micros(now).saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}
