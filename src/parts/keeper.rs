//! Keeps memory in step with runbooks, documents and the journal while the program runs.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use memory::{Collection, Ingested, Memory, MemoryError, Origin, Progress};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior},
};
use tools::{Catalogue, SharedCatalogue};

use super::{Parts, repositories::Repositories};
use crate::{
    guard::{Policy, SharedPolicy},
    incident::IncidentId,
    journal::{Filter, Journal, JournalError, Summary},
    remember::remembered,
    runbook::Library,
};

/// Incidents that are listed at once, newest first.
const LISTED: usize = 1_000;
/// Incidents that are read and written at once.
const AT_ONCE: usize = 50;
/// Between two looks at the journal: it is written to all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// A clock may be set back by so much, and nothing that was written meanwhile is missed.
const SET_BACK: TimeDelta = TimeDelta::hours(1);

/// Which state of which incident of late is in memory, and under which rules; under others each may be kept or not.
#[derive(Clone, Default)]
struct Seen {
    under: Rules,
    at: BTreeMap<IncidentId, DateTime<Utc>>,
}

/// What decides whether an incident is kept: the policy, and the services with the environments that its rules are about.
#[derive(Clone, Default, PartialEq)]
struct Rules {
    policy: String,
    services: Vec<(String, Option<String>)>,
}

impl Rules {
    fn of(policy: &Policy, catalogue: &Catalogue) -> Self {
        let services = catalogue.iter().map(|service| (service.name.clone(), service.environment.clone()));
        Self { policy: policy.hash.clone(), services: services.collect() }
    }
}

impl Seen {
    /// From when on the journal is looked at; `None`: from its beginning.
    fn since(&self) -> Option<DateTime<Utc>> {
        self.at.values().max().map(|newest| *newest - SET_BACK)
    }
}

/// Keeps memory in step with what it is an index of.
pub struct Keeper {
    memory: Arc<Memory>,
    journal: Journal,
    catalogue: SharedCatalogue,
    discovered: Arc<AtomicBool>,
    policy: SharedPolicy,
    library: Arc<Library>,
    documents: Vec<PathBuf>,
    repositories: Repositories,
    every: Duration,
}

impl Parts {
    /// Keeps memory in step; `None` without one.
    pub fn keeper(&self) -> Option<Keeper> {
        Some(Keeper {
            memory: Arc::clone(self.memory.as_ref()?),
            journal: self.journal.clone(),
            catalogue: self.catalogue.clone(),
            discovered: Arc::clone(&self.discovered),
            policy: self.policy.clone(),
            library: Arc::clone(&self.library),
            documents: self.settings.memory.documents.clone(),
            repositories: Repositories::new(self.reach.github.clone(), &self.settings.memory.repositories),
            every: self.settings.memory.every,
        })
    }
}

impl Keeper {
    /// Keeps it in step until `stop` says so. A store that is down is said and tried again.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.follow_documents() => {}
            () = self.follow_journal() => {}
        }
    }

    /// Looks at runbooks and documents when it is due, and at once when the runbooks were read again.
    async fn follow_documents(&self) {
        let mut reloads = self.library.reloads();
        let mut due = self.interval();
        while woken(&mut due, &mut reloads).await {
            self.look_at_documents().await;
        }
    }

    /// Looks at the journal when it was written to, or another policy was loaded; and when it is due, since the catalogue may be another.
    async fn follow_journal(&self) {
        let (mut changes, mut policies) = (self.journal.changes(), self.policy.changes());
        let mut seen = Seen::default();
        let mut due = self.interval();
        while tokio::select! {
            goes_on = woken(&mut due, &mut changes) => goes_on,
            // Held by this keeper too: it never ends.
            changed = policies.changed() => changed.is_ok(),
        } {
            match self.incidents(&mut seen).await {
                Ok(_) => {}
                Err(Trouble::Journal(JournalError::Closed)) => return,
                Err(error) => tracing::warn!(%error, "memory is behind the journal; it is tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn interval(&self) -> Interval {
        let mut due = tokio::time::interval(self.every.max(PAUSE));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        due
    }

    async fn look_at_documents(&self) {
        match self.index(&|_, _| {}).await {
            Ok(done) => {
                for bad in done.iter().flat_map(|(_, ingested)| &ingested.bad) {
                    tracing::warn!(%bad, "a document cannot be read; the others are in memory");
                }
            }
            Err(error) => tracing::warn!(%error, "memory is behind its documents; it is tried again"),
        }
    }

    /// Makes memory hold the runbooks and documents as they are now. A repository that cannot be read is said, and stays as it is.
    ///
    /// # Errors
    /// When a folder cannot be read, or the store or the embeddings endpoint fails.
    pub async fn index(
        &self,
        progress: &(dyn Fn(Collection, Progress) + Send + Sync),
    ) -> Result<Vec<(Collection, Ingested)>, MemoryError> {
        let runbooks: Vec<_> = self
            .library
            .iter()
            .map(|runbook| Origin::Text {
                source: runbook.file.clone(),
                text: format!("# {}\n\n{}", runbook.title, runbook.prose),
            })
            .collect();
        let runbooks =
            self.memory.index(Collection::Runbooks, &runbooks, &|at| progress(Collection::Runbooks, at)).await?;
        let documents = self.documents(&|at| progress(Collection::Documents, at)).await?;
        Ok(vec![(Collection::Runbooks, runbooks), (Collection::Documents, documents)])
    }

    /// Folders and repositories; of these in as many rounds as it takes to fetch them.
    async fn documents(&self, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Ingested, MemoryError> {
        let folders: Vec<_> = self.documents.iter().cloned().map(Origin::Folder).collect();
        if self.repositories.are_none() {
            return self.memory.index(Collection::Documents, &folders, progress).await;
        }
        let mut done = Ingested::default();
        loop {
            let had = self.memory.versions(Collection::Documents).await?;
            let round = self.repositories.round(&had).await;
            let origins: Vec<_> = folders.iter().cloned().chain(round.origins).collect();
            let ingested = self.memory.index(Collection::Documents, &origins, progress).await?;
            self.repositories.are_bad(&ingested.bad).await;
            let written = ingested.written;
            done.bad.retain(|bad| !ingested.bad.contains(bad));
            done = Ingested {
                documents: ingested.documents,
                written: done.written + written,
                removed: done.removed + ingested.removed,
                bad: [done.bad, ingested.bad].concat(),
            };
            // A round that wrote nothing would be the last one again.
            if !round.more || written == 0 {
                return Ok(done);
            }
        }
    }

    /// Makes memory hold every incident that is over, and none that people or the policy do not want kept. Says how many were
    /// written and how many went.
    ///
    /// # Errors
    /// What the journal, the store or the embeddings endpoint says.
    pub async fn all_incidents(&self) -> Result<(usize, usize), Trouble> {
        self.incidents(&mut Seen::default()).await
    }

    /// Those that are not in memory as `seen` has them; all of them at first, and when policy or catalogue are others. A failure halfway
    /// leaves `seen` as it was: doing it again changes nothing.
    async fn incidents(&self, seen: &mut Seen) -> Result<(usize, usize), Trouble> {
        // Before the catalogue, so that it is not taken for whole when it was read before it was.
        let discovered = self.discovered.load(Ordering::Acquire);
        let (policy, catalogue) = (self.policy.load(), self.catalogue.load());
        // What names a service that is not known yet cannot be told from what may be kept.
        let mut trouble = (!discovered && !policy.remembers_all()).then_some(Trouble::Undiscovered);
        let under = Rules::of(&policy, &catalogue);
        let other = seen.under != under;
        let mut next = if !other { seen.clone() } else { Seen { under, ..Seen::default() } };
        let phase = Some("closed".to_owned());
        let mut page = Filter { phase, since: next.since(), most: LISTED, ..Filter::default() };
        let (mut written, mut gone) = (0, Vec::new());
        loop {
            let listed = self.journal.list(page.clone()).await?;
            page.before = listed.last().map(|summary| summary.id);
            let is_new = |summary: &&Summary| next.at.get(&summary.id) != Some(&summary.updated_at);
            let new: Vec<_> = listed.iter().filter(is_new).collect();
            for chunk in new.chunks(AT_ONCE) {
                let mut kept = Vec::new();
                for summary in chunk {
                    let (incident, entries) = self.journal.incident(summary.id).await?;
                    match remembered(&incident, &entries, &catalogue, &policy) {
                        Some(remembered) => kept.push(remembered),
                        None => gone.push(summary.id),
                    }
                }
                // What keeps out what is new, such as an endpoint that is down, does not keep in what is to go.
                if trouble.is_none() {
                    match self.memory.follow(&kept, &[]).await {
                        Ok((more, _)) => written += more,
                        Err(error) => trouble = Some(error.into()),
                    }
                }
            }
            next.at.extend(listed.iter().map(|summary| (summary.id, summary.updated_at)));
            if listed.len() < LISTED {
                break;
            }
        }
        // All at once: the embedded store is made anew without them.
        let (_, removed) = self.memory.follow(&[], &gone).await?;
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        // Lines that are not to be kept any more were written over.
        if other && written > 0 && removed == 0 {
            self.memory.renew(Collection::Incidents).await?;
        }
        let since = next.since();
        next.at.retain(|_, at| since.is_none_or(|since| *at >= since));
        *seen = next;
        Ok((written, removed))
    }
}

/// Waits until it is due, or something has changed since the last look; `false` when nothing will change any more.
async fn woken<T>(due: &mut Interval, changes: &mut watch::Receiver<T>) -> bool {
    let goes_on = tokio::select! {
        _ = due.tick() => true,
        changed = changes.changed() => changed.is_ok(),
    };
    changes.mark_unchanged();
    goes_on
}

/// Why memory could not be brought in step.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store, or the embeddings endpoint.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Which services there are is not known, and the policy keeps nothing of some.
    #[error(
        "Docker has not told yet which services there are, and the policy keeps nothing of some: nothing new is remembered until then"
    )]
    Undiscovered,
}
