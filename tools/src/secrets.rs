//! Secrets in text: found by the formats that vendors document, by the keys that they stand under, and by how random they look.
//!
//! One pass over the text looks for words that every rule needs at least one of; only the rules whose word is there run. A line
//! without such a word costs that one pass.

mod keys;
mod random;
mod vendors;

use std::{borrow::Cow, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use regex::{Captures, Regex, RegexBuilder};

pub(crate) use keys::telling;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "[masked]";

/// How often a text is looked at again at most; each pass masks something.
const PASSES: usize = 8;

/// One kind of secret.
struct Rule {
    /// At least one of these is in every text that the rule is about, in any case.
    words: &'static [&'static str],
    /// What it looks like.
    pattern: &'static str,
    /// What becomes of a match.
    with: With,
}

/// What becomes of a match.
enum With {
    /// All of it is masked.
    Mask,
    /// The group of that number is masked, if it is one.
    If(usize, fn(&Captures<'_>, &str) -> bool),
}

struct Compiled {
    words: AhoCorasick,
    /// Which rule a word is of.
    of_word: Vec<usize>,
    rules: Vec<(Regex, &'static With)>,
}

#[expect(clippy::expect_used, reason = "literal patterns, compiled in a test")]
static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let (mut words, mut of_word, mut rules) = (Vec::<&str>::new(), Vec::new(), Vec::new());
    for (index, rule) in vendors::RULES.iter().chain(keys::RULES).enumerate() {
        words.extend(rule.words);
        of_word.extend(rule.words.iter().map(|_| index));
        let pattern = RegexBuilder::new(rule.pattern).size_limit(4 << 20).build().expect("a valid pattern");
        rules.push((pattern, &rule.with));
    }
    let words = AhoCorasickBuilder::new().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(words);
    Compiled { words: words.expect("words of bounded length"), of_word, rules }
});

/// The text with each secret replaced; the same text when it has none. What is masked may bring to light a secret beside it, so
/// it is looked at until nothing changes.
pub(crate) fn mask(text: &str) -> Cow<'_, str> {
    masked(text, false)
}

/// The same, with as many lines as before: a secret of several lines leaves empty ones.
pub(crate) fn mask_in_lines(text: &str) -> Cow<'_, str> {
    masked(text, true)
}

fn masked(text: &str, keep_lines: bool) -> Cow<'_, str> {
    let mut masked = once(text, keep_lines);
    if matches!(masked, Cow::Borrowed(_)) {
        return masked;
    }
    for _ in 0..PASSES {
        match once(&masked, keep_lines) {
            Cow::Owned(next) if next != *masked => masked = Cow::Owned(next),
            Cow::Owned(_) | Cow::Borrowed(_) => break,
        }
    }
    masked
}

fn once(text: &str, keep_lines: bool) -> Cow<'_, str> {
    let compiled = &*COMPILED;
    // Asking whether there is any is much faster than asking which.
    if !compiled.words.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut wanted: u128 = 0;
    for found in compiled.words.find_overlapping_iter(text) {
        if let Some(rule) = compiled.of_word.get(found.pattern().as_usize()) {
            wanted |= 1 << rule;
        }
    }
    let mut text = Cow::Borrowed(text);
    for (index, (pattern, with)) in compiled.rules.iter().enumerate() {
        if wanted & (1 << index) != 0
            && let Cow::Owned(masked) = replaced(pattern, with, &text, keep_lines)
        {
            text = Cow::Owned(masked);
        }
    }
    text
}

fn replaced<'t>(pattern: &Regex, with: &With, text: &'t str, keep_lines: bool) -> Cow<'t, str> {
    pattern.replace_all(text, |found: &Captures<'_>| {
        let whole = found.get(0).map_or("", |whole| whole.as_str());
        let masked = with.on(found, whole);
        let lines = |text: &str| text.matches('\n').count();
        let lost = if keep_lines { lines(whole).saturating_sub(lines(&masked)) } else { 0 };
        format!("{masked}{}", "\n".repeat(lost))
    })
}

impl With {
    /// What becomes of one match.
    fn on(&self, found: &Captures<'_>, whole: &str) -> String {
        let Self::If(group, is_secret) = self else {
            return MASK.to_owned();
        };
        // The first of the groups from that number on that took part.
        let Some(value) = (*group..found.len()).find_map(|index| found.get(index)) else {
            return whole.to_owned();
        };
        if value.as_str().starts_with("[masked") || !is_secret(found, value.as_str()) {
            return whole.to_owned();
        }
        let start = found.get(0).map_or(0, |whole| whole.start());
        let before = whole.get(..value.start() - start).unwrap_or_default();
        format!("{before}{MASK}{}", whole.get(value.end() - start..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
