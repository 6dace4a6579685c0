//! The hash chain: each entry carries the hash of the one before, so that a changed or missing entry is found.

use rusqlite::Connection;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{JournalError, store::Stored};
use crate::incident::{IncidentId, OPERATIONS, Seq};

/// The hash before the first entry of every incident.
pub(super) const GENESIS: [u8; 32] = [0; 32];

/// A place at which the chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The incident.
    pub incident: IncidentId,
    /// The entry at which it was seen; 0 when the whole incident is concerned.
    pub seq: Seq,
    /// What was seen.
    pub what: String,
}

/// SHA-256 over the hash before, the entry's place and time, and its body as stored.
pub(super) fn hash(before: &[u8], incident: IncidentId, seq: Seq, at: i64, body: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(incident.to_be_bytes());
    digest.update(seq.to_be_bytes());
    digest.update(at.to_be_bytes());
    digest.update(body.as_bytes());
    digest.finalize().into()
}

/// Walks the chains; gives how many entries were read and every break.
pub(super) fn verify(connection: &Connection, only: Option<IncidentId>) -> Result<(u64, Vec<Broken>), JournalError> {
    let reading = |error: rusqlite::Error| JournalError::storage("read", error);
    let mut walk = Walk::default();
    let mut statement = connection
        .prepare("SELECT incident, seq, at, body, hash FROM entries WHERE ?1 IS NULL OR incident = ?1 ORDER BY incident, seq")
        .map_err(reading)?;
    for row in statement.query_map([only], Stored::from_row).map_err(reading)? {
        walk.step(&row.map_err(reading)?);
    }
    let mut heads = connection
        .prepare("SELECT id, seq, head FROM incidents WHERE ?1 IS NULL OR id = ?1 ORDER BY id")
        .map_err(reading)?;
    let rows = heads
        .query_map([only], |row| Ok((row.get::<_, IncidentId>(0)?, row.get::<_, Seq>(1)?, row.get::<_, Vec<u8>>(2)?)))
        .map_err(reading)?;
    let mut expected: IncidentId = OPERATIONS;
    for row in rows {
        let (id, seq, head) = row.map_err(reading)?;
        if only.is_none() {
            for missing in expected..id {
                walk.broken(missing, 0, "the whole incident is missing".to_owned());
            }
        }
        expected = id + 1;
        match walk.ends.iter().find(|(incident, ..)| *incident == id) {
            Some((_, last, end)) if *last == seq && *end == head => {}
            Some((_, last, _)) if *last < seq => {
                walk.broken(id, last + 1, format!("entries {} to {seq} are missing at the end", last + 1));
            }
            Some((_, last, _)) => {
                walk.broken(id, *last, "the last entry is not the one that was written last".to_owned())
            }
            // Nobody has decided anything about the agent itself yet.
            None if id == OPERATIONS && seq == 0 && head == GENESIS => {}
            None => walk.broken(id, 0, "all its entries are missing".to_owned()),
        }
    }
    Ok((walk.read, walk.found))
}

#[derive(Default)]
struct Walk {
    read: u64,
    ends: Vec<(IncidentId, Seq, Vec<u8>)>,
    found: Vec<Broken>,
}

impl Walk {
    fn step(&mut self, entry: &Stored) {
        self.read += 1;
        let (seq, before) = match self.ends.last() {
            Some((incident, seq, hash)) if *incident == entry.incident => (seq + 1, hash.clone()),
            Some(_) | None => (1, GENESIS.to_vec()),
        };
        if entry.seq != seq {
            self.broken(entry.incident, seq, format!("entry {seq} is missing; {} follows", entry.seq));
        } else if hash(&before, entry.incident, entry.seq, entry.at, &entry.body).as_slice() != entry.hash {
            self.broken(entry.incident, entry.seq, "the entry was changed after it was written".to_owned());
        }
        match self.ends.last_mut() {
            Some(end) if end.0 == entry.incident => *end = (entry.incident, entry.seq, entry.hash.clone()),
            Some(_) | None => self.ends.push((entry.incident, entry.seq, entry.hash.clone())),
        }
    }

    fn broken(&mut self, incident: IncidentId, seq: Seq, what: String) {
        self.found.push(Broken { incident, seq, what });
    }
}
