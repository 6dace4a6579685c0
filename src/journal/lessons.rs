//! Runbooks that were learnt: each is written once, whatever happens in between.

use rusqlite::{Connection, OptionalExtension};

use super::{Journal, JournalError};
use crate::incident::{Entry, Event, IncidentId, OPERATIONS};

/// An incident that proposes a runbook, to be opened together with the entry that the runbook was learnt.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Its first events.
    pub events: Vec<Event>,
    /// Incidents that may be open.
    pub most: usize,
}

impl Journal {
    /// Where the runbook of that name went when it was learnt; `None` when it was not.
    ///
    /// # Errors
    /// What the database says.
    pub async fn runbook_learnt(&self, name: &str) -> Result<Option<String>, JournalError> {
        let name = name.to_owned();
        self.readers.read(move |connection| learnt(connection, &name)).await
    }

    /// Writes that a runbook was learnt, and opens the incident that proposes it, both or neither; `None` when it was learnt before.
    ///
    /// # Errors
    /// [`JournalError::Full`] when no incident can be opened; else what the database says.
    pub async fn learn_runbook(
        &self,
        name: String,
        hash: String,
        from: Vec<IncidentId>,
        place: String,
        proposal: Option<Proposal>,
    ) -> Result<Option<Entry>, JournalError> {
        self.writer
            .write(move |batch| {
                if learnt(batch.connection, &name)?.is_some() {
                    return Ok(None);
                }
                let mut places = vec![place];
                if let Some(Proposal { events, most }) = proposal {
                    places.push(format!("proposed by incident {}", batch.begin(events, most)?));
                }
                places.retain(|place| !place.is_empty());
                let event = Event::RunbookLearned { name, hash, from, place: places.join("; ") };
                Ok(batch.append(OPERATIONS, vec![event])?.pop())
            })
            .await
    }
}

fn learnt(connection: &Connection, name: &str) -> Result<Option<String>, JournalError> {
    connection
        .prepare_cached(
            "SELECT json_extract(body, '$.where') FROM entries
             WHERE incident = 0 AND type = 'runbook_learned' AND json_extract(body, '$.name') = ?1 LIMIT 1",
        )
        .and_then(|mut found| found.query_row([name], |row| row.get(0)).optional())
        .map_err(|error| JournalError::storage("read", error))
}
