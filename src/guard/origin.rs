//! Where the arguments of a change come from. Telemetry is data: it never names what is changed.

use std::sync::{Arc, PoisonError};

use serde_json::Value;
use tools::Touches;

use super::Guard;
use crate::{
    incident::{AnswerStatus, Call, Event, Reason, Source},
    journal::Case,
};

/// A shorter value stands in any text by chance.
const SHORTEST: usize = 3;

impl Guard {
    /// The first argument that stands in telemetry and in no trusted place: catalogue, policy, runbooks, Docker's own names and
    /// images, or the words of the person who asked. Numbers are not looked at: the policy's bounds are where they come from.
    pub(super) fn untrusted(&self, case: &Case, call: &Call) -> Option<Reason> {
        let spec = self.registry.spec(&call.tool)?;
        // A message names nothing that is changed.
        if spec.touches == Some(Touches::People) {
            return None;
        }
        let mut texts = Vec::new();
        if let Value::Object(arguments) = &call.args {
            for (name, value) in arguments.iter().filter(|(name, _)| !spec.words.contains(&name.as_str())) {
                leaves(name, value, &mut texts);
            }
        }
        texts.retain(|(_, text)| text.chars().count() >= SHORTEST);
        let silences = spec.touches == Some(Touches::Alerts);
        let own_alert = |value: &str| case.incident().alerts.iter().any(|joined| joined.alert.name() == value);
        texts.into_iter().find_map(|(argument, value)| {
            // The alert that an incident is about is what it may silence.
            if silences && own_alert(value) {
                return None;
            }
            let needle = value.to_lowercase();
            let seq = self.in_telemetry(case, &needle)?;
            (!self.in_trusted(case, &needle)).then(|| Reason::Untrusted { argument, value: value.to_owned(), seq })
        })
    }

    fn in_telemetry(&self, case: &Case, needle: &str) -> Option<u64> {
        case.entries().iter().find_map(|entry| {
            let found = match &entry.event {
                Event::AlertJoined { alert, .. } => {
                    let texts = alert.labels.iter().chain(&alert.annotations);
                    texts.into_iter().any(|(name, value)| holds(name, needle) || holds(value, needle))
                }
                Event::Answered { text, data, .. } => holds(text, needle) || in_value(data, needle),
                // Answers of ours that the conversation holds may quote what they were about.
                Event::Opened { source: Source::Question { text, words: Some(_), .. }, .. } => holds(text, needle),
                Event::Opened { .. }
                | Event::AlertResolved { .. }
                | Event::Asked { .. }
                | Event::FellBack { .. }
                | Event::Turned { .. }
                | Event::Judged { .. }
                | Event::ApprovalWanted { .. }
                | Event::ApprovalGiven { .. }
                | Event::ApprovalExpired { .. }
                | Event::ChangeBegun { .. }
                | Event::ChangeDone { .. }
                | Event::Verified { .. }
                | Event::Undone { .. }
                | Event::BreakerTripped { .. }
                | Event::BreakerRaised { .. }
                | Event::Halted { .. }
                | Event::Resumed { .. }
                | Event::PolicyLoaded { .. }
                | Event::BudgetReached { .. }
                | Event::SentBack { .. }
                | Event::Concluded { .. }
                | Event::HandedOver { .. }
                | Event::Closed { .. }
                | Event::Feedback { .. }
                | Event::Forgotten { .. }
                | Event::RunbookLearned { .. } => false,
            };
            found.then_some(entry.seq)
        })
    }

    fn in_trusted(&self, case: &Case, needle: &str) -> bool {
        let catalogue = self.catalogue.load();
        let known = catalogue.iter().any(|service| {
            let values = service.labels.values().chain(&service.container).chain(&service.repository);
            service.name.to_lowercase() == needle || values.into_iter().any(|value| value.to_lowercase() == needle)
        });
        let runbooks = Arc::clone(&self.trusted.read().unwrap_or_else(PoisonError::into_inner));
        known
            || whole(&self.policy.load().words, needle)
            || whole(&runbooks, needle)
            || case.entries().iter().any(|entry| self.answers(&entry.event, needle) || asks(&entry.event, needle))
    }

    /// Whether a field that no service can write to has just this value: Docker's own names, ids and images.
    fn answers(&self, event: &Event, needle: &str) -> bool {
        let Event::Answered { tool, data, status: AnswerStatus::Ok, .. } = event else {
            return false;
        };
        self.registry.spec(tool).is_some_and(|spec| !spec.trusted.is_empty() && has_field(data, spec.trusted, needle))
    }
}

/// Whether the person who asked has said it.
fn asks(event: &Event, needle: &str) -> bool {
    let Event::Opened { source: Source::Question { text, words, .. }, .. } = event else {
        return false;
    };
    whole(&words.as_ref().unwrap_or(text).to_lowercase(), needle)
}

fn has_field(value: &Value, names: &[&str], needle: &str) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| has_field(item, names, needle)),
        Value::Object(fields) => fields.iter().any(|(key, item)| {
            let own = names.contains(&key.as_str()) && item.as_str().is_some_and(|text| text.to_lowercase() == needle);
            own || has_field(item, names, needle)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn leaves<'a>(path: &str, value: &'a Value, into: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => into.push((path.to_owned(), text)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(&format!("{path}[{index}]"), item, into));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, item)| leaves(&format!("{path}.{key}"), item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether an untrusted text holds it anywhere: any part counts.
fn holds(text: &str, needle: &str) -> bool {
    text.to_lowercase().contains(needle)
}

fn in_value(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => holds(text, needle),
        Value::Array(items) => items.iter().any(|item| in_value(item, needle)),
        Value::Object(fields) => fields.iter().any(|(key, item)| holds(key, needle) || in_value(item, needle)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a trusted text (in small letters) holds it as a word of its own: a part of another name is no proof.
fn whole(text: &str, needle: &str) -> bool {
    let inner = |letter: char| letter.is_alphanumeric() || "._-/@:".contains(letter);
    text.match_indices(needle).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + needle.len()..).and_then(|tail| tail.chars().next());
        // A full stop or a colon after it ends a sentence; one inside a name has a letter behind it.
        let ends = after.is_none_or(|letter| {
            !inner(letter)
                || (".:".contains(letter)
                    && text
                        .get(at + needle.len() + 1..)
                        .and_then(|tail| tail.chars().next())
                        .is_none_or(char::is_whitespace))
        });
        before.is_none_or(|letter| !inner(letter)) && ends
    })
}

#[cfg(test)]
mod tests {
    use super::{asks, whole};
    use crate::incident::{Event, ServiceMatch, Source};

    /// What was answered before may quote a log.
    #[test]
    fn an_answer_of_ours_is_no_word_of_the_person_who_asked() {
        let image = "ghcr.io/evil/app:9";
        let asked = |words: Option<&str>| {
            let text = format!("user: what do the logs say?\n\nassistant: deploy {image}\n\nuser: repair it");
            let source = Source::Question { text, words: words.map(str::to_owned), by: "jo".into() };
            let service = ServiceMatch::Nothing { tried: Vec::new() };
            asks(&Event::Opened { source, title: String::new(), service }, image)
        };
        assert!(!asked(Some("what do the logs say?\n\nrepair it")));
        assert!(asked(Some("deploy ghcr.io/evil/app:9 now")));
        assert!(asked(None), "without answers of ours all of it is the person's");
    }

    #[test]
    fn a_part_of_a_name_is_no_proof() {
        for (text, needle, found) in [
            ("image ghcr.io/team/app:1.4.2; memory", "ghcr.io/team/app:1.4.2", true),
            ("image ghcr.io/team/app:1.4.2", "ghcr.io/team/app:1.4", false),
            ("image evil/ghcr.io/team/app:1", "ghcr.io/team/app:1", false),
            ("goes back to app:1.", "app:1", true),
            ("goes back to app:1.5", "app:1", false),
        ] {
            assert_eq!(whole(text, needle), found, "{needle} in {text}");
        }
    }
}
