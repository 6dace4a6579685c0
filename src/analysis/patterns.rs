//! Log patterns: lines that were printed by the same statement, found without knowing the program. After Drain (He, Zhu, Zheng and Lyu,
//! "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), on raw lines: headers of the usual loggers are taken off
//! first, so that timestamps, levels and process ids neither make nor spoil a pattern.
//!
//! Invariant: bounded. However many different lines come, no more than `most` patterns and their ways in are kept; of too many those go
//! that were not seen for longest, a busy one later than a rare one. The names of merged patterns are kept as long.

mod cluster;
mod compare;
mod event;
mod header;
mod index;
mod mask;
mod structured;
mod word;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

pub use compare::{Comparison, Grown, Side, compare};
pub use event::joined;
pub use header::{Level, Line, read};

use cluster::{Cluster, Likeness};
use index::{Index, keys};
use mask::Masked;
use word::Word;

/// How a miner works. One setting for all logs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Patterns that are kept at once.
    pub most: usize,
    /// The share of words, values not counted, that two lines of one pattern have in common at least.
    pub alike: f64,
    /// So many patterns that differ in one word of the sentence are one pattern, and that word is a value.
    pub alternatives: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { most: 4_096, alike: 0.6, alternatives: 5 }
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

/// Finds patterns, line by line. Unlike Drain it makes a word of the sentence a value only when enough others were seen in its place: that
/// `started` and `stopped` stay two patterns tells more than that they are alike.
#[derive(Debug)]
pub struct Miner {
    settings: Settings,
    clusters: HashMap<PatternId, Cluster>,
    /// From the hash of a line's words, values left out, to its pattern: most lines were seen before.
    known: HashMap<u64, PatternId>,
    index: Index,
    /// Patterns that turned out to be one with an older one.
    merged: BTreeMap<PatternId, PatternId>,
    next: PatternId,
    tick: u64,
    dropped: u64,
    masked: Masked,
}

/// Ways into patterns that are kept for each pattern, on average.
const WAYS: usize = 8;

impl Miner {
    /// Without patterns yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            clusters: HashMap::new(),
            known: HashMap::new(),
            index: Index::default(),
            merged: BTreeMap::new(),
            next: 0,
            tick: 0,
            dropped: 0,
            masked: Masked::default(),
        }
    }

    /// The pattern of a line, as it came. What is found to be one with an older pattern later is told by [`resolve`](Self::resolve).
    pub fn add(&mut self, line: &str) -> PatternId {
        let Line { message, level } = header::read(line);
        self.add_message(&message, level)
    }

    /// The pattern of a message whose header is off already.
    pub fn add_message(&mut self, message: &str, level: Level) -> PatternId {
        self.tick += 1;
        let whole = self.masked.read(message);
        if let Some(cluster) = self.known.get(&whole).and_then(|id| self.clusters.get_mut(id)) {
            cluster.seen(level, self.tick);
            return cluster.id;
        }
        let words = self.masked.words();
        let id = match self.nearest(&words, level) {
            Some(id) => {
                self.change(id, |cluster, tick| {
                    cluster.join(&words);
                    cluster.seen(level, tick);
                });
                id
            }
            None => self.begin(message, words, level),
        };
        if self.known.len() >= self.settings.most.saturating_mul(WAYS) {
            // Ways are found again when they are needed.
            self.known.clear();
        }
        self.known.insert(whole, id);
        id
    }

    /// The pattern that an answer of [`add`](Self::add) stands for by now.
    pub fn resolve(&self, id: PatternId) -> PatternId {
        let mut id = id;
        while let Some(older) = self.merged.get(&id) {
            id = *older;
        }
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
        self.clusters.get(&self.resolve(id)).map(Cluster::pattern)
    }

    /// All patterns that are kept, most lines first.
    pub fn patterns(&self) -> Vec<Pattern> {
        let mut all: Vec<_> = self.clusters.values().map(Cluster::pattern).collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then(a.id.cmp(&b.id)));
        all
    }

    fn nearest(&mut self, words: &[Word], level: Level) -> Option<PatternId> {
        let mut best: Option<(f64, PatternId)> = None;
        let mut others: BTreeMap<usize, Vec<PatternId>> = BTreeMap::new();
        for id in self.index.siblings(keys(words)) {
            let Some(cluster) = self.clusters.get(&id) else { continue };
            match cluster.likeness(words, self.settings.alike) {
                Likeness::Same(share) if best.is_none_or(|(most, _)| share > most) => best = Some((share, id)),
                // What is logged at another level is another statement.
                Likeness::ButOne(place) if cluster.level == level => others.entry(place).or_default().push(id),
                Likeness::Same(_) | Likeness::ButOne(_) | Likeness::Other => {}
            }
        }
        best.map(|(_, id)| id).or_else(|| {
            let (_, others) = others.into_iter().max_by_key(|(place, others)| (others.len(), *place))?;
            (others.len() + 1 >= self.settings.alternatives).then(|| self.merge(&others))?
        })
    }

    /// Makes several patterns one, the oldest.
    fn merge(&mut self, ids: &[PatternId]) -> Option<PatternId> {
        let (oldest, others) = ids.split_first()?;
        for other in others {
            let Some(gone) = self.clusters.remove(other) else { continue };
            self.index.unlink(*other, gone.keys());
            self.change(*oldest, |cluster, _| cluster.merge(&gone));
            self.merged.insert(*other, *oldest);
        }
        while self.merged.len() > self.settings.most {
            self.merged.pop_first();
        }
        // Ways into those that are gone are found again, as they come.
        Some(*oldest)
    }

    /// Changes a pattern, which is found by its new words from then on.
    fn change(&mut self, id: PatternId, change: impl FnOnce(&mut Cluster, u64)) {
        let Some(cluster) = self.clusters.get_mut(&id) else { return };
        let before = cluster.keys();
        change(cluster, self.tick);
        let after = cluster.keys();
        if before != after {
            self.index.unlink(id, before);
            self.index.link(id, after);
        }
    }

    fn begin(&mut self, message: &str, words: Vec<Word>, level: Level) -> PatternId {
        if self.clusters.len() >= self.settings.most {
            self.make_room();
        }
        let id = self.next;
        self.next += 1;
        self.index.link(id, keys(&words));
        self.clusters.insert(id, Cluster::new(id, words, message, level, self.tick));
        id
    }

    /// A tenth goes at once: finding out which costs a look at all.
    fn make_room(&mut self) {
        let mut ages: Vec<(u64, PatternId)> =
            self.clusters.values().map(|cluster| (cluster.worth(self.settings.most), cluster.id)).collect();
        ages.sort_unstable();
        for (_, id) in ages.into_iter().take((self.settings.most / 10).max(1)) {
            self.dropped += 1;
            if let Some(gone) = self.clusters.remove(&id) {
                self.index.unlink(id, gone.keys());
            }
        }
        self.known.retain(|_, id| self.clusters.contains_key(id));
    }
}

#[cfg(test)]
mod tests;
