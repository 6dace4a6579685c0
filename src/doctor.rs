//! Asks every part how it is, says what works without it, and the one step that mends it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{BoxFuture, join_all};
use memory::{Memory, MemoryError};
use tokio::sync::Mutex;
use tools::{Failure, SharedClock};

use crate::{
    http::{Part, PartState},
    journal::Journal,
    model::RUNBOOK,
    parts::{Parts, Reach},
};

/// A part that does not answer within this time fails.
const PATIENCE: Duration = Duration::from_secs(3);
/// `/ready` is asked often; the parts are not.
const KEPT: TimeDelta = TimeDelta::seconds(5);

type Asked = BoxFuture<'static, Result<String, Failure>>;

/// What is said of an outside system when it is not there.
struct Outside {
    name: &'static str,
    /// How to configure it.
    configure: &'static str,
    /// How to mend it when it fails.
    mend: &'static str,
    /// What works without it, and what does not.
    without: &'static str,
}

const PROMETHEUS: Outside = Outside {
    name: "Prometheus",
    configure: "set `url` in [prometheus]",
    mend: "start Prometheus, or correct `url` in [prometheus]",
    without: "alerts are taken in and investigated; no change can be proven on the alert's own expression",
};
const ALERTMANAGER: Outside = Outside {
    name: "Alertmanager",
    configure: "set `url` in [alertmanager]",
    mend: "start Alertmanager, or correct `url` in [alertmanager]",
    without: "alerts still come in by its webhook; `list_alerts` asks Prometheus instead",
};
const LOKI: Outside = Outside {
    name: "Loki",
    configure: "set `url` in [loki]",
    mend: "start Loki, or correct `url` in [loki]",
    without: "logs are read from the containers themselves",
};
const DOCKER: Outside = Outside {
    name: "Docker",
    configure: "set `host` in [docker]; \"\" is Docker's default socket",
    mend: "start Docker, let this user use its socket, or correct `host` in [docker]",
    without: "metrics and logs can be read; no container can be inspected or restarted",
};
const GITHUB: Outside = Outside {
    name: "GitHub",
    configure: "set `token` in [github]",
    mend: "correct `url` or `token` in [github]",
    without: "everything but what concerns the repository",
};

const NOTIFICATIONS: Outside = Outside {
    name: "notifications",
    configure: "add [[notify.destinations]]",
    mend: "correct [[notify.destinations]]",
    without: "everything; but nobody is paged when a change cannot be taken back",
};

/// Knows all parts.
pub struct Doctor {
    journal: Journal,
    reach: Reach,
    clock: SharedClock,
    chain: Vec<String>,
    runbooks: usize,
    destinations: Vec<String>,
    memory: Option<Arc<Memory>>,
    last: Mutex<Option<(DateTime<Utc>, Vec<Part>)>>,
}

impl Doctor {
    /// A doctor for these parts.
    pub fn new(parts: &Parts) -> Self {
        Self {
            journal: parts.journal.clone(),
            reach: parts.reach.clone(),
            clock: Arc::clone(&parts.clock),
            chain: parts.settings.model.chain.clone(),
            runbooks: parts.library.iter().count(),
            destinations: parts.settings.notify.destinations.iter().map(|one| one.name.clone()).collect(),
            memory: parts.memory.clone(),
            last: Mutex::new(None),
        }
    }

    /// Every part, asked now, side by side.
    pub async fn examine(&self) -> Vec<Part> {
        let Reach { prometheus, alertmanager, loki, docker, github } = self.reach.clone();
        let told = (!self.destinations.is_empty()).then(|| self.destinations.join(", "));
        let outside = join_all([
            ask(PROMETHEUS, prometheus.map(|part| Box::pin(async move { part.ready().await }) as Asked)),
            ask(ALERTMANAGER, alertmanager.map(|part| Box::pin(async move { part.ready().await }) as Asked)),
            ask(LOKI, loki.map(|part| Box::pin(async move { part.ready().await }) as Asked)),
            ask(DOCKER, docker.map(|part| Box::pin(async move { part.version().await }) as Asked)),
            ask(GITHUB, github.map(|part| Box::pin(async move { part.check().await }) as Asked)),
            // Not asked: a message that says nothing would be one too many.
            ask(NOTIFICATIONS, told.map(|told| Box::pin(async move { Ok(told) }) as Asked)),
        ]);
        let (journal, outside) = tokio::join!(self.journal(), outside);
        let mut parts = vec![journal];
        parts.extend(outside);
        parts.push(self.model());
        parts.push(self.memory().await);
        parts
    }

    /// Every part, asked within the last seconds.
    pub async fn cached(&self) -> Vec<Part> {
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((at, parts)) = last.as_ref()
            && now - *at < KEPT
        {
            return parts.clone();
        }
        let parts = self.examine().await;
        *last = Some((now, parts.clone()));
        parts
    }

    async fn journal(&self) -> Part {
        let name = "journal";
        match self.journal.counts().await {
            Ok(counts) => {
                let incidents: u64 = counts.phases.iter().map(|(_, count)| count).sum();
                ok(name, format!("{incidents} incidents"))
            }
            Err(error) => Part {
                name: name.to_owned(),
                state: PartState::Failing,
                found: error.to_string(),
                without: "nothing: alerts are refused until it works".to_owned(),
                mend: "free the disk, or correct `path` in [journal]".to_owned(),
            },
        }
    }

    fn model(&self) -> Part {
        let llms: Vec<_> = self.chain.iter().filter(|name| *name != RUNBOOK).map(String::as_str).collect();
        if llms.is_empty() {
            return Part {
                name: "model".to_owned(),
                state: PartState::Absent,
                found: format!("runbooks only ({} of them)", self.runbooks),
                without:
                    "alerts that have a runbook are investigated and repaired; questions get the state of services"
                        .to_owned(),
                mend: "add [model.providers.<name>] and put its name first in [model] chain".to_owned(),
            };
        }
        ok("model", format!("{}, asked when there is something to investigate", self.chain.join(", then ")))
    }

    async fn memory(&self) -> Part {
        let part = |state, found: String, mend: &str| Part {
            name: "memory".to_owned(),
            state,
            found,
            without: "incidents are investigated without what was learnt before".to_owned(),
            mend: mend.to_owned(),
        };
        let Some(memory) = &self.memory else {
            return part(PartState::Absent, "switched off".to_owned(), "set `enabled = true` in [memory]");
        };
        match tokio::time::timeout(PATIENCE, memory.stats()).await {
            Ok(Ok(stats)) => {
                let of: Vec<_> = stats.iter().map(|of| format!("{} {}", of.points, of.collection.name())).collect();
                ok("memory", format!("{}: {}", memory.place(), of.join(", ")))
            }
            Ok(Err(error)) => part(PartState::Failing, error.to_string(), mend(&error)),
            Err(_) => part(
                PartState::Failing,
                format!("no answer within {} s", PATIENCE.as_secs()),
                "start the Qdrant server",
            ),
        }
    }
}

/// The one step that mends memory.
fn mend(error: &MemoryError) -> &'static str {
    match error {
        MemoryError::InUse(_) => "stop the other process, or let both use one Qdrant server: set `url` in [memory]",
        MemoryError::Version { .. } | MemoryError::Damaged { .. } => {
            "stop the agent, delete what is named here, and run `devops-agent memory index`"
        }
        MemoryError::DiskFull { .. } => "make room on the disk",
        MemoryError::Disk { .. } => "mend the disk or the rights on it, or correct `folder` in [memory]",
        MemoryError::Unreachable { .. } => "start the Qdrant server, or correct `url` in [memory]",
        MemoryError::Refused { .. } => "correct `url` or `api_key` in [memory]",
        MemoryError::Dimensions { .. } => "name the model anew: `model` in [memory.embeddings]",
        MemoryError::Store(_) | MemoryError::Wrong(_) => "correct [memory]",
    }
}

fn ok(name: &str, found: String) -> Part {
    Part { name: name.to_owned(), state: PartState::Ok, found, without: String::new(), mend: String::new() }
}

async fn ask(outside: Outside, asked: Option<Asked>) -> Part {
    let Outside { name, configure, mend, without } = outside;
    let part = |state, found: String, mend: &str| Part {
        name: name.to_owned(),
        state,
        found,
        without: without.to_owned(),
        mend: mend.to_owned(),
    };
    match asked {
        None => part(PartState::Absent, "not configured".to_owned(), configure),
        Some(asked) => match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => ok(name, found),
            Ok(Err(failure)) => part(PartState::Failing, failure.to_string(), mend),
            Err(_) => part(PartState::Failing, format!("no answer within {} s", PATIENCE.as_secs()), mend),
        },
    }
}
