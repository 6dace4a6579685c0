//! A verdict with 1,000 rules and 10,000 journalled changes, beside its limit: what is read from the journal, and the judging itself.
//!
//! `cargo bench --bench judge`; exits 1 when the 99th percentile is over the limit.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints its figures and fails by panicking")]

use std::{collections::BTreeSet, fmt::Write as _, process::ExitCode, sync::Arc, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use devops_agent::{
    guard::{Facts, Policy, judge},
    incident::{Call, Event, Incident},
    journal::{Journal, JournalOptions},
};
use serde_json::json;
use tools::{Effect, Origin, Replicas, Service, SystemClock, Touches};

/// Microseconds that a verdict may take at the 99th percentile.
const LIMIT: f64 = 50.0;
const RULES: usize = 1_000;
const CHANGES: u64 = 10_000;
const ROUNDS: usize = 20_000;

/// Rules as a large house has them: by service and tool, some by environment, a tenth with windows, most not about this call.
fn policy() -> Policy {
    let mut text = "version = 1\nautonomy = \"act\"\n".to_owned();
    for index in 0..RULES {
        let (tool, service) = match index % 4 {
            0 => ("restart_container".to_owned(), format!("service-{index}")),
            1 => ("*".to_owned(), format!("team-{index}-*")),
            2 => ("scale_*".to_owned(), "*".to_owned()),
            _ => ("*".to_owned(), format!("*-{index}-db")),
        };
        let example = (tool.replace('*', "service"), service.replace('*', "x"));
        let (window, at) = if index % 10 == 0 {
            (
                "when = { cron = \"0 18 * * FRI\", for = \"62h\", zone = \"Europe/Berlin\" }\n",
                ", at = \"2026-11-20T19:00:00Z\"",
            )
        } else {
            ("", "")
        };
        let _ = write!(
            text,
            "[[rules]]\nname = \"rule {index}\"\ntool = {tool:?}\nservice = {service:?}\n{window}verdict = \"ask\"\nbecause = \"x\"\n\
             examples = [{{ tool = {:?}, service = {:?}{at} }}]\n",
            example.0, example.1
        );
    }
    // And some that speak about every call, a window among them.
    for (index, window) in
        ["", "when = { cron = \"0 18 * * FRI\", for = \"62h\", zone = \"Europe/Berlin\" }\n"].iter().enumerate()
    {
        let _ = write!(
            text,
            "[[rules]]\nname = \"all {index}\"\n{window}caps = {{ changes_a_service_an_hour = 3 }}\nbecause = \"x\"\n\
             examples = [{{ tool = \"x\", service = \"y\", at = \"2026-11-20T19:00:00Z\" }}]\n"
        );
    }
    Policy::parse("benchmark", &text).expect("a policy that holds")
}

async fn journal(folder: &tempfile::TempDir) -> Journal {
    let options = JournalOptions { path: folder.path().join("journal.db"), queue: 1_024 };
    let journal = Journal::open(&options, Arc::new(SystemClock)).expect("a journal");
    let begun = |index: u64| Event::ChangeBegun {
        call: Call { id: format!("c{index}"), tool: "restart_container".to_owned(), args: json!({}) },
        service: format!("service-{}", index % 100),
        touches: Touches::Service,
        effect: Effect::default(),
        before: json!({}),
        around: Vec::new(),
        hold_seconds: 0,
    };
    let proven = |index: u64| Event::Verified { call: format!("c{index}"), ok: true, checks: Vec::new(), seconds: 1.0 };
    let id = journal.begin(vec![begun(0), proven(0)], usize::MAX).await.expect("an incident");
    for from in (1..CHANGES).step_by(500) {
        let events = (from..(from + 500).min(CHANGES)).flat_map(|index| [begun(index), proven(index)]).collect();
        journal.append(id, events, None).await.expect("written");
    }
    journal
}

fn row(what: &str, mut micros: Vec<f64>) -> f64 {
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros.get((micros.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    println!("{what:<52} p50 {:>8.2} µs   p99 {:>8.2} µs", at(0.5), at(0.99));
    at(0.99)
}

#[tokio::main]
async fn main() -> ExitCode {
    let policy = policy();
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder).await;
    let service = Service::named("service-7", Origin::Settings);
    let now: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
    let (needs, scope) = (BTreeSet::from(["db".to_owned()]), ["service-7".to_owned()]);
    let effect = Effect { replicas: Some(Replicas { all: 4, well: 4, taken_at_once: 1 }), ..Effect::default() };
    let args = json!({ "service": "service-7", "reason": "x" });
    let incident = Incident::new(1);
    let (mut judging, mut reading) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let now = now + TimeDelta::seconds(round as i64);
        let begun = Instant::now();
        let history = journal.history("service-7", now).await.expect("a history");
        reading.push(begun.elapsed().as_secs_f64() * 1e6);
        let facts = Facts {
            tool: "restart_container",
            touches: Touches::Service,
            args: &args,
            named: "service-7",
            service: Some(&service),
            needs: &needs,
            scope: &scope,
            incident: &incident,
            history: &history,
            effect: Some(&effect),
            pages: false,
            untrusted: None,
            now,
        };
        let begun = Instant::now();
        let judgement = std::hint::black_box(judge(&policy, &facts));
        judging.push(begun.elapsed().as_secs_f64() * 1e6);
        drop(judgement);
    }
    println!("{RULES} rules, {CHANGES} journalled changes, {ROUNDS} verdicts; limit of a verdict: {LIMIT} µs at p99");
    let p99 = row("judge", judging);
    row("the history read for it, by another thread", reading);
    journal.close().await;
    if p99 > LIMIT { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
