//! The journal: append-only, on disk before anything is answered, and the only thing that HTTP and work share.
//!
//! Invariant: an entry is on disk (committed and synced) before the call that wrote it returns.
//! Invariant: one thread writes; it gathers what waits into one commit, so that many writers share one fsync.

mod case;
mod chain;
mod history;
mod intake;
mod lease;
mod lessons;
mod read;
mod releases;
mod store;
mod writer;

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;
use tools::SharedClock;

pub use case::Case;
pub use chain::Broken;
pub use history::History;
pub use intake::{IntakeOptions, Taken};
pub use lease::Lease;
pub use lessons::Proposal;

use crate::incident::{Entry, Event, Incident, IncidentId, OPERATIONS, Outcome, Seq, Who};

/// A handle on the journal; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    writer: writer::Writer,
    readers: read::Readers,
    changed: watch::Receiver<u64>,
}

/// Where the journal is and how much may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalOptions {
    /// The database file; `-wal`, `-shm` and `.lock` stand beside it.
    pub path: PathBuf,
    /// Writes that may wait; beyond it intake is refused and everyone else waits.
    pub queue: usize,
}

/// What can go wrong with the journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another process writes to it.
    #[error("the journal {0} is in use by another devops-agent; stop that one first, or talk to it over HTTP")]
    InUse(PathBuf),
    /// The file is of a later version.
    #[error("the journal {path} has version {found}, this program knows up to {known}; use the newer program")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version known here.
        known: i64,
    },
    /// The database said no: full disk, no permission, not a database.
    #[error("the journal could not be {doing}: {why}")]
    Storage {
        /// What was tried.
        doing: &'static str,
        /// What SQLite or the file system said.
        why: Arc<str>,
    },
    /// No more incidents can wait for work.
    #[error("{open} incidents are open, at most {most} may wait")]
    Full {
        /// Incidents open.
        open: usize,
        /// Incidents allowed.
        most: usize,
    },
    /// No more writes can wait.
    #[error("too many writes wait for the disk")]
    Busy,
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NoSuchIncident(IncidentId),
    /// The lease ran out, and another worker may have the incident.
    #[error("the lease on incident {0} is lost")]
    LeaseLost(IncidentId),
    /// A write that depends on the incident's state found another state.
    #[error("{0}")]
    Conflict(String),
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn storage(doing: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Storage { doing, why: why.to_string().into() }
    }
}

/// One line of a list of incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its number.
    pub id: IncidentId,
    /// One line for people.
    pub title: String,
    /// The service that it is about.
    pub service: Option<String>,
    /// Where it stands.
    pub phase: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// First entry's time.
    pub opened_at: DateTime<Utc>,
    /// Last entry's time.
    pub updated_at: DateTime<Utc>,
    /// Entries written.
    pub entries: Seq,
}

impl Journal {
    /// Opens the journal for this process alone, making it if it is not there; leases of a process that died are dropped.
    ///
    /// # Errors
    /// [`JournalError::InUse`], [`JournalError::Version`] or [`JournalError::Storage`].
    pub fn open(options: &JournalOptions, clock: SharedClock) -> Result<Self, JournalError> {
        let (writer, changed) = writer::Writer::start(options, clock)?;
        Ok(Self { writer, readers: read::Readers::new(options.path.clone()), changed })
    }

    /// The journal to read only, beside a process that may be writing to it; every write is refused as closed.
    pub fn inspect(path: PathBuf) -> Self {
        let (writer, changed) = writer::Writer::absent();
        Self { writer, readers: read::Readers::new(path), changed }
    }

    /// Writes events; they are on disk when this returns.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`] when `lease` no longer holds; else what the database says.
    pub async fn append(
        &self,
        incident: IncidentId,
        events: Vec<Event>,
        lease: Option<Lease>,
    ) -> Result<Vec<Entry>, JournalError> {
        self.writer
            .write(move |batch| {
                if let Some(lease) = &lease {
                    batch.held(lease)?;
                }
                batch.append(incident, events)
            })
            .await
    }

    /// Writes what `decide` makes of the incident as it is, in one piece: nothing can come between look and write.
    ///
    /// # Errors
    /// What `decide` says ([`JournalError::Conflict`]), [`JournalError::NoSuchIncident`], or what the database says.
    pub async fn decide<F>(&self, incident: IncidentId, decide: F) -> Result<Vec<Entry>, JournalError>
    where
        F: FnOnce(&Incident) -> Result<Vec<Event>, JournalError> + Send + 'static,
    {
        self.writer
            .write(move |batch| {
                let events = decide(batch.incident(incident)?)?;
                batch.append(incident, events)
            })
            .await
    }

    /// The same for a worker, while its lease holds.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`], or what the database says.
    pub async fn decide_held<F>(&self, lease: Lease, decide: F) -> Result<Vec<Entry>, JournalError>
    where
        F: FnOnce(&Incident) -> Vec<Event> + Send + 'static,
    {
        self.writer
            .write(move |batch| {
                batch.held(&lease)?;
                let events = decide(batch.incident(lease.incident())?);
                batch.append(lease.incident(), events)
            })
            .await
    }

    /// Opens an incident with these first events.
    ///
    /// # Errors
    /// [`JournalError::Full`] beyond `most` open incidents; else what the database says.
    pub async fn begin(&self, events: Vec<Event>, most: usize) -> Result<IncidentId, JournalError> {
        self.writer.write(move |batch| batch.begin(events, most)).await
    }

    /// Resolves whenever something was written since the last look.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Writes what `decide` makes of an incident and of everything that was changed before, while the lease holds. Nothing can
    /// come between: of two incidents that race for the last change under a cap, one sees the other.
    ///
    /// # Errors
    /// [`JournalError::LeaseLost`], or what the database says.
    pub async fn decide_change<F>(&self, lease: Lease, service: String, decide: F) -> Result<Vec<Entry>, JournalError>
    where
        F: FnOnce(&Incident, &History) -> Vec<Event> + Send + 'static,
    {
        self.writer
            .write(move |batch| {
                batch.held(&lease)?;
                let history = history::read(batch.connection, &service, batch.now)?;
                let events = decide(batch.incident(lease.incident())?, &history);
                batch.append(lease.incident(), events)
            })
            .await
    }

    /// What was changed before, as it matters to a change of `service` at `now`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn history(&self, service: &str, now: DateTime<Utc>) -> Result<History, JournalError> {
        let service = service.to_owned();
        self.readers.read(move |connection| history::read(connection, &service, now)).await
    }

    /// Who stopped every change; `None` while changes may be made.
    ///
    /// # Errors
    /// What the database says.
    pub async fn halted(&self) -> Result<Option<Who>, JournalError> {
        self.readers.read(history::halted).await
    }

    /// Writes what people decided about the agent itself: halts, raised breakers, loaded policies.
    ///
    /// # Errors
    /// What the database says.
    pub async fn operate(&self, event: Event) -> Result<Entry, JournalError> {
        let written = self.writer.write(move |batch| batch.append(OPERATIONS, vec![event])).await?;
        written.into_iter().next().ok_or_else(|| JournalError::storage("written", "no entry came back"))
    }

    /// Whether there is such an incident.
    ///
    /// # Errors
    /// [`JournalError::NoSuchIncident`] when there is not, or what the database says.
    pub async fn exists(&self, id: IncidentId) -> Result<(), JournalError> {
        let found = self.readers.read(move |connection| store::entries(connection, id, 0, 1)).await?;
        if found.is_empty() { Err(JournalError::NoSuchIncident(id)) } else { Ok(()) }
    }

    /// Entries after a place, at most `most`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn entries(&self, incident: IncidentId, after: Seq, most: usize) -> Result<Vec<Entry>, JournalError> {
        self.readers.read(move |connection| store::entries(connection, incident, after, most)).await
    }

    /// The incident as its entries add up.
    ///
    /// # Errors
    /// [`JournalError::NoSuchIncident`], or what the database says.
    pub async fn incident(&self, id: IncidentId) -> Result<(Incident, Vec<Entry>), JournalError> {
        let entries = self.entries(id, 0, usize::MAX).await?;
        if entries.is_empty() {
            return Err(JournalError::NoSuchIncident(id));
        }
        Ok((Incident::replay(id, &entries), entries))
    }

    /// Incidents, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Summary>, JournalError> {
        self.readers.read(move |connection| store::list(connection, &filter)).await
    }

    /// How many incidents stand in each phase, and how many ended in each way.
    ///
    /// # Errors
    /// What the database says.
    pub async fn counts(&self) -> Result<Counts, JournalError> {
        self.readers.read(store::counts).await
    }

    /// Proves the chain of one incident, or of all; gives every break found.
    ///
    /// # Errors
    /// What the database says.
    pub async fn verify(&self, only: Option<IncidentId>) -> Result<(u64, Vec<Broken>), JournalError> {
        self.readers.read(move |connection| chain::verify(connection, only)).await
    }

    /// Writes what waits, gives the leases back and lets the file go.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

/// Which incidents to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this phase.
    pub phase: Option<String>,
    /// Only those of this service.
    pub service: Option<String>,
    /// Only those whose title begins with this alert's name.
    pub title: Option<String>,
    /// Only those to which something was written at that moment or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those with a smaller number: the next page.
    pub before: Option<IncidentId>,
    /// At most so many; 0 means 100.
    pub most: usize,
}

/// Incidents counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// By phase.
    pub phases: Vec<(String, u64)>,
    /// By outcome.
    pub outcomes: Vec<(String, u64)>,
}

/// The word for an outcome in lists.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Repaired => "repaired",
        Outcome::ResolvedByItself => "resolved_by_itself",
        Outcome::HandedOver => "handed_over",
        Outcome::Answered => "answered",
        Outcome::UndoFailed => "undo_failed",
    }
}

#[cfg(test)]
mod tests;
