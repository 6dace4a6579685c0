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
mod hands;
mod lab;
mod llm;
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
        rows.push(scenarios::Row { name, failure: compared.err(), webhook: None, proven: None, own_share: None });
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
    let failed = rows.iter().filter(|row| row.failure.is_some()).count();
    println!("{} passed, {failed} failed", rows.len() - failed);
    Ok(failed)
}
