//! BM25 as sparse vectors: a document's half of the score is its vector, the other half, how rare a word is, is Qdrant's (IDF).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::words::{Word, words};

/// The weights of BM25 (Robertson and Zaragoza, 2009), one term of it a field.
///
/// Invariant: two indexes made with different ones are never compared: they are part of an index's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// How soon a word that is repeated stops counting more; 1.2 is usual.
    pub k1: f32,
    /// How much a long body counts less, from 0 to 1.
    pub b: f32,
    /// How much a long title or heading counts less, from 0 to 1.
    pub b_short: f32,
    /// What a word in the title counts, beside one in the body.
    pub title: f32,
    /// What a word in a heading counts, beside one in the body.
    pub heading: f32,
    /// What two words side by side count as such, beside one word.
    pub pair: f32,
    /// Words of an ordinary body; measured when an index is made.
    pub average: u32,
}

/// Words of an ordinary title or path of headings.
const AVERAGE_SHORT: f32 = 5.0;

impl Default for Weights {
    /// From the middle of what is good over three collections of runbooks alike; pairs and a light title matter most.
    fn default() -> Self {
        Self { k1: 1.2, b: 0.6, b_short: 0.5, title: 0.5, heading: 0.3, pair: 0.4, average: 64 }
    }
}

/// A sparse vector; its dimensions are hashes of words, in rising order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sparse {
    /// Each word, as [`word_id`] has it.
    pub words: Vec<u32>,
    /// What each counts.
    pub values: Vec<f32>,
}

impl Sparse {
    /// The words, each with what it counts.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.words.iter().copied().zip(self.values.iter().copied())
    }

    /// Whether it holds no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What a word counts in it.
    pub fn get(&self, word: u32) -> Option<f32> {
        self.words.binary_search(&word).ok().and_then(|at| self.values.get(at).copied())
    }

    pub(crate) fn of(weights: BTreeMap<u32, f32>) -> Self {
        let (words, values) = weights.into_iter().unzip();
        Self { words, values }
    }
}

/// The dimension of a word; stable over time and machines. The upper half of all dimensions is for pairs.
pub fn word_id(word: &str) -> u32 {
    hashed(word) >> 1
}

/// The dimension of a pair, one of a million: most pairs of a large collection stand in one text only, and a list for each would
/// take more memory than all the rest. That two share one is rare, and seldom matters.
fn pair_id(first: &str, second: &str) -> u32 {
    (1 << 31) | (hashed(&format!("{first} {second}")) & ((1 << 20) - 1))
}

fn hashed(text: &str) -> u32 {
    Sha256::digest(text.as_bytes()).iter().take(4).fold(0, |id, byte| (id << 8) | u32::from(*byte))
}

/// The vector of a question: each word and each pair once.
pub fn question(text: &str) -> Sparse {
    let words = words(text);
    let pairs = pairs(&words).map(|pair| (pair, 1.0));
    Sparse::of(words.iter().map(|word| (word_id(&word.text), 1.0)).chain(pairs).collect())
}

/// Words that stand side by side, stop words aside: `out of space` is a pair, and so is `OutOfSpace`.
pub(crate) fn pairs(words: &[Word]) -> impl Iterator<Item = u32> + '_ {
    let parts = || words.iter().filter(|word| !word.whole);
    parts().zip(parts().skip(1)).map(|(first, second)| pair_id(&first.text, &second.text))
}

impl Weights {
    /// The vector of a section of a document.
    pub fn document(&self, title: &str, heading: &str, body: &str) -> Sparse {
        let mut weights = BTreeMap::new();
        let average = self.average.max(1) as f32;
        for (text, weight, b, average) in [
            (title, self.title, self.b_short, AVERAGE_SHORT),
            (heading, self.heading, self.b_short, AVERAGE_SHORT),
            (body, 1.0, self.b, average),
        ] {
            let words = words(text);
            let length = 1.0 - b + b * words.len() as f32 / average;
            let mut counts = BTreeMap::<u32, (f32, f32)>::new();
            let single = words.iter().map(|word| (word_id(&word.text), 1.0));
            for (word, share) in single.chain(pairs(&words).map(|pair| (pair, self.pair))) {
                let (count, of) = counts.entry(word).or_default();
                (*count, *of) = (*count + 1.0, share);
            }
            for (word, (count, share)) in counts {
                let value = share * weight * count * (self.k1 + 1.0) / (count + self.k1 * length);
                *weights.entry(word).or_default() += value;
            }
        }
        Sparse::of(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_less_in_a_long_body_and_more_where_the_title_has_it_too() {
        let weights = Weights::default();
        let disk = |title: &str, body: &str| weights.document(title, "", body).get(word_id("disk")).unwrap_or(0.0);
        let long = "disk ".to_owned() + &"other words of no use ".repeat(60);
        assert!(disk("", "the disk fills") > 1.5 * disk("", &long));
        assert!(disk("Disk is full", "the disk fills") > disk("", "the disk fills") + 0.3);
        assert_eq!(disk("Something", "else"), 0.0);
    }

    #[test]
    fn two_words_side_by_side_count_as_a_pair_however_they_are_written() {
        let weights = Weights::default();
        let pair = question("out of space")
            .words
            .into_iter()
            .find(|word| ![word_id("out"), word_id("space")].contains(word))
            .unwrap();
        for text in ["runs out of space", "OutOfSpace", "out_of_space"] {
            assert!(weights.document("", "", text).get(pair).is_some(), "{text}");
        }
        assert_eq!(weights.document("", "", "space is out").get(pair), None);
    }

    #[test]
    fn repeating_a_word_counts_less_and_less() {
        let weight = |times: usize| {
            let vector = Weights { b: 0.0, ..Weights::default() }.document("", "", &"disk ".repeat(times));
            vector.get(word_id("disk")).unwrap()
        };
        assert!(weight(2) > weight(1) && weight(3) - weight(2) < weight(2) - weight(1));
        assert!(weight(1000) < 2.2);
    }

    #[test]
    fn a_question_has_each_word_once_and_nothing_of_nothing() {
        // disk, full, "disk disk", "disk full"
        assert_eq!(question("Disk, disk and DISK is full").words.len(), 4);
        assert!(question("the of and").is_empty());
        assert!(question("disk full").words.is_sorted());
    }
}
