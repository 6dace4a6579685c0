//! Memory while the program runs: opened once, and kept in step with runbooks, documents and the journal.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use memory::{
    Collection, EmbeddingOptions, Ingested, Memory, MemoryError, MemoryOptions, Origin, Place, Progress, ServerOptions,
};
use tokio::sync::watch;
use tools::{SharedCatalogue, SharedClock};

use super::Parts;
use crate::{
    config::Settings,
    guard::SharedPolicy,
    incident::IncidentId,
    journal::{Filter, Journal, JournalError},
    remember::remembered,
    runbook::Library,
};

/// Incidents that are looked at, newest first.
const MOST: usize = 10_000;
/// Incidents that are read and written at once.
const AT_ONCE: usize = 50;
/// Between two looks at the journal: it is written to all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// Memory as the settings want it; `None` where they want none.
///
/// # Errors
/// When another process has its folder, or an address is none.
pub(super) fn open(settings: &Settings, client: &reqwest::Client, clock: &SharedClock) -> Result<Option<Arc<Memory>>> {
    let set = &settings.memory;
    if !set.enabled {
        return Ok(None);
    }
    let place = if !set.url.is_empty() {
        Place::Server(ServerOptions {
            url: set.url.parse().context("[memory] url")?,
            api_key: set.api_key.clone().unwrap_or_default(),
            prefix: set.prefix.clone(),
            timeout: set.timeout,
            connect_timeout: set.connect_timeout,
        })
    } else {
        Place::Embedded { folder: settings.memory_folder(), reserve: set.reserve as u64 }
    };
    let options = MemoryOptions {
        embeddings: embeddings(settings, client, clock)?,
        threshold: set.threshold,
        nearness: set.embeddings.nearness,
        ..MemoryOptions::at(place)
    };
    let memory = Memory::open(options, tools::clean).context("[memory]")?;
    Ok(Some(Arc::new(memory)))
}

fn embeddings(settings: &Settings, client: &reqwest::Client, clock: &SharedClock) -> Result<Option<EmbeddingOptions>> {
    let set = &settings.memory.embeddings;
    if set.base_url.is_empty() {
        return Ok(None);
    }
    let (pausing, telling) = (Arc::clone(clock), Arc::clone(clock));
    Ok(Some(EmbeddingOptions {
        client: client.clone(),
        base_url: set.base_url.parse().context("[memory.embeddings] base_url")?,
        api_key: set.api_key.clone().unwrap_or_default(),
        model: set.model.clone(),
        timeout: set.timeout,
        retries: set.retries,
        longest_wait: set.longest_wait,
        answer_max: set.answer_max,
        pause: Arc::new(move |wait| {
            let clock = Arc::clone(&pausing);
            Box::pin(async move { clock.sleep(wait).await })
        }),
        now: Arc::new(move || telling.now()),
    }))
}

/// A clock may be set back by so much, and nothing that was written meanwhile is missed.
const SET_BACK: TimeDelta = TimeDelta::hours(1);

/// Which state of which incident of late is in memory.
type Seen = BTreeMap<IncidentId, DateTime<Utc>>;

/// Keeps memory in step with what it is an index of.
pub struct Keeper {
    memory: Arc<Memory>,
    journal: Journal,
    catalogue: SharedCatalogue,
    policy: SharedPolicy,
    library: Arc<Library>,
    documents: Vec<PathBuf>,
    every: Duration,
}

impl Parts {
    /// Keeps memory in step; `None` without one.
    pub fn keeper(&self) -> Option<Keeper> {
        Some(Keeper {
            memory: Arc::clone(self.memory.as_ref()?),
            journal: self.journal.clone(),
            catalogue: self.catalogue.clone(),
            policy: self.policy.clone(),
            library: Arc::clone(&self.library),
            documents: self.settings.memory.documents.clone(),
            every: self.settings.memory.every,
        })
    }
}

impl Keeper {
    /// Keeps it in step until `stop` says so. A store that is down is said and tried again.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.journal.changes();
        let mut seen = Seen::new();
        let mut due = tokio::time::interval(self.every.max(PAUSE));
        loop {
            let documents = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = due.tick() => true,
                changed = changes.changed() => if changed.is_err() { return } else { false },
            };
            if documents {
                self.look_at_documents().await;
            }
            changes.mark_unchanged();
            match self.incidents(&mut seen).await {
                Ok(_) => {}
                Err(Trouble::Journal(JournalError::Closed)) => return,
                Err(error) => tracing::warn!(%error, "memory is behind the journal; it is tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
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

    /// Makes memory hold the runbooks and documents as they are now.
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
        let documents: Vec<_> = self.documents.iter().cloned().map(Origin::Folder).collect();
        let mut done = Vec::new();
        for (collection, origins) in [(Collection::Runbooks, runbooks), (Collection::Documents, documents)] {
            let ingested = self.memory.index(collection, &origins, &|at| progress(collection, at)).await?;
            done.push((collection, ingested));
        }
        Ok(done)
    }

    /// Makes memory hold every incident that is over, and none that people or the policy do not want kept. Says how many were
    /// written and how many went.
    ///
    /// # Errors
    /// What the journal, the store or the embeddings endpoint says.
    pub async fn all_incidents(&self) -> Result<(usize, usize), Trouble> {
        self.incidents(&mut Seen::new()).await
    }

    /// Those that are not in memory as `seen` has them; all of them at first. A failure halfway leaves `seen` as it was: doing it again
    /// changes nothing.
    async fn incidents(&self, seen: &mut Seen) -> Result<(usize, usize), Trouble> {
        let since = seen.values().max().map(|newest| *newest - SET_BACK);
        let closed = Filter { phase: Some("closed".to_owned()), since, most: MOST, ..Filter::default() };
        let mut new = self.journal.list(closed).await?;
        new.retain(|summary| seen.get(&summary.id) != Some(&summary.updated_at));
        let (mut written, mut removed) = (0, 0);
        for chunk in new.chunks(AT_ONCE) {
            let (mut kept, mut gone) = (Vec::new(), Vec::new());
            for summary in chunk {
                let (incident, entries) = self.journal.incident(summary.id).await?;
                match remembered(&incident, &entries, &self.catalogue.load(), &self.policy.load()) {
                    Some(remembered) => kept.push(remembered),
                    None => gone.push(summary.id),
                }
            }
            let (more, fewer) = self.memory.follow(&kept, &gone).await?;
            (written, removed) = (written + more, removed + fewer);
        }
        seen.extend(new.into_iter().map(|summary| (summary.id, summary.updated_at)));
        seen.retain(|_, at| since.is_none_or(|since| *at >= since));
        Ok((written, removed))
    }
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
}
