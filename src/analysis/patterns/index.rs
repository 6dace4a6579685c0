//! Where patterns are looked for.

use std::collections::HashMap;

use super::{
    PatternId,
    mask::{hash, mix},
    word::Word,
};

/// Patterns at one place that are compared with a new line, the newest.
const SIBLINGS: usize = 128;

/// The places where a pattern is found: with those of as many words and the same first one, and with those of the same second one. A line
/// like a pattern shares the first word, and one that differs there alone the second.
pub(super) type Keys = [u64; 2];

/// The places of these words.
pub(super) fn keys(words: &[Word]) -> Keys {
    let key = |place: usize| {
        let word = words.get(place).filter(|word| word.is_constant());
        mix(hash(&[place as u8]) ^ words.len() as u64, word.map_or(0, |word| word.hash))
    };
    [key(0), key(1)]
}

/// From places to patterns.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<u64, Vec<PatternId>>);

impl Index {
    pub(super) fn link(&mut self, id: PatternId, keys: Keys) {
        for key in keys {
            self.0.entry(key).or_default().push(id);
        }
    }

    pub(super) fn unlink(&mut self, id: PatternId, keys: Keys) {
        for key in keys {
            if let Some(siblings) = self.0.get_mut(&key) {
                siblings.retain(|other| *other != id);
                if siblings.is_empty() {
                    self.0.remove(&key);
                }
            }
        }
    }

    /// Patterns that may be like a line, each once, the oldest first.
    pub(super) fn siblings(&self, keys: Keys) -> Vec<PatternId> {
        let newest = |key: &u64| self.0.get(key).into_iter().flat_map(|all| all.iter().rev().take(SIBLINGS));
        let mut all: Vec<_> = keys.iter().flat_map(newest).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How many places are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
