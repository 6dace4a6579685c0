//! `incidents feedback|forget`: what people say of incidents, through the running server or straight into the journal.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Found, out::Out, server};
use crate::{
    config::Settings,
    incident::{Event, Incident, IncidentId, Who, Word},
    journal::{Filter, Journal, JournalError},
    remember::{forget, give_feedback},
};

#[derive(Args)]
pub(super) struct Feedback {
    /// The incident's number.
    id: IncidentId,
    /// Whether cause and remedy were right.
    word: Judgement,
    /// The true cause, in a sentence.
    #[arg(long)]
    cause: Option<String>,
    #[command(flatten)]
    said: Said,
}

#[derive(Args)]
#[group(id = "which", required = true, multiple = false, args = ["id", "service"])]
pub(super) struct Forget {
    /// The incident's number.
    id: Option<IncidentId>,
    /// Every incident of this service, instead of one.
    #[arg(long)]
    service: Option<String>,
    #[command(flatten)]
    said: Said,
}

/// Who says so, and why.
#[derive(Args)]
struct Said {
    /// Why, for the journal.
    #[arg(long, default_value = "")]
    because: String,
    /// Who, for the journal; used only when no server runs.
    #[arg(long, default_value = "command line")]
    by: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Judgement {
    Right,
    Wrong,
}

impl Said {
    fn who(&self) -> Who {
        Who { by: self.by.clone(), from: "command line".to_owned(), because: tools::clean(&self.because) }
    }
}

impl Feedback {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let Self { id, word, cause, said } = self;
        let (word, told) = match word {
            Judgement::Right => (Word::Right, "right"),
            Judgement::Wrong => (Word::Wrong, "wrong"),
        };
        let body = json!({ "word": word, "cause": cause, "because": said.because });
        let decide = move |incident: &Incident| give_feedback(incident, word, cause.as_deref(), said.who());
        written(&settings, id, "feedback", &body, decide).await?;
        Out::new().line(&format!("incident {id} was {told}: the next one like it takes that into account"))?;
        Ok(Found::Well)
    }
}

impl Forget {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let Self { id, service, said } = self;
        there(&settings)?;
        let ids = match (id, service) {
            (Some(id), _) => vec![id],
            (None, service) => {
                let filter = Filter { service, most: usize::MAX, ..Filter::default() };
                let mut found = Vec::new();
                let journal = Journal::inspect(settings.journal.path.clone());
                for summary in journal.list(filter).await? {
                    if journal.incident(summary.id).await?.0.forgotten.is_none() {
                        found.push(summary.id);
                    }
                }
                found
            }
        };
        let mut out = Out::new();
        for id in &ids {
            let who = said.who();
            let body = json!({ "because": said.because });
            written(&settings, *id, "forget", &body, move |incident| forget(incident, who)).await?;
            out.line(&format!("incident {id} is forgotten: memory drops it, the journal keeps it"))?;
        }
        if ids.is_empty() {
            out.line("no incident is left to be forgotten")?;
        }
        Ok(Found::Well)
    }
}

fn there(settings: &Settings) -> Result<()> {
    if !settings.journal.path.is_file() {
        bail!("there is no journal at {} ([journal] path)", settings.journal.path.display());
    }
    Ok(())
}

/// Through the running server, which has the journal; straight into the journal when none runs.
async fn written<F>(settings: &Settings, id: IncidentId, path: &str, body: &Value, decide: F) -> Result<()>
where
    F: FnOnce(&Incident) -> Result<Vec<Event>, JournalError> + Send + 'static,
{
    there(settings)?;
    match server::journal(settings)? {
        Some(journal) => {
            let done = journal.decide(id, decide).await;
            journal.close().await;
            done?;
        }
        None => {
            server::post(settings, &format!("/incidents/{id}/{path}"), body).await?;
        }
    }
    Ok(())
}
