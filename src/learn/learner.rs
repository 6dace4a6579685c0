//! The participant that looks after each closed incident whether a runbook can be learnt.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tools::{SharedCatalogue, Spec};

use super::{
    lesson::{Lesson, School, Written, lessons},
    place::{self, Put},
};
use crate::{
    guard::SharedPolicy,
    incident::IncidentId,
    journal::{Filter, Journal, JournalError, Summary},
    runbook::Library,
};

/// The entry of the catalogue that stands for the repository of runbooks: what a pull request is judged by.
pub const SERVICE: &str = "runbooks";
/// Incidents of one alert that are looked at, newest first.
const OF_ALERT: usize = 32;
/// Incidents that are looked through for alerts worth a look.
const RECENT: usize = 50;
/// The same when somebody asks for all.
const ALL: usize = 10_000;
/// Between two looks: a journal is written to all the time.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether arguments are of a tool's form.
type Check = Box<dyn Fn(&str, &Value) -> Result<(), String> + Send + Sync>;

/// Where runbooks go that are learnt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Where {
    /// The folder of drafts.
    pub drafts: Option<PathBuf>,
    /// The folder in the repository of runbooks, where there is one.
    pub repository: Option<String>,
    /// The folder of the runbooks that hold: drafts would be taken without being read there.
    pub folder: PathBuf,
    /// Incidents that may be open.
    pub queue: usize,
}

/// What a learner is made of.
pub struct LearnerParts {
    /// The journal.
    pub journal: Journal,
    /// The services.
    pub catalogue: SharedCatalogue,
    /// What may be kept.
    pub policy: SharedPolicy,
    /// The runbooks that there are.
    pub library: Arc<Library>,
    /// The tools.
    pub specs: Vec<Spec>,
    /// Whether arguments are of a tool's form.
    pub check: Check,
    /// Where runbooks go.
    pub to: Where,
}

/// Learns runbooks from the journal.
pub struct Learner(LearnerParts);

/// What came of one lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// The alert.
    pub alert: String,
    /// The incidents, oldest first.
    pub from: Vec<IncidentId>,
    /// The runbook's name; `None` where there is none.
    pub name: Option<String>,
    /// Whether it was learnt now.
    pub new: bool,
    /// Where it went, or why there is none.
    pub what: String,
}

impl Learner {
    /// A learner over these parts.
    pub fn new(parts: LearnerParts) -> Self {
        Self(parts)
    }

    /// Looks whenever something was written, until `stop` says so.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.0.journal.changes();
        let mut seen = BTreeMap::new();
        loop {
            changes.mark_unchanged();
            match self.look(&mut seen).await {
                Ok(learnt) => {
                    for Learnt { name, from, what, .. } in learnt.iter().filter(|learnt| learnt.new) {
                        tracing::info!(runbook = name, ?from, what, "a runbook was learnt");
                    }
                }
                Err(JournalError::Closed) => return,
                Err(error) => tracing::warn!(%error, "the journal could not be learnt from"),
            }
            let written = async {
                tokio::time::sleep(PAUSE).await;
                changes.changed().await
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                changed = written => if changed.is_err() { return },
            }
        }
    }

    /// Learns from the alerts of incidents that were closed, or spoken about, since the last look.
    async fn look(&self, seen: &mut BTreeMap<IncidentId, DateTime<Utc>>) -> Result<Vec<Learnt>, JournalError> {
        let recent = self.closed(None, RECENT).await?;
        let new = recent.iter().filter(|summary| seen.get(&summary.id) != Some(&summary.updated_at));
        let alerts = alerts(new);
        let mut learnt = Vec::new();
        for alert in alerts {
            learnt.extend(self.of_alert(&alert).await?);
        }
        *seen = recent.into_iter().map(|summary| (summary.id, summary.updated_at)).collect();
        Ok(learnt)
    }

    /// Learns from all incidents that were repaired.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn learn(&self) -> Result<Vec<Learnt>, JournalError> {
        let all = self.closed(None, ALL).await?;
        let mut learnt = Vec::new();
        for alert in alerts(all.iter()) {
            learnt.extend(self.of_alert(&alert).await?);
        }
        Ok(learnt)
    }

    async fn closed(&self, title: Option<String>, most: usize) -> Result<Vec<Summary>, JournalError> {
        self.0.journal.list(Filter { phase: Some("closed".to_owned()), title, most, ..Filter::default() }).await
    }

    async fn of_alert(&self, alert: &str) -> Result<Vec<Learnt>, JournalError> {
        let mut incidents = Vec::new();
        let listed = self.closed(Some(alert.to_owned()), OF_ALERT * 4).await?;
        for summary in listed.iter().filter(|summary| alert_of(summary) == alert).take(OF_ALERT) {
            incidents.push(self.0.journal.incident(summary.id).await?.0);
        }
        let found = {
            let (catalogue, policy) = (self.0.catalogue.load(), self.0.policy.load());
            let school = School {
                library: &self.0.library,
                specs: &self.0.specs,
                catalogue: &catalogue,
                policy: &policy,
                check: &self.0.check,
            };
            lessons(&incidents, &school)
        };
        let mut learnt = Vec::new();
        for Lesson { alert, from, written } in found {
            learnt.push(match written {
                Ok(written) => self.keep(alert, from, written).await?,
                Err(what) => Learnt { alert, from, name: None, new: false, what },
            });
        }
        Ok(learnt)
    }

    /// Writes the draft, then that it was learnt together with the incident that proposes it.
    async fn keep(&self, alert: String, from: Vec<IncidentId>, written: Written) -> Result<Learnt, JournalError> {
        let name = Some(written.name.clone());
        let told = |new: bool, what: String| Learnt {
            alert: alert.clone(),
            from: from.clone(),
            name: name.clone(),
            new,
            what,
        };
        if let Some(place) = self.0.journal.runbook_learnt(&written.name).await? {
            return Ok(told(false, format!("learnt before: {place}")));
        }
        let Where { repository, queue, .. } = &self.0.to;
        let draft = match self.draft(&written) {
            Ok(draft) => draft,
            Err(why) => {
                tracing::warn!(runbook = written.name, why, "a runbook can be learnt, and its draft cannot be kept");
                if repository.is_none() {
                    return Ok(told(false, why));
                }
                // It is proposed all the same.
                String::new()
            }
        };
        if draft.is_empty() && repository.is_none() {
            return Ok(told(false, "it has nowhere to go: set `drafts` or `repository` in [runbooks]".to_owned()));
        }
        let proposal = repository.as_ref().map(|folder| place::proposal(&written, &from, folder, *queue));
        let hash = written.hash();
        match self.0.journal.learn_runbook(written.name, hash, from.clone(), draft.clone(), proposal).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(told(false, "learnt by another at this moment".to_owned())),
            // Only read: a server has the journal, and learns by itself.
            Err(JournalError::Closed) => return Ok(told(false, format!("{draft}; not noted in the journal"))),
            Err(error) => return Err(error),
        }
        let place = self.0.journal.runbook_learnt(name.as_deref().unwrap_or_default()).await?;
        Ok(told(true, place.unwrap_or(draft)))
    }

    /// Where the draft is; empty where none is wanted.
    fn draft(&self, written: &Written) -> Result<String, String> {
        let Where { drafts, folder, .. } = &self.0.to;
        let Some(drafts) = drafts else { return Ok(String::new()) };
        if drafts.starts_with(folder) && !folder.is_dir() {
            return Err(format!(
                "the folder {} would come into being by a draft in {}, and the compiled-in runbooks would no longer hold; make it \
                 first, or set `drafts` elsewhere",
                folder.display(),
                drafts.display()
            ));
        }
        match place::put(drafts, written) {
            Ok(Put::Written(path) | Put::There(path)) => Ok(format!("draft {}", path.display())),
            Ok(Put::Other(path)) => {
                Err(format!("{} is there already and holds something else; it is left as it is", path.display()))
            }
            Err(error) => Err(format!("no draft can be written to {}: {error}", drafts.display())),
        }
    }
}

/// The alerts of incidents that were repaired.
fn alerts<'a>(incidents: impl Iterator<Item = &'a Summary>) -> BTreeSet<String> {
    let repaired = incidents.filter(|summary| summary.outcome.as_deref() == Some("repaired"));
    repaired.map(|summary| alert_of(summary).to_owned()).collect()
}

/// The alert's name, as the title begins with it.
fn alert_of(summary: &Summary) -> &str {
    let service = summary.service.as_deref().map(|service| format!(" on {service}"));
    service.and_then(|end| summary.title.strip_suffix(&end)).unwrap_or(&summary.title)
}
