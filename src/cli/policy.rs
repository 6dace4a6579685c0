//! `policy check|explain|test|reload`: what the policy comes to, without an incident.

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tools::SystemClock;

use super::{
    Found,
    out::{Colour, Out},
    server,
};
use crate::{
    config::Settings,
    guard::{Considered, Policy, explain},
    incident::Verdict,
    journal::Journal,
    parts::Parts,
};

#[derive(Args)]
pub(super) struct PolicyCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says what the guard would say to a call, with the numbers; exits 1 when it would not run without asking.
    Check {
        /// The tool, such as restart_container.
        tool: String,
        /// Its arguments as JSON, such as '{"service": "payments", "reason": "why"}'.
        args: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Says for a service what the agent may do alone, what it must ask, and what it can never do.
    Explain {
        /// A service of the catalogue.
        service: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Reads a policy file, its rules' examples among it; prints the whole compiled-in one with --built-in.
    Test {
        /// The file; without it that of the settings.
        file: Option<String>,
        /// Prints the compiled-in policy, which documents every key.
        #[arg(long)]
        built_in: bool,
    },
    /// Lets the running server read its policy file again (as SIGHUP does).
    Reload,
}

impl PolicyCommand {
    pub(super) async fn run(self, settings: Settings) -> Result<Found> {
        match self.command {
            Command::Check { tool, args, json } => check(settings, &tool, &args, json).await,
            Command::Explain { service, json } => explained(settings, &service, json).await,
            Command::Test { built_in: true, .. } => {
                Out::new().text(Policy::built_in_text())?;
                Ok(Found::Well)
            }
            Command::Test { file, .. } => test(&file.unwrap_or(settings.guard.policy)),
            Command::Reload => {
                let answer = server::post(&settings, "/policy/reload", &json!({})).await?;
                Out::new().line(&format!("the policy holds: {answer}"))?;
                Ok(Found::Well)
            }
        }
    }
}

/// All parts over a journal that is only read, so that a server may be running.
async fn parts(settings: Settings) -> Result<(Parts, bool)> {
    let there = settings.journal.path.is_file();
    let journal = Journal::inspect(settings.journal.path.clone());
    let parts = Parts::join(settings, Arc::new(SystemClock), journal)?;
    parts.discover().await;
    Ok((parts, there))
}

async fn check(settings: Settings, tool: &str, args: &str, json: bool) -> Result<Found> {
    let right = "right would be '{\"service\": \"payments\", \"reason\": \"why\"}'";
    let args: Value = match serde_json::from_str(args) {
        Ok(args) => args,
        Err(error) => bail!("the arguments are not JSON: {error}; {right}"),
    };
    let (parts, history) = parts(settings).await?;
    let Considered { judgement, effect, without } = match parts.agent.guard.consider(tool, &args, history).await? {
        Ok(considered) => considered,
        Err(failure) => bail!("{failure}"),
    };
    let runs = matches!(judgement.verdict, Verdict::Allow(_));
    let mut out = Out::new();
    if json {
        out.json(&json!({
            "verdict": judgement.verdict, "says": judgement.verdict.reason().to_string(), "weighed": judgement.weighed,
            "approval": judgement.approval.to_string(), "effect": effect, "without": without,
        }))?;
        return Ok(if runs { Found::Well } else { Found::Wrong });
    }
    let (word, colour) = match &judgement.verdict {
        Verdict::Allow(_) => ("allowed", Colour::Green),
        Verdict::Ask(_) => ("asks first", Colour::Yellow),
        Verdict::Refuse(_) => ("refused", Colour::Red),
    };
    out.line(&format!("{}: {}", out.paint(colour, word), judgement.verdict.reason()))?;
    if matches!(judgement.verdict, Verdict::Ask(_)) {
        out.line(&format!("  leave from {}", judgement.approval))?;
    }
    if let Some(effect) = effect {
        out.line(&format!("  it {}", effect.says))?;
    }
    for weighed in &judgement.weighed {
        out.line(&format!("  {weighed}"))?;
    }
    if let Some(without) = without {
        out.line(&format!("  the world could not be asked: {without}"))?;
    }
    Ok(if runs { Found::Well } else { Found::Wrong })
}

async fn explained(settings: Settings, service: &str, json: bool) -> Result<Found> {
    let (parts, _) = parts(settings).await?;
    let specs = parts.agent.guard.all_specs();
    let told = explain(&parts.policy.load(), specs.iter(), &parts.catalogue.load(), service, parts.clock.now());
    let told = told.map_err(anyhow::Error::msg)?;
    let mut out = Out::new();
    if json {
        out.json(&told)?
    } else {
        out.text(&told.to_string())?
    }
    Ok(Found::Well)
}

fn test(file: &str) -> Result<Found> {
    let policy = Policy::load(file)?;
    let file = if file.is_empty() { "the compiled-in policy" } else { file };
    let rules = policy.rules().len();
    Out::new().line(&format!("{file} holds: {rules} rules, each means what its examples say ({})", policy.hash))?;
    Ok(Found::Well)
}
