//! `list_changes`: what changed of late, on one time line: the first question after an alert.

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, Service, SharedCatalogue, SharedClock, Tool,
    change_line::{ChangeLine, by_docker, by_github},
    reach::{Docker, GitHub},
    repository, service,
};

/// How far back, in hours.
const HOURS: u32 = 24;
const HOURS_MOST: u32 = 24 * 14;
/// Changes told of one answer.
const MOST: usize = 60;

/// Lists what changed around a service, newest first: containers made, started, killed and out of memory, images exchanged, commits,
/// merged pull requests and workflow runs. A change shortly before an alert is the first suspect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "hours_back": 6}]))]
pub struct ListChangesArgs {
    /// A service of the catalogue.
    pub service: String,
    /// How far back, in hours; 24 if not given, 336 at most.
    pub hours_back: Option<u32>,
}

/// Lists changes.
pub struct ListChanges {
    docker: Option<Arc<Docker>>,
    github: Option<Arc<GitHub>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What changed.
#[derive(Debug, Serialize)]
pub struct Changes {
    changes: Vec<ChangeLine>,
    /// How many there are in all.
    count: usize,
    /// Minutes since the newest change; absent when nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_minutes_ago: Option<i64>,
    /// Minutes since the newest change that brought other code or another configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_deployment_minutes_ago: Option<i64>,
    /// Sources that were not asked or did not answer, and why.
    not_seen: Vec<String>,
    hours_back: u32,
    #[serde(skip)]
    now: DateTime<Utc>,
}

impl ListChanges {
    /// A tool over these sources; one that is not configured is said so in the answer.
    pub fn new(
        docker: Option<Arc<Docker>>,
        github: Option<Arc<GitHub>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
    ) -> Self {
        Self { docker, github, catalogue, clock }
    }

    async fn docker(&self, service: &Service, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Told, Failure> {
        by_docker(service::docker(&self.docker)?, service, since, until).await
    }

    async fn github(&self, service: &Service, since: DateTime<Utc>) -> Result<Told, Failure> {
        let name = repository::of(service)?;
        by_github(repository::github(&self.github)?, &name, since).await
    }
}

/// The changes of one source, and parts of it that could not be seen.
pub(crate) type Told = (Vec<ChangeLine>, Vec<String>);

impl Tool for ListChanges {
    const NAME: &'static str = "list_changes";
    type Args = ListChangesArgs;
    type Output = Changes;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Changes>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let hours_back = args.hours_back.unwrap_or(HOURS).clamp(1, HOURS_MOST);
        let now = self.clock.now();
        let since = now - TimeDelta::hours(i64::from(hours_back));
        let (docker, github) = tokio::join!(self.docker(&service, since, now), self.github(&service, since));
        let (mut changes, mut not_seen, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (source, told) in [("Docker", docker), ("GitHub", github)] {
            match told {
                Ok((more, missing)) => {
                    changes.extend(more);
                    not_seen.extend(missing);
                }
                Err(failure) => {
                    not_seen.push(format!("{source}: {failure}"));
                    failed.push(failure);
                }
            }
        }
        if failed.len() == 2 {
            return Err(all_failed(failed));
        }
        // What happened at the same moment stays in the order in which its source tells it.
        changes.retain(|change| change.at >= since && change.at <= now);
        changes.sort_by_key(|change| std::cmp::Reverse(change.at));
        let ago = |change: &ChangeLine| (now - change.at).num_minutes();
        let newest_minutes_ago = changes.first().map(ago);
        let newest_deployment_minutes_ago = changes.iter().find(|change| change.deploys()).map(ago);
        let count = changes.len();
        changes.truncate(MOST);
        let raw = service::raw(&changes);
        let output =
            Changes { changes, count, newest_minutes_ago, newest_deployment_minutes_ago, not_seen, hours_back, now };
        Ok(Seen { output, raw })
    }
}

/// One that may come back is worth another try; else what the model or a person can mend.
fn all_failed(failed: Vec<Failure>) -> Failure {
    let all = failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let unreachable = failed.into_iter().find(|failure| matches!(failure, Failure::Unreachable { .. }));
    unreachable.unwrap_or_else(|| Failure::Tell(format!("no source of changes can be asked: {all}")))
}

impl fmt::Display for Changes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} changes in the last {} hours, newest first", self.count, self.hours_back)?;
        for change in &self.changes {
            let (at, minutes) = (change.at.format("%m-%d %H:%M:%S"), (self.now - change.at).num_minutes());
            write!(out, "\n{at} ({minutes} min ago) {change}")?;
        }
        if self.count > self.changes.len() {
            write!(out, "\n[{} older ones are left out]", self.count - self.changes.len())?;
        }
        for what in &self.not_seen {
            write!(out, "\nnot seen: {what}")?;
        }
        Ok(())
    }
}
