//! One pattern: the words that its lines have in common, and how near a line is to it.

use super::{
    Level, Pattern, PatternId,
    index::{Keys, keys},
    word::{Kind, Word},
};

/// Lines beyond which a pattern is worth no more: even the busiest goes some day when it comes no longer.
const BUSY: u64 = 1_024;
/// Characters of an example.
const EXAMPLE: usize = 400;

/// How a line is to a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Likeness {
    /// It says the same; so large a share of the words that are no values are the same.
    Same(f64),
    /// It would say the same but for one word of the sentence, at this place.
    ButOne(usize),
    /// It says something else.
    Other,
}

#[derive(Debug)]
pub(super) struct Cluster {
    pub id: PatternId,
    pub level: Level,
    words: Vec<Word>,
    /// When a line of it was last seen.
    last: u64,
    count: u64,
    example: String,
}

impl Cluster {
    pub(super) fn new(id: PatternId, words: Vec<Word>, message: &str, level: Level, tick: u64) -> Self {
        Self { id, level, words, last: tick, count: 1, example: message.chars().take(EXAMPLE).collect() }
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

    /// Where it is found.
    pub(super) fn keys(&self) -> Keys {
        keys(&self.words)
    }

    /// How a line is to it; `alike` is the share of words, values not counted, that must be the same.
    pub(super) fn likeness(&self, words: &[Word], alike: f64) -> Likeness {
        if self.words.len() != words.len() {
            return Likeness::Other;
        }
        let (mut same, mut all, mut other) = (0_u32, 0_u32, None);
        for (place, (ours, theirs)) in self.words.iter().zip(words).enumerate() {
            if ours.hash == theirs.hash {
                same += u32::from(ours.is_constant());
                all += u32::from(ours.is_constant());
                continue;
            }
            all += 1;
            match (ours.kind, theirs.kind) {
                (Kind::Any, _) => {}
                (Kind::Value, _) | (_, Kind::Value) | (Kind::Name, Kind::Name) if place > 0 => {}
                (Kind::Fixed, _) | (_, Kind::Fixed) => return Likeness::Other,
                // What a line begins with is what it is about.
                (Kind::Value | Kind::Name | Kind::Said, _) if other.is_some() => return Likeness::Other,
                (Kind::Value | Kind::Name | Kind::Said, _) => other = Some(place),
            }
        }
        let share = if all > 0 { f64::from(same) / f64::from(all) } else { 1.0 };
        match other {
            Some(_) | None if share < alike => Likeness::Other,
            Some(place) => Likeness::ButOne(place),
            None => Likeness::Same(share),
        }
    }

    /// Where a line has another word there is a value from now on.
    pub(super) fn join(&mut self, words: &[Word]) {
        for (ours, theirs) in self.words.iter_mut().zip(words) {
            if ours.hash != theirs.hash {
                ours.vary(theirs);
            }
        }
    }

    /// Takes another pattern in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.join(&other.words);
        self.count += other.count;
        self.last = self.last.max(other.last);
        self.level = self.level.max(other.level);
    }

    pub(super) fn pattern(&self) -> Pattern {
        let template = self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        Pattern { id: self.id, template, count: self.count, example: self.example.clone(), level: self.level }
    }
}
