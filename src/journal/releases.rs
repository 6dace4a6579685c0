//! Which images a service ran well with, as the journal has them: longer than the engine remembers.

use futures::future::BoxFuture;
use rusqlite::params;
use tools::{Release, Releases};

use super::{Journal, JournalError, store};

/// Images of one service that are told.
const MOST: i64 = 20;

impl Releases for Journal {
    fn healthy<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Vec<Release>> {
        Box::pin(async move {
            let of = service.to_owned();
            let found = self.readers.read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT image, MAX(finished) FROM changes WHERE service = ?1 AND image IS NOT NULL AND proven = 1
                     GROUP BY image ORDER BY MAX(finished) DESC LIMIT ?2",
                );
                let rows = statement.as_mut().map_err(|error| JournalError::storage("read", error))?;
                let rows = rows.query_map(params![of, MOST], |row| {
                    Ok(Release { image: row.get(0)?, at: store::moment(row.get(1)?) })
                });
                rows.and_then(Iterator::collect).map_err(|error| JournalError::storage("read", error))
            });
            // Without the journal's word the engine is still asked; what it does not know is then not gone back to.
            found.await.unwrap_or_else(|error| {
                tracing::warn!(service, %error, "the journal does not tell which images ran well");
                Vec::new()
            })
        })
    }
}
