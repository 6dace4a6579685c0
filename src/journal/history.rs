//! What was changed lately, by whichever incident, and what people decided about the agent itself: the numbers behind a verdict.
//!
//! Invariant: it is read in the transaction that writes the verdict's beginning, so that two incidents cannot both pass one cap.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use tools::Touches;

use super::{
    JournalError,
    store::{micros, moment},
};
use crate::incident::{Entry, Event, IncidentId, OPERATIONS, Who};

/// Rows that one question reads at most: more than any sensible cap.
const MOST: i64 = 1_000;

/// The tables behind it, as of version 2.
pub(super) const TABLES: &str = "
ALTER TABLE changes ADD COLUMN call TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN finished INTEGER;
ALTER TABLE changes ADD COLUMN image TEXT;
ALTER TABLE changes ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
UPDATE changes SET finished = at;
CREATE INDEX changes_at ON changes (at);
CREATE INDEX changes_running ON changes (incident, call) WHERE finished IS NULL;
CREATE INDEX incidents_open ON incidents (service) WHERE phase <> 'closed';
CREATE TABLE breakers (service TEXT PRIMARY KEY, failed INTEGER NOT NULL, tripped INTEGER) WITHOUT ROWID;
CREATE TABLE operations (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO incidents (id, title, phase, opened_at, updated_at, seq, head)
    VALUES (0, 'operations', 'closed', 0, 0, 0, zeroblob(32));
";

/// What a verdict has to know of everything that happened before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// Who stopped every change.
    pub halted: Option<Who>,
    /// When the service was last changed.
    pub last_change: Option<DateTime<Utc>>,
    /// Changes to the service within the last hour.
    pub service_in_hour: u64,
    /// Changes to all services within the last hour.
    pub fleet_in_hour: u64,
    /// Changes under way, as service and incident.
    pub running: Vec<(String, IncidentId)>,
    /// Services with an open incident.
    pub open: Vec<(String, IncidentId)>,
    /// Changes to the service in a row that did not help, and whether that has tripped its breaker.
    pub service_failed: (u64, bool),
    /// The same for the whole fleet.
    pub fleet_failed: (u64, bool),
}

fn reading(error: rusqlite::Error) -> JournalError {
    JournalError::storage("read", error)
}

/// The history as it matters to a change of `service`.
pub(super) fn read(connection: &Connection, service: &str, now: DateTime<Utc>) -> Result<History, JournalError> {
    let since = micros(now - TimeDelta::hours(1));
    let count = |sql: &str, values: &[&dyn rusqlite::ToSql]| -> Result<u64, JournalError> {
        connection.prepare_cached(sql).and_then(|mut found| found.query_row(values, |row| row.get(0))).map_err(reading)
    };
    let pairs = |sql: &str| -> Result<Vec<(String, IncidentId)>, JournalError> {
        let rows = |mut found: rusqlite::CachedStatement<'_>| -> rusqlite::Result<Vec<_>> {
            found.query_map([MOST], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        connection.prepare_cached(sql).and_then(rows).map_err(reading)
    };
    Ok(History {
        halted: halted(connection)?,
        last_change: last_change(connection, service)?,
        service_in_hour: count(
            "SELECT COUNT(*) FROM (SELECT 1 FROM changes WHERE service = ?1 AND at > ?2 LIMIT ?3)",
            &[&service, &since, &MOST],
        )?,
        fleet_in_hour: count("SELECT COUNT(*) FROM (SELECT 1 FROM changes WHERE at > ?1 LIMIT ?2)", &[&since, &MOST])?,
        running: pairs("SELECT service, incident FROM changes WHERE finished IS NULL LIMIT ?1")?,
        open: pairs(
            "SELECT service, MIN(id) FROM incidents WHERE phase <> 'closed' AND service IS NOT NULL GROUP BY service LIMIT ?1",
        )?,
        service_failed: failed(connection, service)?,
        fleet_failed: failed(connection, "")?,
    })
}

/// Who stopped every change.
pub(super) fn halted(connection: &Connection) -> Result<Option<Who>, JournalError> {
    let found: Option<String> = connection
        .prepare_cached("SELECT value FROM operations WHERE name = 'halt'")
        .and_then(|mut found| found.query_row([], |row| row.get(0)).optional())
        .map_err(reading)?;
    // A row that does not parse is a halt all the same: doubt is a no.
    let unknown = || Who { by: "somebody".to_owned(), from: String::new(), because: String::new() };
    Ok(found.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| unknown())))
}

fn last_change(connection: &Connection, service: &str) -> Result<Option<DateTime<Utc>>, JournalError> {
    connection
        .prepare_cached("SELECT MAX(at) FROM changes WHERE service = ?1")
        .and_then(|mut found| found.query_row([service], |row| row.get::<_, Option<i64>>(0)))
        .map(|at| at.map(moment))
        .map_err(reading)
}

fn failed(connection: &Connection, service: &str) -> Result<(u64, bool), JournalError> {
    connection
        .prepare_cached("SELECT failed, tripped IS NOT NULL FROM breakers WHERE service = ?1")
        .and_then(|mut found| found.query_row([service], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map(Option::unwrap_or_default)
        .map_err(reading)
}

/// Takes an entry into account that is being written.
pub(super) fn project(connection: &Connection, entry: &Entry) -> Result<(), JournalError> {
    let (at, incident, seq) = (micros(entry.at), entry.incident, entry.seq);
    match &entry.event {
        Event::ChangeBegun { call, service, touches: Touches::Service, effect, .. } => {
            run(connection, BEGUN, params![service, at, incident, seq, call.id, effect.image])
        }
        // Looked up after a crash and found never to have run: it counts for nothing.
        Event::ChangeDone { call, ok: false, found: true, .. } => run(connection, NOT_RUN, params![incident, call]),
        Event::Verified { call, ok: true, .. } => {
            run(connection, HELPED, params![incident, call])?;
            run(connection, PROVEN, params![incident, call, at])
        }
        Event::Undone { call, .. } => {
            count_failure(connection, incident, call)?;
            run(connection, FINISHED, params![incident, call, at])
        }
        Event::Closed { .. } => run(connection, CLOSED, params![incident, at]),
        Event::BreakerTripped { service, .. } => run(connection, TRIPPED, params![service, at]),
        Event::BreakerRaised { service, .. } if incident == OPERATIONS => run(connection, RAISED, params![service]),
        Event::Halted { who } if incident == OPERATIONS => {
            let who = serde_json::to_string(who).map_err(|error| JournalError::storage("written", error))?;
            run(connection, HALTED, params![who])
        }
        Event::Resumed { .. } if incident == OPERATIONS => run(connection, RESUMED, params![]),
        Event::ChangeBegun { .. }
        | Event::ChangeDone { .. }
        | Event::Verified { .. }
        | Event::BreakerRaised { .. }
        | Event::Halted { .. }
        | Event::Resumed { .. }
        | Event::PolicyLoaded { .. }
        | Event::Opened { .. }
        | Event::AlertJoined { .. }
        | Event::AlertResolved { .. }
        | Event::Asked { .. }
        | Event::FellBack { .. }
        | Event::Turned { .. }
        | Event::Judged { .. }
        | Event::ApprovalWanted { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalExpired { .. }
        | Event::Answered { .. }
        | Event::BudgetReached { .. }
        | Event::SentBack { .. }
        | Event::Concluded { .. }
        | Event::HandedOver { .. }
        | Event::Feedback { .. }
        | Event::Forgotten { .. }
        | Event::RunbookLearned { .. } => Ok(()),
    }
}

const BEGUN: &str = "INSERT INTO changes (service, at, incident, seq, call, image) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const NOT_RUN: &str = "DELETE FROM changes WHERE incident = ?1 AND call = ?2 AND finished IS NULL";
const FINISHED: &str = "UPDATE changes SET finished = ?3 WHERE incident = ?1 AND call = ?2 AND finished IS NULL";
const PROVEN: &str =
    "UPDATE changes SET finished = ?3, proven = 1 WHERE incident = ?1 AND call = ?2 AND finished IS NULL";
const CLOSED: &str = "UPDATE changes SET finished = ?2 WHERE incident = ?1 AND finished IS NULL";
/// One that helped ends the row of those that did not, unless the breaker is tripped: then only a person does.
const HELPED: &str = "UPDATE breakers SET failed = 0 WHERE tripped IS NULL AND (service = '' OR service =
    (SELECT service FROM changes WHERE incident = ?1 AND call = ?2 AND finished IS NULL))
    AND EXISTS (SELECT 1 FROM changes WHERE incident = ?1 AND call = ?2 AND finished IS NULL)";
const FAILED: &str =
    "INSERT INTO breakers (service, failed) VALUES (?1, 1) ON CONFLICT (service) DO UPDATE SET failed = failed + 1";
const TRIPPED: &str = "UPDATE breakers SET tripped = ?2 WHERE service = ?1";
const RAISED: &str = "UPDATE breakers SET failed = 0, tripped = NULL WHERE service = ?1";
const HALTED: &str = "INSERT OR REPLACE INTO operations (name, value) VALUES ('halt', ?1)";
const RESUMED: &str = "DELETE FROM operations WHERE name = 'halt'";

fn count_failure(connection: &Connection, incident: IncidentId, call: &str) -> Result<(), JournalError> {
    let service: Option<String> = connection
        .prepare_cached("SELECT service FROM changes WHERE incident = ?1 AND call = ?2 AND finished IS NULL")
        .and_then(|mut found| found.query_row(params![incident, call], |row| row.get(0)).optional())
        .map_err(reading)?;
    let Some(service) = service else { return Ok(()) };
    run(connection, FAILED, params![service])?;
    run(connection, FAILED, params![""])
}

fn run(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<(), JournalError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map(drop)
        .map_err(|error| JournalError::storage("written", error))
}
