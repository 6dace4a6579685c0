//! `list_changes`: what changed of late, on one time line, and which of it explains an alert: the first question after one.

mod explained;
mod sources;

use std::{fmt, sync::Arc};

use analysis::changes::Place;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    change_line::ChangeLine,
    reach::{Docker, GitHub},
    service,
};
use explained::Explanation;
use sources::Sources;

/// How far back, in hours.
const HOURS: u32 = 24;
const HOURS_MOST: u32 = 24 * 14;
/// Changes told of one answer.
const MOST: usize = 60;
/// Symptoms that are compared, and characters of one.
const SYMPTOMS: usize = 50;
const SYMPTOM: usize = 2_000;

/// Lists what changed around a service and what it depends on, newest first: containers made, started, stopped, killed and out of
/// memory, images and configuration exchanged, commits, merged pull requests and workflow runs. With `onset_minutes_ago` or
/// `symptoms` it says first which change explains them best, and why, or that none does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "hours_back": 6, "onset_minutes_ago": 12, "symptoms": ["connection pool timeout"]}]))]
pub struct ListChangesArgs {
    /// A service of the catalogue.
    pub service: String,
    /// How far back from the onset, or from now where that is not given, in hours; 24 if not given, 336 at most.
    pub hours_back: Option<u32>,
    /// How many minutes ago the trouble began; only what changed before that can explain it.
    pub onset_minutes_ago: Option<u32>,
    /// What the errors say: log lines, the alert's name, its annotations.
    pub symptoms: Option<Vec<String>>,
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
    /// Which change explains the alert; absent when nobody asked.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
    changes: Vec<ChangeLine>,
    /// How many there are in all.
    count: usize,
    /// Minutes since the newest change of the service itself; absent when nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_minutes_ago: Option<i64>,
    /// Minutes since the newest change of the service itself that brought other code or another configuration.
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
}

/// The changes of one source, and parts of it that could not be seen.
pub(crate) type Told = (Vec<ChangeLine>, Vec<String>);

impl Tool for ListChanges {
    const NAME: &'static str = "list_changes";
    type Args = ListChangesArgs;
    type Output = Changes;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Changes>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let now = self.clock.now();
        let onset_minutes = args.onset_minutes_ago.unwrap_or(0);
        let hours_back = args.hours_back.unwrap_or(HOURS).max(1).saturating_add(onset_minutes / 60);
        let hours_back = hours_back.min(HOURS_MOST);
        let since = now - TimeDelta::hours(i64::from(hours_back));
        let onset = now - TimeDelta::minutes(i64::from(onset_minutes));
        let explains = args.onset_minutes_ago.is_some() || args.symptoms.is_some();
        let sources = Sources {
            docker: &self.docker,
            github: &self.github,
            catalogue: &self.catalogue.load(),
            since,
            now,
            files: explains,
        };
        let (mut changes, mut not_seen) = sources.all(&service).await?;
        // What happened at the same moment stays in the order in which its source tells it.
        changes.retain(|change| change.at >= since && change.at <= now);
        changes.sort_by_key(|change| std::cmp::Reverse(change.at));
        let explanation = explains.then(|| {
            not_seen.push("feature flags that are kept elsewhere than in containers and the repository".to_owned());
            if onset <= since {
                not_seen.push(format!("what changed before it began, over {HOURS_MOST} hours ago"));
            }
            Explanation::of(&changes, onset, &symptoms(args))
        });
        let ago = |change: &ChangeLine| (now - change.at).num_minutes();
        let own = || changes.iter().filter(|change| change.place == Place::Own);
        let newest_minutes_ago = own().next().map(ago);
        let newest_deployment_minutes_ago = own().find(|change| change.deploys()).map(ago);
        let count = changes.len();
        changes.truncate(MOST);
        let raw = service::raw(&changes);
        let output = Changes {
            explanation,
            changes,
            count,
            newest_minutes_ago,
            newest_deployment_minutes_ago,
            not_seen,
            hours_back,
            now,
        };
        Ok(Seen { output, raw })
    }
}

/// What the errors say, bounded.
fn symptoms(args: &ListChangesArgs) -> Vec<String> {
    let said = args.symptoms.iter().flatten().take(SYMPTOMS);
    said.map(|text| crate::text::cut(text, SYMPTOM)).collect()
}

impl fmt::Display for Changes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(explanation) = &self.explanation {
            writeln!(out, "{explanation}")?;
        }
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
