//! A claim has evidence: code checks that what is cited exists and that each number quoted stands in it.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::incident::{AnswerStatus, Claim, Conclusion, Entry, Event};

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").expect("a valid pattern"));

/// Marks each claim that cannot be confirmed, and lists what was not checked.
pub fn check_conclusion(mut conclusion: Conclusion, entries: &[Entry]) -> Conclusion {
    for claim in &mut conclusion.claims {
        claim.unproven = unproven(claim, entries);
    }
    conclusion.not_checked = not_checked(entries);
    conclusion
}

fn unproven(claim: &Claim, entries: &[Entry]) -> Option<String> {
    if claim.evidence.is_empty() {
        return Some("it cites nothing".to_owned());
    }
    let mut cited = String::new();
    for seq in &claim.evidence {
        let Some(entry) = entries.iter().find(|entry| entry.seq == *seq) else {
            return Some(format!("entry {seq} does not exist"));
        };
        match evidence(&entry.event) {
            Some(text) => cited.push_str(&text),
            None => return Some(format!("entry {seq} ({}) is no evidence", entry.event.name())),
        }
        cited.push('\n');
    }
    let standing: BTreeSet<String> = numbers(&cited).collect();
    let missing: Vec<_> = numbers(&claim.text).filter(|number| !standing.contains(number)).collect();
    (!missing.is_empty()).then(|| format!("{} does not stand in what it cites", missing.join(", ")))
}

/// What of an entry can prove something: what was seen, not what was thought.
fn evidence(event: &Event) -> Option<String> {
    match event {
        Event::AlertJoined { alert, .. } => {
            let values = alert.labels.values().chain(alert.annotations.values());
            Some(format!("{} {}", alert.starts_at, values.cloned().collect::<Vec<_>>().join(" ")))
        }
        Event::AlertResolved { ended, .. } => Some(ended.to_string()),
        Event::Answered {
            text,
            data,
            status: AnswerStatus::Ok | AnswerStatus::Repeated { .. } | AnswerStatus::Changed { .. },
            ..
        } => Some(format!("{text} {data}")),
        Event::ChangeDone { what, .. } => Some(what.clone()),
        Event::Undone { undo, failed, checks, .. } => Some(format!("{undo:?} {failed:?} {}", told(checks))),
        Event::Verified { checks, seconds, .. } => Some(format!("{} {seconds}", told(checks))),
        Event::Answered { .. }
        | Event::Opened { .. }
        | Event::Asked { .. }
        | Event::FellBack { .. }
        | Event::Turned { .. }
        | Event::Judged { .. }
        | Event::ApprovalWanted { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalExpired { .. }
        | Event::ChangeBegun { .. }
        | Event::BreakerTripped { .. }
        | Event::BreakerRaised { .. }
        | Event::Halted { .. }
        | Event::Resumed { .. }
        | Event::PolicyLoaded { .. }
        | Event::BudgetReached { .. }
        | Event::Concluded { .. }
        | Event::HandedOver { .. }
        | Event::Closed { .. } => None,
    }
}

fn told(checks: &[tools::Check]) -> String {
    checks.iter().map(|check| format!("{} {}", check.name, check.found)).collect::<Vec<_>>().join(" ")
}

/// The numbers of a text in one form: 1,024 and 1024 are the same, and so are 5.0 and 5.
fn numbers(text: &str) -> impl Iterator<Item = String> {
    NUMBER.find_iter(text).map(|found| {
        let plain = found.as_str().replace(',', "");
        match plain.split_once('.') {
            Some((whole, rest)) if rest.chars().all(|digit| digit == '0') => whole.to_owned(),
            Some(_) | None => plain,
        }
    })
}

/// Sources that did not answer and were not reached later.
fn not_checked(entries: &[Entry]) -> Vec<String> {
    let mut missed: Vec<String> = Vec::new();
    for entry in entries {
        if let Event::Answered { tool, text, status: AnswerStatus::Unreachable { .. }, .. } = &entry.event {
            let line = format!("{tool}: {text} [{}]", entry.seq);
            if !missed.iter().any(|known| known.starts_with(&format!("{tool}: {text}"))) {
                missed.push(line);
            }
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::Value;

    use super::*;

    fn answer(seq: u64, text: &str, status: AnswerStatus) -> Entry {
        let event = Event::Answered {
            call: format!("c{seq}"),
            tool: "query_prometheus".to_owned(),
            text: text.to_owned(),
            data: Value::Null,
            raw: Value::Null,
            status,
            instructs: None,
        };
        Entry { seq, at: DateTime::UNIX_EPOCH, incident: 1, event }
    }

    fn checked(text: &str, evidence: &[u64]) -> Option<String> {
        let system = tools::System::Loki;
        let entries = [
            answer(1, "error rate 12.5 % over 1,024 requests at 10:42:15", AnswerStatus::Ok),
            answer(2, "refused", AnswerStatus::Unreachable { system }),
        ];
        let claim = Claim { text: text.to_owned(), evidence: evidence.to_vec(), unproven: None };
        let conclusion = Conclusion {
            summary: String::new(),
            cause: String::new(),
            claims: vec![claim],
            next_steps: Vec::new(),
            resolved: false,
            not_checked: Vec::new(),
        };
        let checked = check_conclusion(conclusion, &entries);
        assert_eq!(checked.not_checked, ["query_prometheus: refused [2]"]);
        checked.claims.into_iter().next().and_then(|claim| claim.unproven)
    }

    #[test]
    fn a_claim_stands_only_on_numbers_that_its_evidence_holds() {
        assert_eq!(checked("12.5 % of 1024 requests failed since 10:42:15", &[1]), None);
        assert_eq!(checked("13 % failed", &[1]), Some("13 does not stand in what it cites".to_owned()));
        assert_eq!(checked("it failed", &[]), Some("it cites nothing".to_owned()));
        assert_eq!(checked("it failed", &[7]), Some("entry 7 does not exist".to_owned()));
        assert_eq!(checked("it failed", &[2]), Some("entry 2 (answered) is no evidence".to_owned()));
    }
}
