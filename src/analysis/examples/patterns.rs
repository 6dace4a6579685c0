//! Prints the patterns of a log, most lines first: `cargo run --release -p devops-agent-analysis --example patterns -- FILE`. With a CSV
//! that has a column `EventId`, a row a line, it says as well what share of lines and of patterns is grouped just as there.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "an example for people"
)]

use std::collections::{BTreeMap, BTreeSet};

use analysis::patterns::{Miner, Settings};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read(arguments.next().unwrap()).unwrap();
    let text = String::from_utf8_lossy(&text);
    let mut miner = Miner::new(Settings::default());
    let ids: Vec<_> = text.lines().map(|line| miner.add(line)).collect();
    let ids: Vec<_> = ids.into_iter().map(|id| miner.resolve(id)).collect();
    if let Some(truth) = arguments.next() {
        let truth = events(&std::fs::read_to_string(truth).unwrap());
        let (lines, patterns) = accuracy(&ids, &truth);
        println!("{lines:.4} of {} lines and {patterns:.4} of patterns are grouped as they should be", ids.len());
        if arguments.next().is_none() {
            return;
        }
        wrong(&text, &ids, &truth);
        return;
    }
    for pattern in miner.patterns() {
        println!("{:>8}  {}", pattern.count, pattern.template);
    }
}

/// The column `EventId` of a CSV.
fn events(csv: &str) -> Vec<String> {
    let rows = rows(csv);
    let column = rows[0].iter().position(|name| name == "EventId").unwrap();
    rows[1..].iter().filter(|row| row.len() > column).map(|row| row[column].clone()).collect()
}

fn rows(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = csv.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

fn sets<K: Ord + Clone>(keys: &[K]) -> BTreeMap<K, BTreeSet<usize>> {
    let mut sets: BTreeMap<K, BTreeSet<usize>> = BTreeMap::new();
    keys.iter().enumerate().for_each(|(at, key)| {
        sets.entry(key.clone()).or_default().insert(at);
    });
    sets
}

/// Of lines: one counts when its group is its event's set of lines exactly (Zhu et al., "Tools and Benchmarks for Automated Log Parsing",
/// 2019). Of patterns: the harmonic mean of how many of the groups found and of those wanted are right (Jiang et al., "A Large-Scale
/// Evaluation for Log Parsing Techniques: How Far Are We?", 2024).
fn accuracy(ids: &[u64], truth: &[String]) -> (f64, f64) {
    let (found, wanted) = (sets(ids), sets(truth));
    let right = || wanted.values().filter(|lines| found[&ids[*lines.first().unwrap()]] == **lines);
    let lines: usize = right().map(BTreeSet::len).sum();
    (lines as f64 / ids.len() as f64, 2.0 * right().count() as f64 / (found.len() + wanted.len()) as f64)
}

/// The events that are not grouped as they should be, with one line of each group that they fell into.
fn wrong(text: &str, ids: &[u64], truth: &[String]) {
    let lines: Vec<&str> = text.lines().collect();
    let (found, wanted) = (sets(ids), sets(truth));
    for (event, set) in &wanted {
        let groups: BTreeSet<u64> = set.iter().map(|at| ids[*at]).collect();
        if groups.len() == 1 && found[groups.first().unwrap()] == *set {
            continue;
        }
        println!("{event}: {} lines in {} groups", set.len(), groups.len());
        for group in groups.iter().take(4) {
            let at = *found[group].first().unwrap();
            println!("    {:>5} {}", found[group].len(), analysis::patterns::read(lines[at]).message);
        }
    }
}
