//! One pattern: the words that its lines have in common.

use super::{Level, Pattern, PatternId, words::Word};

/// Lines beyond which a pattern is worth no more: even the busiest goes some day when it comes no longer.
const BUSY: u64 = 1_024;
/// Characters of an example.
const EXAMPLE: usize = 400;

#[derive(Debug)]
pub(super) struct Cluster {
    pub id: PatternId,
    pub root: u64,
    /// When a line of it was last seen.
    pub last: u64,
    words: Vec<Word>,
    count: u64,
    example: String,
    level: Level,
}

impl Cluster {
    pub(super) fn new(id: PatternId, root: u64, words: &[Word], message: &str, level: Level, tick: u64) -> Self {
        let example = message.chars().take(EXAMPLE).collect();
        Self { id, root, last: tick, words: words.to_vec(), count: 1, example, level }
    }

    pub(super) fn seen(&mut self, level: Level, tick: u64) {
        self.count += 1;
        self.last = tick;
        self.level = self.level.max(level);
    }

    /// When it may be dropped: each line of it is worth as much time as all patterns take to come once.
    pub(super) fn worth(&self, most: usize) -> u64 {
        self.last.saturating_add((self.count.min(BUSY) - 1).saturating_mul(most as u64))
    }

    /// The share of words in common; 0 for another number of words. Where a value stands in both it counts half: two patterns may have
    /// their values at the same places by chance.
    pub(super) fn alike(&self, words: &[Word]) -> f64 {
        if self.words.len() != words.len() {
            return 0.0;
        }
        let (mut same, mut all) = (0.0, 0.0);
        for (ours, theirs) in self.words.iter().zip(words) {
            let weight = if ours.value || theirs.value { 0.5 } else { 1.0 };
            all += weight;
            if ours.hash == theirs.hash || (ours.value && ours.text == ANY) {
                same += weight;
            }
        }
        if all > 0.0 { same / all } else { 1.0 }
    }

    /// Where a line has another word there is a value from now on.
    pub(super) fn merge(&mut self, words: &[Word]) {
        for (ours, theirs) in self.words.iter_mut().zip(words) {
            if ours.hash != theirs.hash {
                ours.value = true;
                ANY.clone_into(&mut ours.text);
            }
        }
    }

    pub(super) fn pattern(&self) -> Pattern {
        let template = self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        Pattern { id: self.id, template, count: self.count, example: self.example.clone(), level: self.level }
    }
}

/// A place where anything may stand.
const ANY: &str = "<*>";
