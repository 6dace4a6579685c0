//! The tables and the statements on them.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Counts, Filter, JournalError, Summary, history};
use crate::incident::{Entry, Event, Incident, IncidentId, Phase, Seq};

/// The version of the tables; a file of a later one is refused.
pub(super) const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE entries (
    incident INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (incident, seq)
) WITHOUT ROWID;
CREATE TABLE incidents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, service TEXT, phase TEXT NOT NULL, outcome TEXT,
    opened_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, due INTEGER, seq INTEGER NOT NULL, head BLOB NOT NULL
);
CREATE INDEX incidents_due ON incidents (due) WHERE due IS NOT NULL;
CREATE INDEX incidents_phase ON incidents (phase);
CREATE TABLE episodes (
    fingerprint TEXT NOT NULL, starts_at INTEGER NOT NULL, incident INTEGER NOT NULL, resolved INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, starts_at)
) WITHOUT ROWID;
CREATE TABLE changes (
    service TEXT NOT NULL, at INTEGER NOT NULL, incident INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (service, at, incident, seq)
) WITHOUT ROWID;
CREATE TABLE leases (incident INTEGER PRIMARY KEY, token INTEGER NOT NULL, until INTEGER NOT NULL);
";

/// Sets a fresh connection up and makes the tables where there are none.
pub(super) fn prepare(connection: &Connection, path: &std::path::Path) -> Result<(), JournalError> {
    let opening = |error: rusqlite::Error| JournalError::storage("opened", format!("{}: {error}", path.display()));
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; PRAGMA cache_size = -4000;")
        .map_err(opening)?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(opening)?;
    match found {
        0 => migrate(connection, &[TABLES, history::TABLES]).map_err(opening),
        1 => migrate(connection, &[history::TABLES]).map_err(opening),
        VERSION => Ok(()),
        found => Err(JournalError::Version { path: path.to_owned(), found, known: VERSION }),
    }
}

fn migrate(connection: &Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let steps = steps.concat();
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;"))
}

/// Microseconds since the epoch: sortable, exact, and small.
pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

pub(super) fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// One stored entry with its hash, as the chain needs it.
pub(super) struct Stored {
    pub(super) incident: IncidentId,
    pub(super) seq: Seq,
    pub(super) at: i64,
    pub(super) body: String,
    pub(super) hash: Vec<u8>,
}

impl Stored {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { incident: row.get(0)?, seq: row.get(1)?, at: row.get(2)?, body: row.get(3)?, hash: row.get(4)? })
    }

    fn entry(self) -> Result<Entry, JournalError> {
        let event: Event = serde_json::from_str(&self.body).map_err(|error| {
            JournalError::storage("read", format!("entry {} of incident {}: {error}", self.seq, self.incident))
        })?;
        Ok(Entry { seq: self.seq, at: moment(self.at), incident: self.incident, event })
    }
}

fn reading(error: rusqlite::Error) -> JournalError {
    JournalError::storage("read", error)
}

/// Entries of an incident after a place.
pub(super) fn entries(
    connection: &Connection,
    incident: IncidentId,
    after: Seq,
    most: usize,
) -> Result<Vec<Entry>, JournalError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT incident, seq, at, body, hash FROM entries WHERE incident = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        )
        .map_err(reading)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![incident, after, most], Stored::from_row).map_err(reading)?;
    rows.map(|row| row.map_err(reading)?.entry()).collect()
}

/// The incident as its entries add up, and the hash of its last entry; `None` when it has none.
pub(super) fn incident(connection: &Connection, id: IncidentId) -> Result<Option<(Incident, Vec<u8>)>, JournalError> {
    let head: Option<Vec<u8>> = connection
        .prepare_cached("SELECT head FROM incidents WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .map_err(reading)?;
    let Some(head) = head else { return Ok(None) };
    Ok(Some((Incident::replay(id, &entries(connection, id, 0, usize::MAX)?), head)))
}

/// Incidents that are not over, oldest first.
pub(super) fn open_incidents(connection: &Connection) -> Result<Vec<IncidentId>, JournalError> {
    connection
        .prepare("SELECT id FROM incidents WHERE phase <> 'closed' ORDER BY id")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(reading)
}

/// The phase as its word.
pub(super) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Open => "open",
        Phase::Investigating => "investigating",
        Phase::AwaitingApproval => "awaiting_approval",
        Phase::Changing => "changing",
        Phase::Verifying => "verifying",
        Phase::Concluded => "concluded",
        Phase::Closed => "closed",
    }
}

/// Incidents, newest first.
pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<Summary>, JournalError> {
    let most = if filter.most == 0 { 100 } else { filter.most };
    let mut statement = connection
        .prepare_cached(
            "SELECT id, title, service, phase, outcome, opened_at, updated_at, seq FROM incidents
             WHERE id > 0 AND (?1 IS NULL OR phase = ?1) AND (?2 IS NULL OR service = ?2)
               AND (?3 IS NULL OR substr(title, 1, length(?3)) = ?3) AND (?4 IS NULL OR updated_at >= ?4)
               AND (?5 IS NULL OR id < ?5)
             ORDER BY id DESC LIMIT ?6",
        )
        .map_err(reading)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let since = filter.since.map(micros);
    let rows =
        statement.query_map(params![filter.phase, filter.service, filter.title, since, filter.before, most], |row| {
            Ok(Summary {
                id: row.get(0)?,
                title: row.get(1)?,
                service: row.get(2)?,
                phase: row.get(3)?,
                outcome: row.get(4)?,
                opened_at: moment(row.get(5)?),
                updated_at: moment(row.get(6)?),
                entries: row.get(7)?,
            })
        });
    rows.and_then(Iterator::collect).map_err(reading)
}

/// Incidents by phase and by outcome.
pub(super) fn counts(connection: &Connection) -> Result<Counts, JournalError> {
    let grouped = |sql: &str| -> rusqlite::Result<Vec<(String, u64)>> {
        connection.prepare_cached(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let phases =
        grouped("SELECT phase, COUNT(*) FROM incidents WHERE id > 0 GROUP BY phase ORDER BY phase").map_err(reading)?;
    let outcomes =
        grouped("SELECT outcome, COUNT(*) FROM incidents WHERE id > 0 AND outcome IS NOT NULL GROUP BY outcome ORDER BY outcome")
            .map_err(reading)?;
    Ok(Counts { phases, outcomes })
}
