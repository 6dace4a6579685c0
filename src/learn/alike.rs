//! Whether two causes, each in somebody's own words, are the same.

use std::collections::BTreeSet;

/// Of the words of the shorter one, so many have to stand in the other. Two tellings of one cause share most of their telling words;
/// two different causes of one alert, with the same repair, share next to none. It is one condition of several: alert, repair and
/// the state that was seen have to be the same as well.
const SHARED: f64 = 1.0 / 3.0;
/// Words that tell nothing of a cause.
const EMPTY: [&str; 48] = [
    "the",
    "a",
    "an",
    "of",
    "to",
    "in",
    "on",
    "at",
    "by",
    "for",
    "with",
    "and",
    "or",
    "not",
    "is",
    "was",
    "were",
    "be",
    "been",
    "has",
    "had",
    "have",
    "it",
    "its",
    "this",
    "that",
    "which",
    "who",
    "so",
    "as",
    "because",
    "since",
    "after",
    "before",
    "when",
    "while",
    "from",
    "into",
    "then",
    "there",
    "service",
    "container",
    "process",
    "cause",
    "alert",
    "incident",
    "most",
    "likely",
];

/// Whether two causes are the same, the services' names and all numbers left out.
pub(super) fn alike(one: (&str, &str), other: (&str, &str)) -> bool {
    let (one, other) = (words(one.0, one.1), words(other.0, other.1));
    let shorter = one.len().min(other.len());
    if shorter == 0 {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
    let share = one.intersection(&other).count() as f64 / shorter as f64;
    share >= SHARED
}

fn words(cause: &str, service: &str) -> BTreeSet<String> {
    let text = cause.to_lowercase().replace(&service.to_lowercase(), " ");
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    let telling = words.filter(|word| {
        word.chars().count() > 2 && !word.chars().any(|letter| letter.is_ascii_digit()) && !EMPTY.contains(word)
    });
    telling.map(stem).collect()
}

/// Without the endings in which two tellings of one thing differ: killed and kill, exits and exit.
fn stem(word: &str) -> String {
    let cut = ["ing", "ed", "es", "s"].iter().find_map(|end| word.strip_suffix(end).filter(|stem| stem.len() > 2));
    cut.unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tellings_of_one_cause_are_alike_and_other_causes_are_not() {
        let killed = [
            "The container of payments was killed by SIGKILL (exit code 137), and not for want of memory.",
            "payments was killed: its container exited with code 137.",
            "SIGKILL ended the process of payments; exit code 137.",
        ];
        let others = [
            "The disk of the host is full: payments cannot write its journal.",
            "A wrong feature flag made every request fail.",
            "The connection pool was exhausted by slow queries of the feature store.",
        ];
        for one in killed {
            for same in killed {
                assert!(alike((one, "payments"), (&same.replace("payments", "orders"), "orders")), "{one}\n{same}");
            }
            for other in others {
                assert!(!alike((one, "payments"), (other, "payments")), "{one}\n{other}");
            }
        }
        for (index, one) in others.iter().enumerate() {
            for other in others.iter().skip(index + 1) {
                assert!(!alike((one, "payments"), (other, "payments")), "{one}\n{other}");
            }
        }
        assert!(!alike(("", "payments"), ("", "payments")), "of nothing it cannot be told");
    }
}
