//! Readers: a few connections of their own, which SQLite's WAL lets read while the writer writes.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};

use super::JournalError;

/// Idle connections kept; more may be open for a moment.
const KEPT: usize = 4;

/// A small pool of read connections.
#[derive(Clone)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default() }
    }

    /// Runs `look` on a connection, off the async threads.
    pub(super) async fn read<T, F>(&self, look: F) -> Result<T, JournalError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
    {
        let readers = self.clone();
        tokio::task::spawn_blocking(move || {
            let connection = readers.take()?;
            let answer = look(&connection);
            readers.give_back(connection);
            answer
        })
        .await
        .map_err(|error| JournalError::storage("read", error))?
    }

    fn take(&self) -> Result<Connection, JournalError> {
        if let Some(connection) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(connection);
        }
        // Not read-only: a reader of a WAL needs to write the `-shm` file.
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .and_then(|connection| {
                connection
                    .execute_batch("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA cache_size = -1000;")?;
                Ok(connection)
            })
            .map_err(|error| JournalError::storage("opened", format!("{}: {error}", self.path.display())))
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}
