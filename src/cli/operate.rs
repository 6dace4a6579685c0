//! `halt`, `resume`, `raise`: what people decide about the agent itself, through the running server or straight into the journal.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};

use super::{Found, out::Out, server};
use crate::{
    config::Settings,
    incident::{Event, Who},
};

/// Who says so, and why.
#[derive(Args)]
pub(super) struct Said {
    /// Why, for the journal.
    #[arg(long, default_value = "")]
    because: String,
    /// Who, for the journal; used only when no server runs.
    #[arg(long, default_value = "command line")]
    by: String,
}

#[derive(Args)]
pub(super) struct Raise {
    /// The service whose changes may go on without asking.
    service: Option<String>,
    /// All services.
    #[arg(long)]
    fleet: bool,
    #[command(flatten)]
    said: Said,
}

impl Said {
    fn who(&self) -> Who {
        Who { by: self.by.clone(), from: "command line".to_owned(), because: self.because.clone() }
    }

    pub(super) async fn halt(self, settings: Settings) -> Result<Found> {
        let event = Event::Halted { who: self.who() };
        decide(&settings, event, "/halt", &json!({ "because": self.because })).await?;
        told("every change is stopped; `devops-agent resume` lets them go on")
    }

    pub(super) async fn resume(self, settings: Settings) -> Result<Found> {
        let event = Event::Resumed { who: self.who() };
        decide(&settings, event, "/resume", &json!({ "because": self.because })).await?;
        told("changes may go on")
    }
}

impl Raise {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let Self { service, fleet, said } = self;
        let service = service.unwrap_or_default();
        if service.is_empty() != fleet {
            bail!("name one service, or give --fleet");
        }
        let event = Event::BreakerRaised { service: service.clone(), who: said.who() };
        let body = json!({ "service": service, "fleet": fleet, "because": said.because });
        decide(&settings, event, "/raise", &body).await?;
        let of = if fleet { "the fleet" } else { &service };
        told(&format!("{of}: autonomy is what settings and policy say again"))
    }
}

async fn decide(settings: &Settings, event: Event, path: &str, body: &Value) -> Result<()> {
    match server::journal(settings)? {
        Some(journal) => {
            journal.operate(event).await?;
            journal.close().await;
        }
        None => {
            server::post(settings, path, body).await?;
        }
    }
    Ok(())
}

fn told(text: &str) -> Result<Found> {
    Out::new().line(text)?;
    Ok(Found::Well)
}
