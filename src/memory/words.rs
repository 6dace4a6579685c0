//! Words as a search compares them: names of code, metrics and hosts in their parts and whole, English in its stems.

use qdrant_rust_stemmers::{Algorithm, Stemmer};

/// Raised when texts give other words or pairs than before: then every index is made anew.
pub(crate) const VERSION: u32 = 1;
/// Letters of a word; what is longer is no word but data.
const LONGEST: usize = 48;
/// Words of one text that are looked at.
const MOST: usize = 20_000;
/// Words that say nothing of what a text is about. Not among them: no, not, all, over, under, which alerts turn on.
const STOP_WORDS: [&str; 99] = [
    "a", "after", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "before", "being", "between",
    "both", "but", "by", "can", "could", "did", "do", "does", "doing", "during", "each", "few", "for", "from",
    "further", "had", "has", "have", "having", "he", "her", "here", "his", "how", "i", "if", "in", "into", "is", "it",
    "its", "itself", "just", "may", "might", "more", "most", "must", "my", "nor", "of", "on", "once", "only", "or",
    "other", "our", "per", "same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them",
    "then", "there", "these", "they", "this", "those", "through", "to", "too", "very", "via", "was", "we", "were",
    "what", "when", "where", "which", "while", "who", "will", "with", "would", "you", "your",
];

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// In small letters, in its stem.
    pub(crate) text: String,
    /// Whether it is a name kept whole, whose parts follow it.
    pub(crate) whole: bool,
}

/// The words of a text in their order. `HTTPServerDown` gives `httpserverdown`, `http`, `server`, `down`;
/// `node.js` gives `nodejs`, `node`, `js`; `failing` gives `fail`.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found = Vec::new();
    for name in text.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | '.')) {
        of_name(name, &stemmer, &mut found);
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// The words of a title, each once, without the names kept whole: by them is told how much of it a question covers.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found: Vec<String> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .flat_map(humps)
        .filter_map(|part| stem(part, &stemmer))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn of_name(name: &str, stemmer: &Stemmer, found: &mut Vec<Word>) {
    let parts: Vec<&str> = name.split(['_', '-', '.']).flat_map(humps).collect();
    if parts.len() > 1 {
        let whole: String =
            name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        if whole.len() <= LONGEST {
            found.push(Word { text: whole, whole: true });
        }
    }
    let parts = parts.into_iter().filter_map(|part| stem(part, stemmer));
    found.extend(parts.map(|text| Word { text, whole: false }));
}

/// `None` for what says nothing.
fn stem(part: &str, stemmer: &Stemmer) -> Option<String> {
    let lower = part.to_lowercase();
    let single_letter = lower.chars().count() == 1 && !lower.chars().all(char::is_numeric);
    if lower.is_empty() || lower.len() > LONGEST || single_letter || STOP_WORDS.binary_search(&lower.as_str()).is_ok() {
        return None;
    }
    Some(stemmer.stem(&lower).into_owned())
}

/// A name without separators in its humps: `HTTPServer5xx` is `HTTP`, `Server`, `5`, `xx`.
fn humps(name: &str) -> Vec<&str> {
    let letters: Vec<(usize, char)> = name.char_indices().collect();
    let mut starts = vec![0];
    for (index, window) in letters.windows(2).enumerate() {
        let [(_, before), (at, letter)] = window else { continue };
        let next = letters.get(index + 2).map(|(_, next)| *next);
        let after_next = letters.get(index + 3).map(|(_, next)| *next);
        if begins_hump(*before, *letter, next, after_next) {
            starts.push(*at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([name.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| name.get(*start..end)).filter(|hump| !hump.is_empty()).collect()
}

fn begins_hump(before: char, letter: char, next: Option<char>, after_next: Option<char>) -> bool {
    if before.is_numeric() != letter.is_numeric() {
        return true;
    }
    if !letter.is_uppercase() {
        return false;
    }
    if before.is_lowercase() {
        return true;
    }
    // In `HTTPServer` the S begins a word; in `PVCs` the plural belongs to what stands before.
    let plural = next == Some('s') && !after_next.is_some_and(char::is_lowercase);
    before.is_uppercase() && next.is_some_and(char::is_lowercase) && !plural
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_kept_whole() {
        let cases = [
            ("KubePodCrashLooping", "kubepodcrashlooping kube pod crash loop"),
            ("kube_pod_info", "kubepodinfo kube pod info"),
            ("payment-service.default", "paymentservicedefault payment servic default"),
            ("HTTPServer5xx", "httpserver5xx http server 5 xx"),
            ("two PVCs are full", "two pvcs full"),
            ("OOMKilled", "oomkilled oom kill"),
            ("The pods are not ready!", "pod not readi"),
            ("https://host:9090/metrics", "https host 9090 metric"),
            ("Überlastung größer", "überlastung größer"),
            ("x 5 a", "5"),
            ("", ""),
        ];
        for (text, expected) in cases {
            let found: Vec<_> = words(text).into_iter().map(|word| word.text).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_title_s_parts_are_each_there_once() {
        assert_eq!(parts("KubePodNotReady: kube_pod not ready"), ["kube", "not", "pod", "readi"]);
    }

    #[test]
    fn stop_words_are_sorted_as_they_are_looked_up() {
        assert!(STOP_WORDS.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_bounded_words(text in "\\PC{0,400}") {
            for Word { text: word, .. } in words(&text) {
                assert!(!word.is_empty() && word.len() <= LONGEST + 8 && !word.contains(char::is_whitespace), "{word:?}");
            }
        }
    }
}
