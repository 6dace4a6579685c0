//! `demo`: the main job on a recorded incident, told as it happens.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use evals::{Case, World};

use super::{
    Found,
    out::{Colour, Out},
    serve::{Server, signal},
    story,
};
use crate::{
    config::Settings,
    eval::{WorldClock, world_settings},
    incident::Outcome,
    parts::Parts,
    report::Report,
};

#[derive(Args)]
pub(super) struct Demo {
    /// Which recorded incident.
    #[arg(long, default_value = "container-killed")]
    case: String,
    /// Ends by itself after the report.
    #[arg(long)]
    once: bool,
    /// Prints the report as JSON and nothing else; implies --once.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<Found> {
        let case = Case::from_embedded(&self.case)?;
        let (title, alert) = (case.title.clone(), case.alert.clone());
        let world = World::start(case).await.context("the world could not be started")?;
        let folder = tempfile::tempdir()?;
        let mut settings = Settings::from_toml(&world_settings(&world, "")?)?;
        settings.journal.path = folder.path().join("journal.db");
        let server = Server::start(Parts::build(settings, Arc::new(WorldClock::new(world.clone())))?).await?;
        let mut out = Out::new();
        if !self.json {
            introduce(&mut out, &title, &world)?;
        }
        let found = self.story(&mut out, &server, &alert).await;
        if found.is_ok() && !self.once && !self.json && out.is_terminal() {
            out.line(&out.paint(Colour::Dim, "The server keeps running; Ctrl-C ends it (--once ends by itself)."))?;
            signal().await?;
        }
        server.stop().await;
        world.shutdown().await;
        found
    }

    async fn story(&self, out: &mut Out, server: &Server, alert: &serde_json::Value) -> Result<Found> {
        let url = format!("http://{}", server.address);
        let response = reqwest::Client::new().post(format!("{url}/alerts")).json(alert).send().await?;
        let status = response.status();
        let answer: serde_json::Value = response.json().await?;
        let Some(id) = answer.pointer("/taken/opened/0").and_then(serde_json::Value::as_u64) else {
            bail!("the agent did not take the alert in: {status} {answer}");
        };
        let journal = &server.parts.journal;
        if self.json {
            let mut entries = std::pin::pin!(crate::http::follow(journal.clone(), id, 0));
            while futures::StreamExt::next(&mut entries).await.is_some() {}
        } else {
            story::tell(out, journal, id).await?;
        }
        let (incident, entries) = journal.incident(id).await?;
        let report = Report::new(&incident, &entries);
        if self.json {
            out.json(&report)?;
        } else {
            out.line(&format!("\n{}\n", out.paint(Colour::Bold, "The report that it leaves:")))?;
            out.text(&report.markdown())?;
            out.line(&format!("\n{}", out.paint(Colour::Bold, "Where to look further:")))?;
            for (path, what) in [
                ("/incidents", "all incidents"),
                (&*format!("/incidents/{id}/report"), "this report"),
                (&*format!("/incidents/{id}/events"), "its events as they happen (server-sent events)"),
                ("/status", "how the agent is"),
                ("/metrics", "its metrics"),
            ] {
                out.line(&format!("  curl {url}{path:<28} {}", out.paint(Colour::Dim, what)))?;
            }
        }
        let well = matches!(incident.outcome, Some(Outcome::Repaired | Outcome::ResolvedByItself));
        Ok(if well { Found::Well } else { Found::Wrong })
    }
}

fn introduce(out: &mut Out, title: &str, world: &World) -> Result<()> {
    out.line(&out.paint(Colour::Bold, &format!("A recorded incident: {title}")))?;
    out.line(&out.paint(
        Colour::Dim,
        "Its world answers on loopback as Prometheus, Loki, Docker and Alertmanager would; its clock is virtual, the agent is real.",
    ))?;
    let changes = "What the agent does to it has consequences: a remedy heals it, a wrong one does not.";
    out.line(&out.paint(Colour::Dim, changes))?;
    out.line(&out.paint(Colour::Dim, &format!("The world's time: {}\n", world.now().format("%Y-%m-%d %H:%M:%S UTC"))))?;
    Ok(())
}
