//! The command line: parse, call one function, report the error. One file a sub-command.

mod check_config;
mod demo;
mod doctor;
mod eval;
mod feedback;
mod incidents;
mod investigate;
mod learn;
mod memory;
mod operate;
mod out;
mod policy;
mod runbooks;
mod serve;
mod server;
mod story;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::{
    config::{ConfigError, Loaded, LogFormat, Settings},
    journal::JournalError,
};

/// What an exit code means; the same in `--help` and README.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  done, and something was found wrong: a case failed, a chain is broken, a runbook or part is faulty,
     an incident was handed over
  2  the command line or the settings are wrong
  3  the journal cannot be used: in use by another process, disk full, later version
  4  anything else that kept the command from being done";

/// An autonomous infrastructure engineer: takes alerts, finds the cause, repairs within limits, proves it, reports.
#[derive(Parser)]
#[command(name = "devops-agent", version, after_help = EXIT_CODES)]
struct Cli {
    /// The settings file; without it `devops-agent.toml` in the working directory, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Takes alerts and questions over HTTP and works on them, until it is told to stop.
    Serve,
    /// Shows the main job on a recorded incident: no key, no Docker, no network.
    Demo(demo::Demo),
    /// Investigates one alert from a file, here and now, and prints the report.
    Investigate(investigate::Investigate),
    /// Lists, shows, proves and exports incidents; answers what they ask.
    Incidents(incidents::Incidents),
    /// Stops every change at once, in the running server too, until somebody resumes; survives restarts.
    Halt(operate::Said),
    /// Lets changes go on after a halt.
    Resume(operate::Said),
    /// Raises autonomy again after too many changes that did not help.
    Raise(operate::Raise),
    /// Says what the policy comes to, without an incident.
    Policy(policy::PolicyCommand),
    /// Checks, shows, reloads and learns runbooks.
    Runbooks(runbooks::Runbooks),
    /// Indexes, searches, counts, exports and imports what was learnt.
    Memory(memory::MemoryCommand),
    /// Prints the effective settings and where each came from.
    Config(check_config::Config),
    /// Asks every part how it is and says how to mend it.
    Doctor(doctor::DoctorCommand),
    /// Runs the agent on recorded incidents.
    Eval(eval::Eval),
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing wrong.
    Well,
    /// Something wrong; the command itself was done.
    Wrong,
}

/// Runs the program on the process's own arguments and environment.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment, once")]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = std::env::vars().collect::<Vec<_>>();
    // An error means that the provider is installed already, by a test in the same process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")
        .and_then(|runtime| runtime.block_on(run(cli, environment)));
    match done {
        Ok(Found::Well) => ExitCode::SUCCESS,
        Ok(Found::Wrong) => ExitCode::from(1),
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(code(&error))
        }
    }
}

async fn run(cli: Cli, environment: Vec<(String, String)>) -> Result<Found> {
    let load = || -> Result<Loaded> {
        let loaded = Settings::load(cli.config.as_deref(), environment.clone().into_iter())?;
        log(&loaded.settings);
        Ok(loaded)
    };
    match cli.command {
        Command::Serve => serve::run(load()?).await,
        Command::Demo(demo) => {
            quiet_log(&environment);
            demo.run().await
        }
        Command::Investigate(investigate) => investigate.run(load()?.settings).await,
        Command::Incidents(incidents) => incidents.run(load()?.settings).await,
        Command::Halt(said) => said.halt(load()?.settings).await,
        Command::Resume(said) => said.resume(load()?.settings).await,
        Command::Raise(raise) => raise.run(load()?.settings).await,
        Command::Policy(policy) => policy.run(load()?.settings).await,
        Command::Runbooks(runbooks) => runbooks.run(load()?.settings).await,
        Command::Memory(memory) => memory.run(load()?.settings).await,
        Command::Config(config) => config.run(&load()?),
        Command::Doctor(doctor) => doctor.run(load()?.settings).await,
        Command::Eval(eval) => {
            quiet_log(&environment);
            eval.run().await
        }
    }
}

/// Logs go to standard error, so that standard output stays a result.
fn log(settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::new(&settings.log.filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that a subscriber is set already, by a test in the same process.
    let _ = match settings.log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
}

/// For commands that tell a story themselves: warnings only, unless more is asked for.
fn quiet_log(environment: &[(String, String)]) {
    let asked = environment.iter().find(|(name, _)| name == "DEVOPS_AGENT__LOG__FILTER");
    let filter = asked.map_or("error", |(_, filter)| filter.as_str());
    let filter = tracing_subscriber::EnvFilter::new(filter);
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).try_init();
}

#[expect(clippy::print_stderr, reason = "the one place that tells why the program ends")]
fn complain(error: &anyhow::Error) {
    eprintln!("devops-agent: {error:#}");
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn code(error: &anyhow::Error) -> u8 {
    let is = |test: &dyn Fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(test);
    if is(&|cause| cause.is::<ConfigError>() || cause.is::<crate::guard::PolicyError>()) {
        return 2;
    }
    if is(&|cause| cause.is::<JournalError>()) {
        return 3;
    }
    4
}
