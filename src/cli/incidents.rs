//! `incidents list|show|approve|deny|feedback|forget|verify|export`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use tools::{Clock, SystemClock};

use super::{
    Found, feedback,
    out::{Colour, Out, table},
    server, story,
};
use crate::{
    config::Settings,
    guard::{APPROVERS, Person, answer_approval},
    incident::{Decision, IncidentId, OPERATIONS},
    journal::{Filter, Journal},
    report::Report,
};

#[derive(Args)]
pub(super) struct Incidents {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists incidents, newest first.
    List {
        /// Only those of this phase: open, investigating, awaiting_approval, changing, verifying, concluded, closed.
        #[arg(long)]
        phase: Option<String>,
        /// Only those of this service.
        #[arg(long)]
        service: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows one incident: its report, or entry by entry.
    Show {
        /// Its number.
        id: IncidentId,
        /// Tells it entry by entry.
        #[arg(long)]
        entries: bool,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says yes to a call that an incident asks about.
    Approve(Answer),
    /// Says no to it.
    Deny(Answer),
    /// Says afterwards whether cause and remedy were right; the next incident like it takes that into account.
    Feedback(feedback::Feedback),
    /// Has memory drop one incident, or all of a service; the journal keeps them.
    Forget(feedback::Forget),
    /// Proves the hash chain: finds a changed or missing entry.
    Verify {
        /// One incident; without it all.
        id: Option<IncidentId>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Prints entries as JSON lines: verdicts, approvals, changes, and what people decided about the agent itself (incident 0).
    Export {
        /// One incident; without it all.
        id: Option<IncidentId>,
    },
}

#[derive(Args)]
struct Answer {
    /// The incident's number.
    id: IncidentId,
    /// The call, such as c7.
    call: String,
    /// Why, for the journal.
    #[arg(long, default_value = "")]
    comment: String,
    /// Who answers, for the journal; used only when no server runs.
    #[arg(long, default_value = "command line")]
    by: String,
    /// Their role, operator or approver; used only when no server runs.
    #[arg(long, default_value = "operator", value_parser = APPROVERS)]
    role: String,
}

impl Incidents {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let path = settings.journal.path.clone();
        match self.command {
            Command::List { phase, service, json } => {
                list(&look(path)?, Filter { phase, service, most: 1_000, ..Filter::default() }, json).await
            }
            Command::Show { id, entries, json } => show(&look(path)?, id, entries, json).await,
            Command::Approve(answer) => answered(settings, answer, Decision::Approve).await,
            Command::Deny(answer) => answered(settings, answer, Decision::Deny).await,
            Command::Feedback(feedback) => feedback.run(settings).await,
            Command::Forget(forget) => forget.run(settings).await,
            Command::Verify { id, json } => verify(&look(path)?, id, json).await,
            Command::Export { id } => export(&look(path)?, id).await,
        }
    }
}

/// The journal to read from, beside a server that may be writing to it.
fn look(path: PathBuf) -> Result<Journal> {
    if !path.is_file() {
        bail!("there is no journal at {} ([journal] path); `serve` makes it", path.display());
    }
    Ok(Journal::inspect(path))
}

async fn list(journal: &Journal, filter: Filter, json: bool) -> Result<Found> {
    let mut out = Out::new();
    let found = journal.list(filter).await?;
    if json {
        out.json(&found)?;
        return Ok(Found::Well);
    }
    let mut rows = vec![["ID", "OPENED", "PHASE", "OUTCOME", "SERVICE", "TITLE"].map(str::to_owned).to_vec()];
    rows.extend(found.into_iter().map(|incident| {
        vec![
            incident.id.to_string(),
            incident.opened_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            incident.phase,
            incident.outcome.unwrap_or_else(|| "-".to_owned()),
            incident.service.unwrap_or_else(|| "-".to_owned()),
            incident.title,
        ]
    }));
    for line in table(&rows) {
        out.line(&line)?;
    }
    Ok(Found::Well)
}

async fn show(journal: &Journal, id: IncidentId, by_entry: bool, json: bool) -> Result<Found> {
    let mut out = Out::new();
    let (incident, entries) = journal.incident(id).await?;
    let report = Report::new(&incident, &entries);
    match (by_entry, json) {
        (true, true) => out.json(&entries)?,
        (true, false) => entries.iter().try_for_each(|entry| story::line(&mut out, entry))?,
        (false, true) => out.json(&report)?,
        (false, false) => out.text(&report.markdown())?,
    }
    for (state, approval) in incident.pending_approvals().filter(|_| !json) {
        let asks = format!(
            "Asks for leave until {}: {} {} — devops-agent incidents approve {id} {}",
            approval.expires.format("%H:%M:%S UTC"),
            state.call.tool,
            state.call.args,
            state.call.id
        );
        out.line(&out.paint(Colour::Yellow, &asks))?;
    }
    Ok(Found::Well)
}

async fn verify(journal: &Journal, id: Option<IncidentId>, json: bool) -> Result<Found> {
    let mut out = Out::new();
    let (read, broken) = journal.verify(id).await?;
    if json {
        out.json(&json!({ "entries": read, "broken": broken }))?;
    } else {
        for place in &broken {
            let what = format!("incident {}, entry {}: {}", place.incident, place.seq, place.what);
            out.line(&out.paint(Colour::Red, &what))?;
        }
        out.line(&format!("{read} entries read, {} breaks found", broken.len()))?;
    }
    Ok(if broken.is_empty() { Found::Well } else { Found::Wrong })
}

async fn export(journal: &Journal, id: Option<IncidentId>) -> Result<Found> {
    let mut out = Out::new();
    let ids = match id {
        Some(id) => {
            journal.exists(id).await?;
            vec![id]
        }
        None => {
            let all = journal.list(Filter { most: usize::MAX, ..Filter::default() }).await?;
            std::iter::once(OPERATIONS).chain(all.into_iter().rev().map(|summary| summary.id)).collect()
        }
    };
    for id in ids {
        for entry in journal.entries(id, 0, usize::MAX).await? {
            out.line(&serde_json::to_string(&entry)?)?;
        }
    }
    Ok(Found::Well)
}

/// Through the running server, which has the journal; straight into the journal when none runs.
async fn answered(settings: Settings, answer: Answer, decision: Decision) -> Result<Found> {
    if !settings.journal.path.is_file() {
        bail!("there is no journal at {} ([journal] path)", settings.journal.path.display());
    }
    let Answer { id, call, comment, by, role } = answer;
    match server::journal(&settings)? {
        Some(journal) => {
            let now = SystemClock.now();
            let (of, person) = (call.clone(), Person { name: by, role, from: "command line".to_owned() });
            journal
                .decide(id, move |incident| answer_approval(incident, &of, decision, &person, &comment, now))
                .await?;
            journal.close().await;
        }
        None => {
            let body = json!({ "decision": decision, "comment": comment });
            server::post(&settings, &format!("/incidents/{id}/approvals/{call}"), &body).await?;
        }
    }
    let word = match decision {
        Decision::Approve => "approved",
        Decision::Deny => "denied",
    };
    Out::new().line(&format!("{word}: incident {id}, call {call}"))?;
    Ok(Found::Well)
}
