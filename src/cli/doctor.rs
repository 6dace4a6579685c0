//! `doctor`.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use tools::SystemClock;

use super::{
    Found,
    out::{Colour, Out},
};
use crate::{
    config::Settings,
    doctor::Doctor,
    http::{Part, PartState},
    journal::JournalError,
    parts::Parts,
};

#[derive(Args)]
pub(super) struct DoctorCommand {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl DoctorCommand {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        let mut out = Out::new();
        if !settings.journal.path.exists() {
            // A doctor leaves nothing behind: the journal is `serve`'s to make.
            let note = format!("the journal {} is not there yet; `serve` makes it", settings.journal.path.display());
            return self.without_journal(&mut out, settings, &note).await;
        }
        let parts = match Parts::build(settings.clone(), Arc::new(SystemClock)) {
            Ok(parts) => parts,
            Err(error) if error.chain().any(|cause| matches!(cause.downcast_ref(), Some(JournalError::InUse(_)))) => {
                // A running agent has the journal, which proves that it works; the other parts are asked beside it.
                let note = "the journal is in use by a running devops-agent: it works";
                return self.without_journal(&mut out, settings, note).await;
            }
            Err(error) => return Err(error),
        };
        let examined = Doctor::new(&parts).examine().await;
        parts.journal.close().await;
        self.print(&mut out, &examined, None)
    }

    async fn without_journal(&self, out: &mut Out, mut settings: Settings, note: &str) -> Result<Found> {
        let folder = tempfile::tempdir()?;
        settings.set_aside(folder.path());
        let parts = Parts::build(settings, Arc::new(SystemClock))?;
        let mut examined = Doctor::new(&parts).examine().await;
        examined.retain(|part| part.name != "journal" && part.name != "memory");
        parts.journal.close().await;
        self.print(out, &examined, Some(note))
    }

    fn print(&self, out: &mut Out, parts: &[Part], note: Option<&str>) -> Result<Found> {
        let failing = parts.iter().any(|part| part.state == PartState::Failing);
        if self.json {
            out.json(&parts)?;
        } else {
            for part in parts {
                let (colour, word) = match part.state {
                    PartState::Ok => (Colour::Green, "ok     "),
                    PartState::Absent => (Colour::Yellow, "absent "),
                    PartState::Failing => (Colour::Red, "failing"),
                };
                out.line(&format!("{} {:<13} {}", out.paint(colour, word), part.name, part.found))?;
                if part.state != PartState::Ok {
                    out.line(&format!("        without it   {}", part.without))?;
                    out.line(&format!("        to mend it   {}", part.mend))?;
                }
            }
            if let Some(note) = note {
                out.line(note)?;
            }
        }
        Ok(if failing { Found::Wrong } else { Found::Well })
    }
}
