//! `runbooks lint|show|reload|learn`.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use tools::SystemClock;

use super::{
    Found, learn,
    out::{Colour, Out, table},
};
use crate::{
    config::Settings,
    parts::Parts,
    runbook::{Finding, Library, lint},
};

#[derive(Args)]
pub(super) struct Runbooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks every runbook against the tools' schemas; says file, line and what is wrong.
    Lint {
        /// The folder; without it that of the settings.
        folder: Option<PathBuf>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows all runbooks, or one.
    Show {
        /// Its name.
        name: Option<String>,
    },
    /// Has the running server read the folder again.
    Reload,
    /// Looks through all incidents for what can be learnt, and says of each what came of it.
    Learn {
        /// The folder for drafts; without it that of the settings.
        #[arg(long)]
        drafts: Option<PathBuf>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Runbooks {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        match self.command {
            Command::Lint { folder, json } => check(settings, folder, json),
            Command::Show { name } => show(&settings, name.as_deref()),
            Command::Reload => learn::reload(&settings).await,
            Command::Learn { drafts, json } => learn::learn(settings, drafts, json).await,
        }
    }
}

fn check(mut settings: Settings, folder: Option<PathBuf>, json: bool) -> Result<Found> {
    if let Some(folder) = folder {
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
        settings.runbooks.folder = folder;
    }
    let (library, errors) = Library::load_or_built_in(&settings.runbooks.folder)?;
    let scratch = tempfile::tempdir()?;
    settings.set_aside(scratch.path());
    let parts = Parts::build(settings, Arc::new(SystemClock))?;
    let guard = &parts.agent.guard;
    let specs = guard.all_specs();
    let form = |tool: &str, args: &serde_json::Value| guard.check(tool, args).map_err(|failure| failure.to_string());
    let mut found: Vec<Finding> =
        errors.into_iter().map(|error| Finding { file: error.file, line: error.line, what: error.what }).collect();
    for runbook in library.iter() {
        found.extend(lint(&runbook, &specs, &form));
    }
    let mut out = Out::new();
    if json {
        out.json(&found)?;
    } else {
        for Finding { file, line, what } in &found {
            out.line(&format!("{file}:{line}: {}", out.paint(Colour::Red, what)))?;
        }
        out.line(&format!("{} runbooks, {} findings", library.iter().count(), found.len()))?;
    }
    Ok(if found.is_empty() { Found::Well } else { Found::Wrong })
}

fn show(settings: &Settings, name: Option<&str>) -> Result<Found> {
    let (library, _) = Library::load_or_built_in(&settings.runbooks.folder)?;
    let mut out = Out::new();
    let Some(name) = name else {
        let rows = library
            .iter()
            .map(|runbook| vec![runbook.name.clone(), runbook.priority.to_string(), runbook.title.clone()]);
        for line in table(&rows.collect::<Vec<_>>()) {
            out.line(&line)?;
        }
        return Ok(Found::Well);
    };
    let Some(runbook) = library.get(name) else {
        let names: Vec<_> = library.iter().map(|runbook| runbook.name.clone()).collect();
        bail!("there is no runbook {name:?}; there are: {}", names.join(", "));
    };
    out.line(&format!("{} ({})\n", out.paint(Colour::Bold, &runbook.title), runbook.file))?;
    for step in &runbook.steps {
        let when = step.when.as_ref().map_or_else(String::new, |when| format!(" when {when}"));
        out.line(&format!("  {}: {} {}{when}", step.id, step.call, step.with))?;
    }
    out.line(&format!("\n{}", runbook.prose))?;
    Ok(Found::Well)
}
