//! Search over 100,000 documents in the embedded store, words and meanings fused, filtered by service, beside its limit.
//!
//! `cargo bench -p devops-agent-memory --bench memory`; exits 1 when the 99th percentile is over the limit. The documents are made
//! up: words by Zipf's law without stop words, meanings in clusters. `whole` is what a tool waits for: the endpoint (on this machine),
//! the search, how rare each word is, and the order of the documents.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a benchmark prints its figures and fails by panicking"
)]

use std::{fs, process::ExitCode, sync::Arc, time::Duration, time::Instant};

use futures::FutureExt;
use memory::{
    Ask, Collection, Edge, EmbeddingOptions, Filter, Index, IndexName, Indexed, Memory, MemoryOptions, Place, Point,
    Store, Wanted, Weights, question,
};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Milliseconds that a search may take at the 99th percentile.
const LIMIT: f64 = 10.0;
const DOCUMENTS: usize = 100_000;
const DIMENSIONS: usize = 384;
const SERVICES: usize = 50;
const VOCABULARY: usize = 30_000;
const STOP_WORDS: usize = 100;
const ROUNDS: usize = 2_000;

/// A small generator of even numbers (xorshift), so that every run has the same documents.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A word by Zipf's law without its head, which is stop words: the nth comes in proportion to 1 / (n + 100).
    fn word(&mut self) -> String {
        let (head, all) = (STOP_WORDS as f64, VOCABULARY as f64);
        let rank = head * ((head + all) / head).powf(self.share()) - head;
        format!("w{}q", letters(rank as usize))
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn meaning(&mut self) -> Vec<f32> {
        let mut centre = Chance(1 + self.next() % 200);
        (0..DIMENSIONS).map(|_| (centre.share() + 0.5 * self.share() - 0.75) as f32).collect()
    }
}

/// A number in letters: digits would be words of their own.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}

fn document(number: usize, chance: &mut Chance, weights: &Weights) -> Indexed {
    let (title, text) = (chance.text(5), chance.text(60));
    let words = weights.document(&title, "", &text);
    let source = format!("documents/{number}.md");
    let point = Point {
        id: Point::id_of(Collection::Documents, &source, 0),
        source,
        title,
        section: String::new(),
        keywords: String::new(),
        service: Some(format!("service-{}", number % SERVICES)),
        environment: Some("production".to_owned()),
        kind: "document".to_owned(),
        at: None,
        hash: number.to_string(),
        text,
        data: None,
    };
    Indexed { point, words, meaning: Some(chance.meaning()) }
}

/// Gives every text some meaning.
struct Endpoint;

impl Respond for Endpoint {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().expect("JSON");
        let texts = body["input"].as_array().expect("texts");
        let data: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| json!({"index": index, "embedding": Chance(7 + text.to_string().len() as u64).meaning()}))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
    }
}

fn about(round: usize) -> Filter {
    Filter { service: Some(format!("service-{}", round % SERVICES)), general: true, ..Filter::default() }
}

/// Seconds that the processors spent on this process: on a busy machine they tell more than the clock.
fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |field: usize| stat.split_whitespace().nth(field).and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

/// Resident memory, and how much of it is the process's own and how much mapped files, which the system may take back.
fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let megabytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    format!("{} MB, own {}, files {}", megabytes("VmRSS"), megabytes("RssAnon"), megabytes("RssFile"))
}

fn told(name: &str, times: &mut [Duration]) -> f64 {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name}: p50 {:.2} ms, p90 {:.2}, p99 {:.2}, most {:.2}", at(0.5), at(0.9), at(0.99), at(1.0));
    at(0.99)
}

#[tokio::main]
async fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("a provider");
    let folder = tempfile::tempdir().expect("a folder");
    let weights = Weights::default();
    let name = IndexName::of(&weights, Some("made-up"), 1);
    let index = Index { collection: Collection::Documents, name };
    let mut chance = Chance(42);
    println!("resident before: {}", resident());
    {
        let edge = Edge::open(folder.path(), 0).expect("a store");
        edge.create(&index, Some(DIMENSIONS)).await.expect("an index");
        let begun = Instant::now();
        for batch in (0..DOCUMENTS).collect::<Vec<_>>().chunks(256) {
            let points = batch.iter().map(|number| document(*number, &mut chance, &weights)).collect();
            edge.write(&index, points).await.expect("written");
        }
        edge.switch(&index).await.expect("switched");
        println!("{DOCUMENTS} documents written in {:.0} s", begun.elapsed().as_secs_f64());
    }
    println!("resident after closing: {}", resident());
    let edge = Edge::open(folder.path(), 0).expect("a store");
    let mut worst = 0.0;
    for (name, filtered, by_meaning) in [
        ("store, words", false, false),
        ("store, words, filtered", true, false),
        ("store, filtered hybrid", true, true),
    ] {
        let (mut times, cpu) = (Vec::with_capacity(ROUNDS), processor_time());
        for round in 0..ROUNDS {
            let filter = if filtered { about(round) } else { Filter::default() };
            let meaning = by_meaning.then(|| chance.meaning());
            let wanted = Wanted { words: question(&chance.text(15)), meaning, filter, limit: 40, fusion: 60 };
            let begun = Instant::now();
            let found = edge.search(&index, wanted).await.expect("found");
            times.push(begun.elapsed());
            assert!(!found.is_empty());
        }
        let spent = (processor_time() - cpu) * 1e3 / ROUNDS as f64;
        worst = told(name, &mut times[1..]);
        println!("  processor time of each: {spent:.2} ms");
    }
    println!("resident while open: {}", resident());
    drop(edge);
    let server = MockServer::builder().disable_request_recording().start().await;
    Mock::given(any()).respond_with(Endpoint).mount(&server).await;
    let embeddings = EmbeddingOptions {
        client: reqwest::Client::new(),
        base_url: server.uri().parse().expect("an address"),
        api_key: String::new().into(),
        model: "made-up".to_owned(),
        timeout: Duration::from_secs(5),
        retries: 0,
        longest_wait: Duration::ZERO,
        answer_max: 1 << 20,
        pause: Arc::new(|_| async {}.boxed()),
        now: Arc::new(Default::default),
    };
    let place = Place::Embedded { folder: folder.path().to_owned(), reserve: 0 };
    let options = MemoryOptions { embeddings: Some(embeddings), threshold: 0.0, ..MemoryOptions::at(place) };
    let memory = Memory::open(options, str::to_owned).expect("memory");
    let (mut whole, mut asked) = (Vec::with_capacity(ROUNDS), 0);
    for round in 0..ROUNDS {
        let ask = Ask { text: chance.text(15), filter: about(round), limit: 5 };
        let begun = Instant::now();
        let found = memory.search(Collection::Documents, &ask).await.expect("found");
        whole.push(begun.elapsed());
        asked += found.hits.len();
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }
    told("whole, with its endpoint", &mut whole[1..]);
    println!("{asked} hits; limit {LIMIT} ms for the store's 99th percentile");
    if worst > LIMIT { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
