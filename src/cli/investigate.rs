//! `investigate --alert FILE`: one alert, here and now.

use std::{io::Read, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tools::SystemClock;

use super::{
    Found,
    out::{Colour, Out},
    story,
};
use crate::{
    agent::Agent,
    alert::{Limits, Notification},
    config::Settings,
    incident::{IncidentId, Outcome, Phase},
    journal::{Case, Journal},
    parts::Parts,
    report::Report,
};

#[derive(Args)]
pub(super) struct Investigate {
    /// Alertmanager's webhook as JSON, or one alert out of it; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    alert: PathBuf,
    /// Prints the report as JSON and nothing else.
    #[arg(long)]
    json: bool,
}

impl Investigate {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let limits = Limits {
            alerts: settings.intake.alerts_max,
            labels: settings.intake.labels_max,
            value_bytes: settings.intake.label_value_max,
        };
        let notification = self.notification(&limits)?;
        let parts = Parts::build(settings, Arc::new(SystemClock))?;
        parts.discover().await;
        let taken = parts.journal.take(notification, parts.catalogue.load(), parts.intake()).await?;
        let Some(id) = taken.opened.first().or(taken.joined.first()).copied() else {
            parts.journal.close().await;
            bail!("nothing to investigate: the alert stands in the journal already, or it is resolved");
        };
        let mut out = Out::new();
        let (worked, told) = tokio::join!(work(&parts.agent, &parts.journal, id, &parts), async {
            if self.json { Ok(()) } else { story::tell(&mut out, &parts.journal, id).await }
        });
        worked?;
        told?;
        let (incident, entries) = parts.journal.incident(id).await?;
        parts.journal.close().await;
        let report = Report::new(&incident, &entries);
        if self.json {
            out.json(&report)?;
        } else {
            out.line("")?;
            out.text(&report.markdown())?;
            if incident.phase != Phase::Closed {
                let hint = format!("A person is asked: devops-agent incidents approve {id} CALL, then run this again.");
                out.line(&out.paint(Colour::Yellow, &hint))?;
            }
        }
        Ok(if incident.outcome == Some(Outcome::HandedOver) { Found::Wrong } else { Found::Well })
    }

    fn notification(&self, limits: &Limits) -> Result<Notification> {
        let mut text = Vec::new();
        let name = self.alert.display();
        if self.alert.as_os_str() == "-" {
            std::io::stdin().read_to_end(&mut text).context("standard input")?;
        } else {
            text = std::fs::read(&self.alert).with_context(|| format!("{name} cannot be read"))?;
        }
        let value: Value = serde_json::from_slice(&text).with_context(|| format!("{name} is not JSON"))?;
        let text = if value.get("alerts").is_some() {
            text
        } else {
            let whole = json!({ "receiver": "investigate", "groupKey": "", "alerts": [value] });
            serde_json::to_vec(&whole)?
        };
        Notification::parse(&text, limits).with_context(|| name.to_string())
    }
}

/// Works on whatever is due until the incident is over or waits for people.
async fn work(agent: &Agent, journal: &Journal, id: IncidentId, parts: &Parts) -> Result<()> {
    while let Some(lease) = journal.lease(parts.settings.worker.lease).await? {
        let mut case = Case::open(journal, lease).await?;
        agent.investigate(&mut case).await?;
        journal.release(lease).await?;
        if lease.incident() == id {
            break;
        }
    }
    Ok(())
}
