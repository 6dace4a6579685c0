//! Words that two texts can have in common: identifiers whole and in their parts, common ones left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Characters of one text, and words of all texts, that are looked at.
const TEXT: usize = 8_000;
const MOST: usize = 4_000;
/// Shorter and longer words tell nothing.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=64;
/// How much more than a single word an identifier of several parts tells.
const WHOLE: f64 = 2.0;

/// Words of every error, every diff and every container.
static COMMON: LazyLock<BTreeSet<&str>> = LazyLock::new(|| include_str!("common.txt").split_whitespace().collect());

/// The words of all texts.
pub(super) fn of_all(texts: &[String]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for text in texts {
        all.extend(of(text));
        if all.len() >= MOST {
            break;
        }
    }
    all
}

/// The words of a text, in small letters: `FEATURE_STORE_TIMEOUT` is `feature_store_timeout`, `feature`, `store` and `timeout`.
pub(super) fn of(text: &str) -> BTreeSet<String> {
    let text = text.get(..text.floor_char_boundary(TEXT)).unwrap_or_default();
    let mut words = BTreeSet::new();
    for token in
        text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '-' || letter == '.'))
    {
        let parts: Vec<_> = parts(token).into_iter().filter(|part| tells(part)).collect();
        if parts.len() > 1 {
            words.insert(parts.join("_"));
        }
        words.extend(parts);
    }
    words
}

/// The parts of an identifier: snake_case, kebab-case, dotted, camelCase.
fn parts(token: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    for letter in token.chars() {
        let hump = letter.is_uppercase() && before.is_lowercase();
        if hump || !letter.is_alphanumeric() {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (letter.is_alphanumeric(), parts.last_mut()) {
            part.extend(letter.to_lowercase());
        }
        before = letter;
    }
    parts
}

/// Whether a word tells anything: no number, no name of a commit, not one of all texts.
fn tells(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.len() >= 7 && digits > 0 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    LENGTHS.contains(&word.chars().count()) && digits * 2 < word.len() && !hex && !COMMON.contains(word)
}

/// How rare a word is among changes: what stands in all of them tells none from another.
pub(super) struct Rarity {
    changes: usize,
    with: BTreeMap<String, usize>,
}

impl Rarity {
    pub(super) fn of(touched: &[BTreeSet<String>]) -> Self {
        let mut with = BTreeMap::new();
        for word in touched.iter().flatten() {
            *with.entry(word.clone()).or_insert(0) += 1;
        }
        // One that touches nothing known says nothing of how common a word is.
        Self { changes: touched.iter().filter(|words| !words.is_empty()).count(), with }
    }

    /// Words with their weight, the most telling first. A part weighs nothing beside the whole that it stands in.
    pub(super) fn most_telling<'a>(&self, words: Vec<&'a str>) -> Vec<(&'a str, f64)> {
        let wholes: Vec<_> = words.iter().copied().filter(|word| word.contains('_')).collect();
        let part = |word: &str| wholes.iter().any(|whole| *whole != word && whole.split('_').any(|part| part == word));
        let mut weighed: Vec<_> =
            words.iter().copied().filter(|word| !part(word)).map(|word| (word, self.weight(word))).collect();
        weighed.sort_by(|(a, weight_a), (b, weight_b)| weight_b.total_cmp(weight_a).then_with(|| a.cmp(b)));
        weighed
    }

    fn weight(&self, word: &str) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some hundred changes")]
        let (all, with) = (self.changes.max(1) as f64, self.with.get(word).copied().unwrap_or(1) as f64);
        let rarity = ((all + 1.0) / with).ln() / (all + 1.0).ln();
        rarity * if word.contains(['_', '-']) { WHOLE } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_words_whole_and_in_parts() {
        let words = of("FEATURE_STORE_TIMEOUT_MS=40 at featureStore.readTimeout, commit 7a1b2c3 line 12345: the error");
        let told: Vec<_> = words.iter().map(String::as_str).collect();
        assert_eq!(
            told,
            ["feature", "feature_store_read_timeout", "feature_store_timeout", "read", "store", "timeout"]
        );
        assert!(of("").is_empty() && of(&"é".repeat(9_000)).is_empty());
    }

    #[test]
    fn what_stands_in_every_change_tells_little() {
        let touched = [of("pool timeout"), of("pool cache"), of("pool colour")];
        let rarity = Rarity::of(&touched);
        let told = rarity.most_telling(vec!["pool", "timeout"]);
        assert!(told[0].0 == "timeout" && told[0].1 > told[1].1 * 3.0, "{told:?}");
        assert_eq!(rarity.most_telling(vec!["pool_timeout", "pool"]).len(), 1);
    }
}
