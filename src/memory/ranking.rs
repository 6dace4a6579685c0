//! From points that a store found to documents in their order, and how alike each is: a figure that means the same for
//! every question, so that memory can say that it knows nothing.

use std::collections::HashMap;

use crate::{
    Scored, Sparse, sparse,
    words::{parts, words},
};

/// What further sections of a document add, each beside the one before it.
const FURTHER_SECTION: f32 = 0.2;
/// What a title adds whose words the question has all: a title word that is not asked for tells of another document.
const WHOLE_TITLE: f32 = 0.5;

/// A question in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    /// Words and pairs, to search by.
    pub(crate) words: Sparse,
    /// The words alone, by which likeness is told: names kept whole and pairs say the same again.
    pub(crate) single: Vec<u32>,
}

/// A document that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranked {
    /// Its best section.
    pub(crate) best: Scored,
    /// By what it is ordered.
    pub(crate) score: f32,
    /// The share of the question's words that it has, rare words counting more; from 0 to 1.
    pub(crate) likeness: f32,
    /// The cosine between the question's meaning and its own, where both have one.
    pub(crate) nearness: Option<f32>,
}

impl Question {
    pub(crate) fn of(text: &str) -> Self {
        let mut single: Vec<u32> =
            words(text).iter().filter(|word| !word.whole).map(|word| sparse::word_id(&word.text)).collect();
        single.sort_unstable();
        single.dedup();
        Self { words: sparse::question(text), single }
    }
}

/// The documents, best first. `rarity` is the IDF of a word of the question.
pub(crate) fn rank(
    question: &Question,
    meaning: Option<&[f32]>,
    scored: Vec<Scored>,
    rarity: impl Fn(u32) -> f32,
) -> Vec<Ranked> {
    let mass: f32 = question.single.iter().map(|word| rarity(*word)).sum();
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
            let had: f32 = question
                .single
                .iter()
                .map(|word| {
                    let most = sections.iter().filter_map(|section| section.found.words.get(*word)).fold(0.0, f32::max);
                    rarity(*word) * most.min(1.0)
                })
                .sum();
            let nearness = sections
                .iter()
                .filter_map(|section| Some(cosine(meaning?, section.found.meaning.as_ref()?)))
                .reduce(f32::max);
            let best = sections.into_iter().next()?;
            let score = score * (1.0 + WHOLE_TITLE * covered(&best.found.point.title, &question.single));
            let likeness = if mass > 0.0 { had / mass } else { 0.0 };
            Some(Ranked { best, score, likeness, nearness })
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
        let ranked = rank(&question, None, vec![scored("a.md", "Host", "host", 1.0)], rarity);
        assert!(ranked[0].likeness < 0.05, "{}", ranked[0].likeness);
        assert_eq!(rank(&Question::of(""), None, vec![scored("a.md", "A", "b", 1.0)], |_| 1.0)[0].likeness, 0.0);
    }
}
