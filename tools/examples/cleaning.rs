//! How long cleaning takes: `cargo run --release -p devops-agent-tools --example cleaning`.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example prints")]

use std::{hint::black_box, time::Instant};

const ORDINARY: &str = include_str!("../src/ordinary.txt");
const SECRETS: &str = "level=info msg=\"connecting\" url=postgres://app:hunter2@db:5432/x token=9sVx2kQpLz7TfB4m";
const COLOURED: &str = "\u{1b}[31mERROR\u{1b}[0m größer als erwartet \u{200b}\u{202e}x";

fn main() {
    let lines: Vec<_> = ORDINARY.lines().collect();
    let plain: Vec<_> = lines.iter().copied().filter(|line| line.is_ascii()).collect();
    let telling = ["key", "token", "pass", "auth", "secret", "cookie", "://"];
    let silent = |line: &&str| telling.iter().all(|word| !line.to_ascii_lowercase().contains(word));
    let without: Vec<_> = plain.iter().copied().filter(silent).collect();
    time("ordinary lines without a telling word", &without, tools::clean);
    time("ordinary lines, many with one", &plain, tools::clean);
    time("one line with two secrets", &[SECRETS], tools::clean);
    time("one line with colours and what hides", &[COLOURED], tools::clean);
    time("all ordinary lines as one text", &[ORDINARY], tools::clean);
    time("ordinary lines, read for orders", &plain, tools::reads_as_instruction);
    time("64 KiB of one letter", &["x".repeat(64 << 10).as_str()], tools::clean);
    time("64 KiB of keys", &["password=".repeat(7_200).as_str()], tools::clean);
}

fn time<T>(what: &str, texts: &[&str], run: impl Fn(&str) -> T) {
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let rounds = (20_000_000 / bytes.max(1)).clamp(3, 20_000);
    texts.iter().for_each(|text| drop(black_box(run(text))));
    let start = Instant::now();
    for _ in 0..rounds {
        texts.iter().for_each(|text| drop(black_box(run(black_box(text)))));
    }
    let runs = u32::try_from(rounds * texts.len()).expect("a small number");
    let each = start.elapsed() / runs;
    println!("{what}: {each:?} each of {} bytes on average", bytes / texts.len());
}
