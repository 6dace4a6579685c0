//! Recorded incidents, replayed: the agent, unchanged, against a world that answers over the same HTTP as the real parts.

mod clock;
mod score;

use std::sync::Arc;

use anyhow::{Context, Result};
use evals::{Case as Recorded, World};
use serde::Serialize;
use tempfile::TempDir;

pub use clock::WorldClock;
pub use score::{Score, score};

use crate::{
    alert::{Limits, Notification},
    config::Settings,
    incident::{Entry, Incident},
    journal::Case,
    parts::Parts,
    report::Report,
};

/// The agent in a world of its own.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The agent's parts, on the world's clock.
    pub parts: Parts,
    // Held for as long as the journal in it.
    _folder: TempDir,
}

/// One case, run to its end.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The case's name.
    pub case: String,
    /// How well it went.
    pub score: Score,
    /// The report that was left.
    pub report: Report,
}

impl Stage {
    /// Starts the world of a case and builds the agent in it; `more` are settings beside those of the world, as TOML.
    ///
    /// # Errors
    /// When world or agent cannot be built.
    pub async fn set(case: Recorded, more: &str) -> Result<Self> {
        let world = World::start(case).await.context("the world could not be started")?;
        let folder = tempfile::tempdir()?;
        let mut settings = Settings::from_toml(&world_settings(&world, more)?)?;
        settings.journal.path = folder.path().join("journal.db");
        let parts = Parts::build(settings, Arc::new(WorldClock::new(world.clone())))?;
        Ok(Self { world, parts, _folder: folder })
    }

    /// Takes the case's alert in and works until nothing more is to do.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn play(&self, alert: &serde_json::Value) -> Result<(Incident, Vec<Entry>)> {
        let limits = Limits { alerts: 1_000, labels: 64, value_bytes: 4_096 };
        let notification = Notification::parse(alert.to_string().as_bytes(), &limits)?;
        let journal = &self.parts.journal;
        let taken = journal.take(notification, self.parts.catalogue.load(), self.parts.intake()).await?;
        while let Some(lease) = journal.lease(self.parts.settings.worker.lease).await? {
            let mut case = Case::open(journal, lease).await?;
            self.parts.agent.investigate(&mut case).await?;
            journal.release(lease).await?;
        }
        let id = taken.opened.first().context("the case's alert opened no incident")?;
        Ok(journal.incident(*id).await?)
    }

    /// Stops everything.
    pub async fn strike(self) {
        self.parts.journal.close().await;
        self.world.shutdown().await;
    }
}

/// Runs one case to its end and scores it; `more` are settings as TOML, such as another model.
///
/// # Errors
/// When the case cannot be run; a case that fails is a score, not an error.
pub async fn run(case: Recorded, more: &str) -> Result<Run> {
    let (name, alert, truth) = (case.name.clone(), case.alert.clone(), case.truth.clone());
    let stage = Stage::set(case, more).await?;
    let (incident, entries) = stage.play(&alert).await.with_context(|| format!("case {name}"))?;
    let report = Report::new(&incident, &entries);
    let score = score(&truth, &incident, &entries, &report, &stage.world);
    stage.strike().await;
    Ok(Run { case: name, score, report })
}

/// The world's parts as settings; what is real time (a probe's patience) is short, since a
/// hung service hangs for real, and the first look waits for a machine that is busy with other cases.
pub(crate) fn world_settings(world: &World, more: &str) -> Result<String> {
    let services = toml::to_string(&toml::Table::from_iter([("services".to_owned(), world.services().into())]))?;
    let given: toml::Table = toml::from_str(more).context("settings beside those of the world")?;
    let mut table: toml::Table = toml::from_str(&format!(
        r#"
        [http]
        listen = "127.0.0.1:0"
        [prometheus]
        url = "{}"
        [loki]
        url = "{}"
        [alertmanager]
        url = "{}"
        [docker]
        host = "{}"
        [health]
        timeout = "300ms"
        [discovery]
        enabled = false
        [triage]
        within = "30s"
        {services}
        "#,
        world.prometheus_url(),
        world.loki_url(),
        world.alertmanager_url(),
        world.docker_url(),
    ))?;
    merge(&mut table, given);
    Ok(toml::to_string(&table)?)
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(more)) => merge(inner, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
