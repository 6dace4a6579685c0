//! An incident as a worker holds it: what its entries add up to, and leave to write.

use super::{History, Journal, JournalError, Lease};
use crate::incident::{Entry, Event, Incident, Seq};

/// An incident in a worker's hands. Others may write to it meanwhile (Alertmanager, people); every write catches up.
pub struct Case {
    journal: Journal,
    lease: Lease,
    incident: Incident,
    entries: Vec<Entry>,
}

impl Case {
    /// Reads the incident that `lease` holds.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn open(journal: &Journal, lease: Lease) -> Result<Self, JournalError> {
        let (incident, entries) = journal.incident(lease.incident()).await?;
        Ok(Self { journal: journal.clone(), lease, incident, entries })
    }

    /// What the entries add up to.
    pub fn incident(&self) -> &Incident {
        &self.incident
    }

    /// All entries so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at a place.
    pub fn entry(&self, seq: Seq) -> Option<&Entry> {
        usize::try_from(seq).ok().and_then(|seq| self.entries.get(seq.checked_sub(1)?))
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Writes events; on disk when this returns.
    ///
    /// # Errors
    /// What the journal says, [`JournalError::LeaseLost`] among it.
    pub async fn write(&mut self, events: Vec<Event>) -> Result<(), JournalError> {
        let written = self.journal.append(self.lease.incident(), events, Some(self.lease)).await?;
        self.take(written).await
    }

    /// Writes what `decide` makes of the incident as it is at that moment: nothing that others write can come between.
    ///
    /// # Errors
    /// What `decide` or the journal says, [`JournalError::LeaseLost`] among it.
    pub async fn decide<F>(&mut self, decide: F) -> Result<(), JournalError>
    where
        F: FnOnce(&Incident) -> Vec<Event> + Send + 'static,
    {
        let written = self.journal.decide_held(self.lease, decide).await?;
        self.take(written).await
    }

    /// Writes what `decide` makes of the incident and of everything that was changed before; see [`Journal::decide_change`].
    ///
    /// # Errors
    /// What the journal says, [`JournalError::LeaseLost`] among it.
    pub async fn decide_change<F>(&mut self, service: &str, decide: F) -> Result<(), JournalError>
    where
        F: FnOnce(&Incident, &History) -> Vec<Event> + Send + 'static,
    {
        let written = self.journal.decide_change(self.lease, service.to_owned(), decide).await?;
        self.take(written).await
    }

    /// Reads what others have written.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn refresh(&mut self) -> Result<(), JournalError> {
        let entries = self.journal.entries(self.incident.id, self.incident.last_seq, usize::MAX).await?;
        self.push(entries);
        Ok(())
    }

    async fn take(&mut self, written: Vec<Entry>) -> Result<(), JournalError> {
        let next = self.incident.last_seq + 1;
        if written.first().is_some_and(|entry| entry.seq != next) {
            return self.refresh().await;
        }
        self.push(written);
        Ok(())
    }

    fn push(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            self.incident.apply(&entry);
            self.entries.push(entry);
        }
    }
}
