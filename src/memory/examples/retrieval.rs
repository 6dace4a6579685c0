//! How often the runbook of an alert is found by its annotations, its name hidden, by words alone, and how alike right and
//! wrong answers are.
//!
//! `cargo run -p devops-agent-memory --example retrieval -- ALERTS.jsonl FOLDER…`; a line of the first is
//! `{"annotations": {…}, "labels": {…}, "runbook": "name of its file without .md, in small letters"}`, its `runbook` empty
//! when there is none. `--missing` takes each alert's own runbook for absent.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement prints its figures and fails by panicking")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use memory::{Ask, Collection, Memory, MemoryOptions, Origin, Place, Symptoms};
use serde::Deserialize;

#[derive(Deserialize)]
struct Alert {
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    runbook: String,
}

fn stem(source: &str) -> String {
    source.rsplit('/').next().unwrap_or(source).trim_end_matches(".md").to_lowercase()
}

#[tokio::main]
async fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let missing = arguments.iter().any(|argument| argument == "--missing");
    arguments.retain(|argument| !argument.starts_with("--"));
    let (alerts, folders) = arguments.split_first().expect("ALERTS.jsonl FOLDER…");
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::Embedded { folder: folder.path().to_owned(), reserve: 0 };
    let options = MemoryOptions { threshold: 0.0, ..MemoryOptions::at(place) };
    let memory = Memory::open(options, str::to_owned).expect("memory");
    let origins: Vec<_> = folders.iter().map(|folder| Origin::Folder(PathBuf::from(folder))).collect();
    let ingested = memory.index(Collection::Runbooks, &origins, &|_| {}).await.expect("indexed");
    println!("{} runbooks, {} could not be read", ingested.documents, ingested.bad.len());
    let (mut asked, mut first, mut fifth) = (0_u32, 0_u32, 0_u32);
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for line in fs::read_to_string(alerts).expect("alerts").lines() {
        let alert: Alert = serde_json::from_str(line).expect("an alert");
        let symptoms = Symptoms { annotations: alert.annotations, labels: alert.labels, ..Symptoms::default() };
        let ask = Ask { text: symptoms.text(), limit: 20, ..Ask::default() };
        let mut found = memory.search(Collection::Runbooks, &ask).await.expect("found").hits;
        if missing {
            found.retain(|hit| stem(&hit.source) != alert.runbook);
        }
        let best = found.first().map(|hit| (stem(&hit.source), hit.likeness));
        if missing || alert.runbook.is_empty() {
            wrong.extend(best.map(|(_, likeness)| likeness).or(Some(0.0)));
            continue;
        }
        asked += 1;
        let place = found.iter().position(|hit| stem(&hit.source) == alert.runbook);
        first += u32::from(place == Some(0));
        fifth += u32::from(place.is_some_and(|place| place < 5));
        right.extend(best.as_ref().map(|(_, likeness)| *likeness));
        if place != Some(0) {
            println!("  {} at {place:?}, first is {best:?}", alert.runbook);
        }
    }
    if asked > 0 {
        let share = |count: u32| f64::from(count) / f64::from(asked);
        println!("{asked} alerts: recall@1 {:.3}, recall@5 {:.3}", share(first), share(fifth));
    }
    for (name, likeness) in [("with a runbook", &mut right), ("without one", &mut wrong)] {
        likeness.sort_by(f32::total_cmp);
        let at = |share: f64| likeness.get((share * likeness.len() as f64) as usize).copied().unwrap_or(f32::NAN);
        println!(
            "likeness of the best, {} {name}: 5 % {:.2}, 10 % {:.2}, 50 % {:.2}, 90 % {:.2}, 95 % {:.2}",
            likeness.len(),
            at(0.05),
            at(0.1),
            at(0.5),
            at(0.9),
            at(0.95)
        );
    }
}
