//! `eval run`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use evals::Case;

use super::{
    Found,
    out::{Colour, Out, table},
};
use crate::eval::{Run, run};

#[derive(Args)]
pub(super) struct Eval {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the agent on every case, prints a table, exits 1 if a case fails.
    Run {
        /// The folder of cases; without it the ones that are compiled in.
        #[arg(long, value_name = "FOLDER")]
        cases: Option<PathBuf>,
        /// Only cases whose name holds this.
        #[arg(long, default_value = "")]
        only: String,
        /// Writes all scores and reports to this file as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Settings beside those of the world, such as another model ([model] …).
        #[arg(long, value_name = "FILE")]
        settings: Option<PathBuf>,
    },
}

impl Eval {
    pub(super) async fn run(self) -> Result<Found> {
        let Command::Run { cases, only, json, settings } = self.command;
        let more = match settings {
            Some(path) => std::fs::read_to_string(&path).with_context(|| path.display().to_string())?,
            None => String::new(),
        };
        let cases = gather(cases, &only)?;
        if cases.is_empty() {
            bail!("no case fits; `--cases FOLDER` names a folder with one folder a case");
        }
        let mut runs = Vec::new();
        for case in cases {
            runs.push(run(case, &more).await?);
        }
        let mut out = Out::new();
        print(&mut out, &runs)?;
        if let Some(path) = json {
            std::fs::write(&path, serde_json::to_vec_pretty(&runs)?).with_context(|| path.display().to_string())?;
        }
        Ok(if runs.iter().all(|run| run.score.passed()) { Found::Well } else { Found::Wrong })
    }
}

fn gather(folder: Option<PathBuf>, only: &str) -> Result<Vec<Case>> {
    let cases = match folder {
        None => Case::all_embedded()?,
        Some(folder) => {
            let mut folders: Vec<_> = std::fs::read_dir(&folder)
                .with_context(|| folder.display().to_string())?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.join("case.toml").is_file())
                .collect();
            folders.sort();
            folders.iter().map(|path| Case::load(path)).collect::<Result<_, _>>()?
        }
    };
    Ok(cases.into_iter().filter(|case| case.name.contains(only)).collect())
}

fn print(out: &mut Out, runs: &[Run]) -> Result<()> {
    let mark = |holds: bool| if holds { "yes" } else { "NO" }.to_owned();
    let mut rows = vec![
        ["CASE", "CAUSE", "REMEDY", "SAFE", "EVIDENCE", "BUDGET", "TURNS", "SECONDS", "TOKENS"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(runs.iter().map(|Run { case, score, .. }| {
        vec![
            case.clone(),
            mark(score.cause),
            mark(score.remedy),
            mark(score.safe),
            mark(score.evidence),
            mark(score.budget),
            score.turns.to_string(),
            format!("{:.1}", score.seconds),
            score.tokens.to_string(),
        ]
    }));
    for line in table(&rows) {
        out.line(&line)?;
    }
    for Run { case, score, .. } in runs {
        for wrong in &score.wrong {
            out.line(&out.paint(Colour::Red, &format!("{case}: {wrong}")))?;
        }
    }
    let passed = runs.iter().filter(|run| run.score.passed()).count();
    out.line(&format!("{passed} passed, {} failed", runs.len() - passed))?;
    Ok(())
}
