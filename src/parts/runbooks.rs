//! The runbooks while the program runs: read again when they change, and learnt.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::json;
use tools::{Origin, Service};

use super::Parts;
use crate::{
    agent::Agent,
    config::Settings,
    http,
    learn::{Learner, LearnerParts, SERVICE, Where},
    runbook::{Library, ParseError},
};

/// How often the folder is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// The runbooks after they were read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// How many hold.
    pub runbooks: usize,
    /// Those that do not parse and are left out.
    pub left_out: Vec<ParseError>,
}

/// The repository of runbooks is an entry of the catalogue, so that a pull request to it is judged like any other.
pub(super) fn keep(settings: &Settings, services: &mut Vec<Service>) {
    let repository = &settings.runbooks.repository;
    if repository.is_empty() {
        return;
    }
    match services.iter_mut().find(|service| service.name == SERVICE) {
        Some(service) => service.repository = Some(repository.clone()),
        None => {
            let repository = Some(repository.clone());
            services.push(Service { repository, ..Service::named(SERVICE, Origin::Settings) });
        }
    }
}

/// Where the runbooks stand, and who has to know when they change.
struct Shelf {
    folder: PathBuf,
    library: Arc<Library>,
    agent: Arc<Agent>,
}

impl Shelf {
    fn reload(&self) -> Result<Reloaded, String> {
        let folder = self.folder.display();
        let left_out = self
            .library
            .reload(&self.folder)
            .map_err(|error| format!("{folder} cannot be read: {error}; the runbooks are as before"))?;
        self.agent.guard.trust(&self.library.text());
        Ok(Reloaded { runbooks: self.library.iter().count(), left_out })
    }
}

impl Parts {
    /// Reads the runbooks again: for the model that walks them, for models that are shown them, and for the guard, which takes names
    /// from them.
    ///
    /// # Errors
    /// When the folder cannot be read; they are as before then.
    pub fn reload_runbooks(&self) -> Result<Reloaded, String> {
        self.shelf().reload()
    }

    fn shelf(&self) -> Shelf {
        Shelf {
            folder: self.settings.runbooks.folder.clone(),
            library: Arc::clone(&self.library),
            agent: Arc::clone(&self.agent),
        }
    }

    /// Reads them again whenever a file of the folder has changed.
    pub async fn keep_reloading_runbooks(&self) {
        let folder = &self.settings.runbooks.folder;
        let mut seen = Library::seen(folder).unwrap_or_default();
        loop {
            // In real time: a folder that is watched must not move a virtual clock.
            tokio::time::sleep(EVERY).await;
            let now = match Library::seen(folder) {
                Ok(now) if now != seen => now,
                Ok(_) | Err(_) => continue,
            };
            seen = now;
            told(self.reload_runbooks());
        }
    }

    /// Learns runbooks from the journal; `drafts` stands in for the settings' folder.
    pub fn learner(&self, drafts: Option<PathBuf>) -> Learner {
        let settings = &self.settings.runbooks;
        let drafts = drafts.unwrap_or_else(|| settings.drafts.clone());
        let agent = Arc::clone(&self.agent);
        Learner::new(LearnerParts {
            journal: self.journal.clone(),
            catalogue: self.catalogue.clone(),
            policy: self.policy.clone(),
            library: Arc::clone(&self.library),
            specs: self.agent.guard.all_specs(),
            check: Box::new(move |tool, args| agent.guard.check(tool, args).map_err(|failure| failure.to_string())),
            to: Where {
                drafts: (!drafts.as_os_str().is_empty()).then_some(drafts),
                repository: (!settings.repository.is_empty()).then(|| settings.path.clone()),
                folder: settings.folder.clone(),
                queue: self.settings.intake.queue,
            },
        })
    }

    /// What HTTP may ask of the runbooks.
    pub(super) fn runbooks_door(&self) -> http::Runbooks {
        let (shelf, learner) = (self.shelf(), Arc::new(self.learner(None)));
        http::Runbooks {
            reload: Box::new(move || shelf.reload().map(|done| done.json())),
            learn: Box::new(move || {
                let learner = Arc::clone(&learner);
                async move { learner.learn().await.map(|lessons| json!({ "lessons": lessons })) }.boxed()
            }),
        }
    }
}

impl Reloaded {
    fn json(&self) -> serde_json::Value {
        let left_out: Vec<_> = self.left_out.iter().map(ToString::to_string).collect();
        json!({ "runbooks": self.runbooks, "left_out": left_out })
    }
}

/// Says in the log what came of a reload.
pub(crate) fn told(reloaded: Result<Reloaded, String>) {
    match reloaded {
        Ok(Reloaded { runbooks, left_out }) => {
            tracing::info!(runbooks, "the runbooks were read again");
            for error in left_out {
                tracing::warn!(%error, "a runbook does not parse and is left out");
            }
        }
        Err(error) => tracing::error!(error, "the runbooks are as before"),
    }
}
