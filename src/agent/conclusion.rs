//! The ledger: a claim has evidence. Code checks that what is cited exists and that each number quoted stands in it, and says how
//! sure that makes the cause.

mod confidence;

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

use crate::incident::{AnswerStatus, Claim, Conclusion, Entry, Event, Hypothesis, Seq, Source};

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").expect("a valid pattern"));

/// Marks what cannot be confirmed, lists what was not checked, and says how sure that makes the cause.
pub fn check_conclusion(conclusion: Conclusion, entries: &[Entry]) -> Conclusion {
    let mut conclusion = conclusion.as_written();
    for claim in &mut conclusion.claims {
        let Claim { text, evidence, .. } = &*claim;
        claim.unproven = unproven(text, evidence, entries);
    }
    for hypothesis in &mut conclusion.hypotheses {
        let Hypothesis { text, supporting, opposing, .. } = &*hypothesis;
        let cited: Vec<Seq> = supporting.iter().chain(opposing).copied().collect();
        hypothesis.unproven = unproven(text, &cited, entries);
    }
    conclusion.unproven = told_without_evidence(&conclusion, entries);
    conclusion.not_checked = not_checked(entries);
    conclusion.confidence = Some(confidence::of(&conclusion, entries));
    conclusion
}

/// What of a checked conclusion does not stand, line by line, as its model reads it.
pub(super) fn wrong_of(conclusion: &Conclusion) -> Vec<String> {
    let claims = conclusion.claims.iter().filter_map(|claim| told("claim", &claim.text, claim.unproven.as_ref()));
    let hypotheses =
        conclusion.hypotheses.iter().filter_map(|one| told("hypothesis", &one.text, one.unproven.as_ref()));
    let words = conclusion.unproven.iter().map(|why| format!("summary and cause: {why}"));
    claims.chain(hypotheses).chain(words).collect()
}

fn told(what: &str, text: &str, unproven: Option<&String>) -> Option<String> {
    unproven.map(|why| format!("{what} {text:?}: {why}"))
}

fn unproven(text: &str, cited: &[Seq], entries: &[Entry]) -> Option<String> {
    if cited.is_empty() {
        return Some("it cites nothing".to_owned());
    }
    let mut evidence_text = String::new();
    for seq in cited {
        let Some(entry) = entries.iter().find(|entry| entry.seq == *seq) else {
            return Some(format!("entry {seq} does not exist"));
        };
        match evidence(&entry.event) {
            Some(text) => evidence_text.push_str(&text),
            None => return Some(format!("entry {seq} ({}) is no evidence", entry.event.name())),
        }
        evidence_text.push('\n');
    }
    let standing: BTreeSet<String> = numbers(&evidence_text).collect();
    let missing: Vec<_> = numbers(text).filter(|number| !standing.contains(number)).collect();
    (!missing.is_empty()).then(|| format!("{} does not stand in what it cites", missing.join(", ")))
}

/// Figures of summary and cause that stand nowhere in the investigation.
fn told_without_evidence(conclusion: &Conclusion, entries: &[Entry]) -> Option<String> {
    let quoted: BTreeSet<String> = numbers(&conclusion.summary).chain(numbers(&conclusion.cause)).collect();
    if quoted.is_empty() {
        return None;
    }
    let mut missing = quoted;
    for entry in entries {
        let own = [entry.seq.to_string(), entry.at.format("%Y-%m-%d %H:%M:%S").to_string()].join(" ");
        for number in numbers(&own).chain(evidence(&entry.event).iter().flat_map(|text| numbers(text))) {
            missing.remove(&number);
        }
    }
    let missing: Vec<_> = missing.into_iter().collect();
    (!missing.is_empty()).then(|| format!("{} stands in no entry", missing.join(", ")))
}

/// What of an entry can prove something: what was seen, not what was thought.
fn evidence(event: &Event) -> Option<String> {
    match event {
        Event::AlertJoined { alert, .. } => {
            let values = alert.labels.values().chain(alert.annotations.values());
            Some(format!("{} {}", alert.starts_at, values.cloned().collect::<Vec<_>>().join(" ")))
        }
        Event::AlertResolved { ended, .. } => Some(ended.to_string()),
        // A question may be answered from what the person said.
        Event::Opened { source: Source::Question { text, .. }, .. } => Some(text.clone()),
        Event::Answered {
            text,
            data,
            status: AnswerStatus::Ok | AnswerStatus::Repeated { .. } | AnswerStatus::Changed { .. },
            ..
        } => Some(format!("{text} {data}")),
        Event::ChangeDone { what, .. } => Some(what.clone()),
        Event::Undone { undo, failed, checks, .. } => Some(format!("{undo:?} {failed:?} {}", checks_told(checks))),
        Event::Verified { checks, seconds, .. } => Some(format!("{} {seconds}", checks_told(checks))),
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
        | Event::SentBack { .. }
        | Event::Concluded { .. }
        | Event::HandedOver { .. }
        | Event::Closed { .. }
        | Event::Feedback { .. }
        | Event::Forgotten { .. }
        | Event::RunbookLearned { .. } => None,
    }
}

fn checks_told(checks: &[tools::Check]) -> String {
    checks.iter().map(|check| format!("{} {}", check.name, check.found)).collect::<Vec<_>>().join(" ")
}

/// The numbers of a text in one form: 1,024 and 1024 are the same, and so are 5.0 and 5.
fn numbers(text: &str) -> impl Iterator<Item = String> + '_ {
    NUMBER.find_iter(text).map(|found| {
        let plain = found.as_str().replace(',', "");
        match plain.split_once('.') {
            Some((whole, rest)) if rest.chars().all(|digit| digit == '0') => whole.to_owned(),
            Some(_) | None => plain,
        }
    })
}

/// A tool, and the service that it was asked about.
type Asked<'a> = (&'a str, Option<&'a str>);

/// Sources that did not answer and were not reached later, about the same service.
fn not_checked(entries: &[Entry]) -> Vec<String> {
    let calls = entries.iter().filter_map(|entry| {
        let Event::Turned { calls, .. } = &entry.event else { return None };
        Some(calls)
    });
    let about: HashMap<&str, Option<&str>> =
        calls.flatten().map(|call| (call.id.as_str(), call.args.get("service").and_then(Value::as_str))).collect();
    let mut missed: Vec<(Asked<'_>, &str, Seq)> = Vec::new();
    for entry in entries {
        let Event::Answered { call, tool, text, status, .. } = &entry.event else { continue };
        let of = (tool.as_str(), about.get(call.as_str()).copied().flatten());
        match status {
            AnswerStatus::Unreachable { .. } | AnswerStatus::LeftOut { .. } => {
                if !missed.iter().any(|(other, said, _)| *other == of && said == text) {
                    missed.push((of, text, entry.seq));
                }
            }
            AnswerStatus::Ok => missed.retain(|(other, ..)| *other != of),
            AnswerStatus::Repeated { .. }
            | AnswerStatus::Wrong
            | AnswerStatus::Refused
            | AnswerStatus::Changed { .. } => {}
        }
    }
    let told = |((tool, service), text, seq)| match service {
        Some(service) if !str::contains(text, service) => format!("{tool} {service}: {text} [{seq}]"),
        Some(_) | None => format!("{tool}: {text} [{seq}]"),
    };
    missed.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::incident::Call;

    pub(super) fn claim(text: &str, evidence: &[Seq]) -> Claim {
        Claim { text: text.to_owned(), evidence: evidence.to_vec(), unproven: None }
    }

    pub(super) fn answer(seq: Seq, tool: &str, text: &str, status: AnswerStatus) -> Entry {
        let event = Event::Answered {
            call: format!("c{seq}"),
            tool: tool.to_owned(),
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
            answer(1, "query_prometheus", "error rate 12.5 % over 1,024 requests at 10:42:15", AnswerStatus::Ok),
            answer(2, "query_prometheus", "refused", AnswerStatus::Unreachable { system }),
        ];
        let conclusion = Conclusion { claims: vec![claim(text, evidence)], ..Conclusion::default() };
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

    #[test]
    fn what_did_not_answer_stays_not_checked_until_the_same_service_is_asked_again() {
        let call = |seq: Seq, service: &str| Call {
            id: format!("c{seq}"),
            tool: "check_health".to_owned(),
            args: json!({ "service": service }),
        };
        let calls = vec![call(2, "db"), call(3, "web"), call(4, "web"), call(5, "db")];
        let usage = Default::default();
        let event = Event::Turned { model: String::new(), thought: String::new(), calls, usage };
        let mut entries = vec![Entry { seq: 1, at: DateTime::UNIX_EPOCH, incident: 1, event }];
        let late = AnswerStatus::LeftOut { after_ms: 1_000 };
        entries.push(answer(2, "check_health", "left out", late.clone()));
        entries.push(answer(3, "check_health", "left out", late));
        entries.push(answer(4, "check_health", "200", AnswerStatus::Ok));
        assert_eq!(not_checked(&entries), ["check_health db: left out [2]"]);
        entries.push(answer(5, "check_health", "200", AnswerStatus::Ok));
        assert!(not_checked(&entries).is_empty());
    }

    #[test]
    fn a_hypothesis_and_the_summary_are_held_to_the_same() {
        let entries = [answer(1, "query_prometheus", "error rate 12.5 %", AnswerStatus::Ok)];
        let hypothesis = |text: &str, supporting: &[Seq], opposing: &[Seq]| Hypothesis {
            text: text.to_owned(),
            supporting: supporting.to_vec(),
            opposing: opposing.to_vec(),
            unproven: None,
        };
        let conclusion = Conclusion {
            summary: "12.5 % of 900 requests fail since 1970-01-01, see [1]".to_owned(),
            hypotheses: vec![
                hypothesis("12.5 % fail", &[1], &[]),
                hypothesis("the disk is full at 99 %", &[], &[1]),
                hypothesis("a guess", &[], &[]),
            ],
            ..Conclusion::default()
        };
        insta::assert_snapshot!(wrong_of(&check_conclusion(conclusion, &entries)).join("\n"), @r#"
        hypothesis "the disk is full at 99 %": 99 does not stand in what it cites
        hypothesis "a guess": it cites nothing
        summary and cause: 900 stands in no entry
        "#);
    }
}
