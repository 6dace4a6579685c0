//! The live suite's driver. Started by `tests/live/run`, which installs and builds what it needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a suite for people fails by saying so"
)]

mod agent;
mod first_look;
mod hands;
mod lab;
mod llm;
mod past;
mod promql;
mod scenarios;

use std::process::ExitCode;

use anyhow::Result;

use self::lab::Lab;

#[tokio::main]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let only = std::env::args().nth(1).filter(|word| !word.starts_with('-')).unwrap_or_default();
    match run(&only).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the live suite could not run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(only: &str) -> Result<usize> {
    let mut lab = Lab::start().await?;
    let mut done = scenarios::run(&mut lab, only).await;
    if let Ok(rows) = &mut done
        && "PromQL".contains(only)
    {
        println!("PromQL …");
        let name = "PromQL: the world beside a real Prometheus";
        let compared = promql::differential(&lab).await;
        if let Ok(compared) = &compared {
            println!("    {compared} answers are equal");
        }
        rows.push(scenarios::Row::told(name, compared.err()));
    }
    lab.stop().await;
    let rows = done?;
    println!("\n{:<44} {:<7} {:>9} {:>9} {:>9}", "SCENARIO", "RESULT", "WEBHOOK", "PROVEN", "OWN SHARE");
    let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2} s"));
    for row in &rows {
        let word = if row.failure.is_none() { "ok" } else { "FAILED" };
        println!(
            "{:<44} {word:<7} {:>9} {:>9} {:>9}",
            row.name,
            seconds(row.webhook),
            seconds(row.proven),
            seconds(row.own_share)
        );
        if let Some(failure) = &row.failure {
            println!("    {failure:#}");
        }
    }
    println!(
        "WEBHOOK: fault to alert on disk. PROVEN: fault to proof. OWN SHARE: alert to end, without the change and its proof."
    );
    first_looks(&rows);
    let failed = rows.iter().filter(|row| row.failure.is_some()).count();
    println!("{} passed, {failed} failed", rows.len() - failed);
    Ok(failed)
}

/// How quickly, and at how many tokens, the evidence was there that a model needs.
fn first_looks(rows: &[scenarios::Row]) {
    println!(
        "\n{:<50} {:>8} {:>8} {:>8} {:>8} {:>8}  LATE",
        "FIRST LOOK", "SECONDS", "TOKENS", "MISSING", "TOLD", "RAW"
    );
    for row in rows {
        if let Some(look) = &row.first_look {
            let weight = look.weight;
            println!(
                "{:<50} {:>8.2} {:>8} {:>8} {:>8} {:>8}  {}",
                row.name,
                look.seconds,
                weight.first_look,
                look.missing,
                weight.told,
                weight.raw.max(tokens(row.received)),
                look.late.join(" ")
            );
        }
    }
    println!(
        "TOKENS: alert, runbook and first answers as a model reads them. MISSING: looks that its first turn still wanted. TOLD: all that it\nreads to the end. RAW: what Prometheus, Alertmanager, health checks and Docker's logs answered to the\nend, at four bytes a token, or what the journal keeps of all answers if that is more. LATE: tools that the first look did not wait for."
    );
}

/// JSON of metrics has fewer than four bytes a token: the raw answers are rather told too small.
fn tokens(bytes: u64) -> usize {
    usize::try_from(bytes / 4).unwrap_or(usize::MAX)
}
