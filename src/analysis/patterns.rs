//! Log patterns: lines that were printed by the same statement, found without knowing the program. After Drain (He, Zhu, Zheng and Lyu,
//! "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), on raw lines: headers of the usual loggers are taken off
//! first, so that timestamps, levels and process ids neither make nor spoil a pattern.
//!
//! Invariant: bounded. However many different lines come, no more than `most` patterns and their ways in are kept; of too many those go
//! that were not seen for longest, a busy one later than a rare one.

mod cluster;
mod compare;
mod event;
mod header;
mod structured;
mod words;

use std::collections::HashMap;

use serde::Serialize;

pub use compare::{Comparison, Grown, Side, compare};
pub use event::joined;
pub use header::{Level, Line, read};

use cluster::Cluster;
use words::{Hashed, Word, Words};

/// How a miner works. One setting for all logs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Patterns that are kept at once.
    pub most: usize,
    /// The share of words that two lines of one pattern have in common at least.
    pub alike: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { most: 4_096, alike: 0.7 }
    }
}

/// Names a pattern within its miner. A pattern that was dropped for others never gets its name back.
pub type PatternId = u64;

/// What is known of a pattern.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pattern {
    /// Its name.
    pub id: PatternId,
    /// Its words, with `<*>` where lines differ.
    pub template: String,
    /// Lines.
    pub count: u64,
    /// The first of them, without its header.
    pub example: String,
    /// The worst level that a line of it had.
    pub level: Level,
}

/// Finds patterns, line by line.
#[derive(Debug)]
pub struct Miner {
    settings: Settings,
    clusters: HashMap<PatternId, Cluster>,
    /// From the hash of a line's words, values left out, to its pattern: most lines were seen before.
    known: HashMap<u64, PatternId>,
    /// From the number of words and the first of them to the patterns that begin so.
    roots: HashMap<u64, Vec<PatternId>>,
    next: PatternId,
    tick: u64,
    dropped: u64,
    words: Words,
}

/// Ways into patterns that are kept for each pattern, on average.
const WAYS: usize = 8;
/// Patterns with one beginning that are compared with a new line.
const SIBLINGS: usize = 256;

impl Miner {
    /// Without patterns yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            clusters: HashMap::new(),
            known: HashMap::new(),
            roots: HashMap::new(),
            next: 0,
            tick: 0,
            dropped: 0,
            words: Words::default(),
        }
    }

    /// The pattern of a line, as it came.
    pub fn add(&mut self, line: &str) -> PatternId {
        let Line { message, level } = header::read(line);
        self.add_message(&message, level)
    }

    /// The pattern of a message whose header is off already.
    pub fn add_message(&mut self, message: &str, level: Level) -> PatternId {
        self.tick += 1;
        let Hashed { whole, root } = self.words.read(message);
        if let Some(cluster) = self.known.get(&whole).and_then(|id| self.clusters.get_mut(id)) {
            cluster.seen(level, self.tick);
            return cluster.id;
        }
        let words = self.words.of(message);
        let nearest = self.nearest(root, &words).and_then(|id| self.clusters.get_mut(&id));
        let id = match nearest {
            Some(cluster) => {
                cluster.merge(&words);
                cluster.seen(level, self.tick);
                cluster.id
            }
            None => self.begin(message, &words, root, level),
        };
        if self.known.len() >= self.settings.most.saturating_mul(WAYS) {
            // Ways are found again when they are needed.
            self.known.clear();
        }
        self.known.insert(whole, id);
        id
    }

    /// How many patterns were dropped for others so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many patterns are kept.
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// A pattern by its name; `None` when it was dropped.
    pub fn pattern(&self, id: PatternId) -> Option<Pattern> {
        self.clusters.get(&id).map(Cluster::pattern)
    }

    /// All patterns that are kept, most lines first.
    pub fn patterns(&self) -> Vec<Pattern> {
        let mut all: Vec<_> = self.clusters.values().map(Cluster::pattern).collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then(a.id.cmp(&b.id)));
        all
    }

    fn nearest(&self, root: u64, words: &[Word]) -> Option<PatternId> {
        let siblings = self.roots.get(&root)?;
        let mut best: Option<(f64, PatternId)> = None;
        for id in siblings.iter().rev().take(SIBLINGS) {
            let Some(cluster) = self.clusters.get(id) else { continue };
            let alike = cluster.alike(words);
            if alike >= self.settings.alike && best.is_none_or(|(most, _)| alike > most) {
                best = Some((alike, *id));
            }
        }
        best.map(|(_, id)| id)
    }

    fn begin(&mut self, message: &str, words: &[Word], root: u64, level: Level) -> PatternId {
        if self.clusters.len() >= self.settings.most {
            self.make_room();
        }
        let id = self.next;
        self.next += 1;
        self.clusters.insert(id, Cluster::new(id, root, words, message, level, self.tick));
        self.roots.entry(root).or_default().push(id);
        id
    }

    /// A tenth goes at once: finding out which costs a look at all.
    fn make_room(&mut self) {
        let mut ages: Vec<(u64, PatternId)> =
            self.clusters.values().map(|cluster| (cluster.worth(self.settings.most), cluster.id)).collect();
        ages.sort_unstable();
        for (_, id) in ages.into_iter().take((self.settings.most / 10).max(1)) {
            self.dropped += 1;
            if let Some(gone) = self.clusters.remove(&id)
                && let Some(siblings) = self.roots.get_mut(&gone.root)
            {
                siblings.retain(|other| *other != id);
                if siblings.is_empty() {
                    self.roots.remove(&gone.root);
                }
            }
        }
        self.known.retain(|_, id| self.clusters.contains_key(id));
    }
}

#[cfg(test)]
mod tests;
