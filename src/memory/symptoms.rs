//! What is seen of an alert as one text to search by.

use std::collections::BTreeMap;

/// Bytes of the text; what comes first counts.
const LONGEST: usize = 8 * 1024;
/// Annotations that say what is wrong, most telling first; the others follow by name.
const TELLING: [&str; 3] = ["summary", "description", "message"];

/// What is seen of an alert.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Symptoms {
    /// The alert's name; empty for none.
    pub alert: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its labels: values that name one instance are taken out of the annotations.
    pub labels: BTreeMap<String, String>,
    /// What else was seen: suspects, new log patterns, states; one line each.
    pub lines: Vec<String>,
}

impl Symptoms {
    /// The text: name, annotations without addresses, templates and names of single instances, lines.
    pub fn text(&self) -> String {
        let telling = TELLING.iter().filter_map(|key| self.annotations.get(*key));
        let others = self.annotations.iter().filter(|(key, _)| !TELLING.contains(&key.as_str()));
        let mut text = self.alert.clone();
        for annotation in telling.chain(others.map(|(_, value)| value)) {
            push(&mut text, &self.general(annotation));
        }
        for line in &self.lines {
            push(&mut text, &self.general(line));
        }
        text.truncate(text.floor_char_boundary(LONGEST));
        text.trim().to_owned()
    }

    fn general(&self, text: &str) -> String {
        let mut text = without_addresses(&without_templates(text));
        // The longest first: `payments-7d9f` must not leave half of `payments-7d9f:8080`.
        let mut single: Vec<_> = self.labels.values().filter(|value| names_one_instance(value)).collect();
        single.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for value in single {
            text = text.replace(value.as_str(), " ");
        }
        text
    }
}

fn push(text: &mut String, more: &str) {
    if text.len() < LONGEST {
        text.push('\n');
        text.push_str(more);
    }
}

/// Pods, hosts and devices are named with figures in them; kinds of things are not.
fn names_one_instance(value: &str) -> bool {
    value.len() >= 3 && value.chars().any(char::is_numeric) && value.chars().any(char::is_alphabetic)
}

/// `{{ $labels.pod }}` says nothing of what is wrong.
fn without_templates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        out.push(' ');
        let Some((_, after)) = after.split_once("}}") else { return out };
        rest = after;
    }
    out.push_str(rest);
    out
}

fn without_addresses(text: &str) -> String {
    let kept = |word: &&str| !word.contains("://");
    text.split_inclusive(char::is_whitespace).filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_special_to_one_instance_is_left_out() {
        let symptoms = Symptoms {
            alert: "DiskFull".into(),
            annotations: map(&[
                ("description", "Disk {{ $labels.device }} of payments-7d9f:8080 ({{ $value }}%) on prod is full"),
                ("runbook_url", "https://example.com/DiskFull"),
                ("summary", "A disk is filling"),
            ]),
            labels: map(&[("instance", "payments-7d9f:8080"), ("pod", "payments-7d9f"), ("stage", "prod"), ("n", "5")]),
            lines: vec!["ENOSPC in payments-7d9f".into()],
        };
        insta::assert_snapshot!(symptoms.text(), @r"
        DiskFull
        A disk is filling
        Disk   of   ( %) on prod is full

        ENOSPC in
        ");
    }

    #[test]
    fn a_template_that_does_not_end_and_endless_text_do_no_harm() {
        assert_eq!(without_templates("a {{ b"), "a  ");
        let symptoms = Symptoms { lines: vec!["ü".repeat(9000)], ..Symptoms::default() };
        assert!(symptoms.text().len() <= LONGEST);
    }
}
