//! From points that a store found to documents in their order, and how alike each is: a figure that means the same for
//! every question, so that memory can say that it knows nothing.

use std::collections::HashMap;

use crate::{
    Scored, Sparse, Weights, sparse,
    words::{parts, words},
};

/// What further sections of a document add, each beside the one before it.
const FURTHER_SECTION: f32 = 0.2;
/// What a title adds whose words the question has all: a title word that is not asked for tells of another document.
const WHOLE_TITLE: f32 = 0.5;

/// What likeness is made of: the question's words that the best section has, its pairs of words, and the words of the title
/// that the question has. Each alone tells known from unknown worse.
const LIKENESS: Shares = Shares { words: 0.4, pairs: 0.3, title: 0.3 };

struct Shares {
    words: f32,
    pairs: f32,
    title: f32,
}

/// A question in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// Words and pairs, to search by.
    pub(crate) words: Sparse,
    /// The words alone; names kept whole say the same again and are left out.
    single: Vec<u32>,
    /// The pairs alone.
    pairs: Vec<u32>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranked {
    /// Its best section.
    pub(crate) best: Scored,
    /// By what it is ordered.
    pub(crate) score: f32,
    /// How much of the question it has, what is rare counting more, and how much of its title the question has; from 0 to 1.
    pub(crate) likeness: f32,
    /// The cosine between the question's meaning and its own, where both have one.
    pub(crate) nearness: Option<f32>,
}

impl Question {
    pub(crate) fn of(text: &str) -> Self {
        let words = words(text);
        let distinct = |mut ids: Vec<u32>| {
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        let single = words.iter().filter(|word| !word.whole).map(|word| sparse::word_id(&word.text)).collect();
        let pairs = sparse::pairs(&words).collect();
        Self { words: sparse::question(text), single: distinct(single), pairs: distinct(pairs) }
    }

    /// Everything whose rarity likeness depends on.
    pub(crate) fn parts(&self) -> Vec<u32> {
        self.single.iter().chain(&self.pairs).copied().collect()
    }

    /// How alike a section is under a title of which the question has this share.
    fn likeness(&self, section: &Sparse, title: f32, rarity: &impl Fn(u32) -> f32) -> f32 {
        let Shares { words, pairs, title: of_title } = LIKENESS;
        let by_words = share(&self.single, section, 1.0, rarity) * words;
        if self.pairs.is_empty() {
            return (by_words + title * of_title) / (words + of_title);
        }
        by_words + share(&self.pairs, section, Weights::default().pair, rarity) * pairs + title * of_title
    }
}

/// The share of these that a section has, rare ones counting more; one that it has `once` counts in full.
fn share(wanted: &[u32], section: &Sparse, once: f32, rarity: &impl Fn(u32) -> f32) -> f32 {
    let all: f32 = wanted.iter().map(|word| rarity(*word)).sum();
    let had: f32 = wanted.iter().filter_map(|word| Some(rarity(*word) * (section.get(*word)? / once).min(1.0))).sum();
    if all > 0.0 { had / all } else { 0.0 }
}

/// The documents, best first. `rarity` is the IDF of a part of the question.
pub(crate) fn rank(
    question: &Question,
    meaning: Option<&[f32]>,
    scored: Vec<Scored>,
    rarity: impl Fn(u32) -> f32,
) -> Vec<Ranked> {
    let mut by_source: HashMap<String, Vec<Scored>> = HashMap::new();
    for scored in scored {
        by_source.entry(scored.found.point.source.clone()).or_default().push(scored);
    }
    let mut ranked: Vec<Ranked> = by_source
        .into_values()
        .filter_map(|mut sections| {
            sections.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.found.point.id.cmp(&b.found.point.id)));
            let shares = (0..).map(|place| FURTHER_SECTION.powi(place));
            let score: f32 = sections.iter().zip(shares).map(|(section, share)| section.score * share).sum();
            let nearness = sections
                .iter()
                .filter_map(|section| Some(cosine(meaning?, section.found.meaning.as_ref()?)))
                .reduce(f32::max);
            let best = sections.into_iter().next()?;
            let title = covered(&best.found.point.title, &question.single);
            let likeness = question.likeness(&best.found.words, title, &rarity);
            Some(Ranked { best, score: score * (1.0 + WHOLE_TITLE * title), likeness, nearness })
        })
        .collect();
    ranked.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.best.found.point.source.cmp(&b.best.found.point.source))
    });
    ranked
}

/// The share of a title's words that the question has.
fn covered(title: &str, single: &[u32]) -> f32 {
    let parts = parts(title);
    let had = parts.iter().filter(|part| single.binary_search(&sparse::word_id(part)).is_ok()).count();
    if parts.is_empty() { 0.0 } else { had as f32 / parts.len() as f32 }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let length = (dot(a, a) * dot(b, b)).sqrt();
    if length > 0.0 { dot(a, b) / length } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Indexed, Point, Weights};

    fn scored(source: &str, title: &str, text: &str, score: f32) -> Scored {
        let point = Point {
            id: 0,
            source: source.into(),
            title: title.into(),
            section: String::new(),
            keywords: String::new(),
            service: None,
            environment: None,
            kind: "runbook".into(),
            at: None,
            hash: String::new(),
            text: text.into(),
            data: None,
        };
        let words = Weights { average: 3, ..Weights::default() }.document(title, "", text);
        Scored { found: Indexed { point, words, meaning: Some(vec![1.0, 0.0]) }, score }
    }

    #[test]
    fn sections_of_one_document_are_one_answer_and_a_title_that_says_more_than_was_asked_comes_later() {
        let question = Question::of("disk is full");
        let found = vec![
            scored("a.md", "Cluster disk full", "disk full", 2.0),
            scored("b.md", "Disk full", "disk full", 1.9),
            scored("b.md", "Disk full", "disk", 1.0),
        ];
        let ranked = rank(&question, Some(&[0.0, 1.0]), found, |_| 1.0);
        let order: Vec<_> = ranked.iter().map(|ranked| ranked.best.found.point.source.as_str()).collect();
        assert_eq!(order, ["b.md", "a.md"]);
        assert_eq!(ranked[0].nearness, Some(0.0));
        assert!(ranked[0].likeness > 0.9 && ranked[0].likeness <= 1.0, "{}", ranked[0].likeness);
    }

    #[test]
    fn what_shares_only_common_words_is_little_alike() {
        let question = Question::of("kernel panic on host");
        let rarity = |word| if word == sparse::word_id("host") { 0.1 } else { 4.0 };
        let ranked = rank(&question, None, vec![scored("a.md", "Host overview", "the host is here", 1.0)], rarity);
        assert!(ranked[0].likeness < 0.2, "{}", ranked[0].likeness);
        assert_eq!(rank(&Question::of(""), None, vec![scored("a.md", "A", "b", 1.0)], |_| 1.0)[0].likeness, 0.0);
        let one_word = rank(&Question::of("disk"), None, vec![scored("a.md", "Disk", "the disk", 1.0)], |_| 1.0);
        assert!(one_word[0].likeness > 0.99, "{}", one_word[0].likeness);
    }
}
