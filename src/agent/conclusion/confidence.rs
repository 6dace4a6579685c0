//! How sure the evidence makes a cause: computed from what is cited, never taken from a model's word.

use std::collections::BTreeSet;

use serde_json::Value;
use tools::{ReadAnswer, Reread as _};

use crate::incident::{Conclusion, Confidence, Entry, Event, Level, Seq};

const READ_ANSWER: &str = ReadAnswer::NAME;

/// How sure a checked conclusion is.
pub(super) fn of(conclusion: &Conclusion, entries: &[Entry]) -> Confidence {
    let leading = conclusion.hypotheses.first();
    let standing = conclusion.claims.iter().filter(|claim| claim.unproven.is_none());
    let mut cited: BTreeSet<Seq> = standing.flat_map(|claim| claim.evidence.iter().copied()).collect();
    cited.extend(leading.filter(|one| one.unproven.is_none()).iter().flat_map(|one| &one.supporting));
    let weak = conclusion.claims.iter().filter(|claim| claim.unproven.is_some()).count()
        + usize::from(leading.is_some_and(|one| one.unproven.is_some()))
        + usize::from(conclusion.unproven.is_some());
    let (for_it, against) = leading.map_or((cited.len(), 0), |one| (one.supporting.len(), one.opposing.len()));
    let (sources, repaired) = sources(&cited, entries);
    let rivals = conclusion.hypotheses.iter().skip(1).filter(|one| one.unproven.is_none() && one.opposing.is_empty());
    let rivals = rivals.count();

    let low = if cited.is_empty() {
        Some("nothing that it cites stands".to_owned())
    } else if weak > 0 {
        Some(format!("{weak} of its statements cannot be confirmed"))
    } else if against >= for_it && against > 0 {
        Some(format!("{against} entries speak against it, {for_it} for it"))
    } else {
        None
    };
    if let Some(because) = low {
        return Confidence { level: Level::Low, because };
    }
    let many = match sources.len() {
        1 => "one source".to_owned(),
        count => format!("{count} sources"),
    };
    let stands = format!("every statement stands in what it cites, from {many} ({})", names(&sources));
    if against > 0 {
        return Confidence { level: Level::Medium, because: format!("{stands}; {against} entries speak against it") };
    }
    if rivals > 0 {
        let because = format!("{stands}; nothing speaks against {rivals} other hypotheses");
        return Confidence { level: Level::Medium, because };
    }
    if repaired {
        return Confidence { level: Level::High, because: format!("{stands}; the repair is proven") };
    }
    let level = if sources.len() > 1 { Level::High } else { Level::Medium };
    Confidence { level, because: stands }
}

/// The tools whose answers are cited, and whether a proof of a repair is.
fn sources<'a>(cited: &BTreeSet<Seq>, entries: &'a [Entry]) -> (BTreeSet<&'a str>, bool) {
    let mut sources = BTreeSet::new();
    let mut repaired = false;
    for entry in entries.iter().filter(|entry| cited.contains(&entry.seq)) {
        if let Event::Verified { ok, .. } = entry.event {
            repaired |= ok;
        }
        sources.insert(source(entry, entries));
    }
    (sources, repaired)
}

/// The tool that an entry is the answer of; what is read again of an answer comes from whom that came from.
fn source<'a>(entry: &'a Entry, entries: &'a [Entry]) -> &'a str {
    let Event::Answered { tool, data, .. } = &entry.event else { return entry.event.name() };
    let read = data.get("entry").and_then(Value::as_u64).filter(|_| tool == READ_ANSWER);
    let of = read.and_then(|seq| entries.iter().find(|other| other.seq == seq && other.seq < entry.seq));
    of.map_or(tool, |of| source(of, entries))
}

fn names(sources: &BTreeSet<&str>) -> String {
    sources.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, claim};
    use super::*;
    use crate::incident::{AnswerStatus, Hypothesis};

    fn level(conclusion: Conclusion) -> (Level, String) {
        let mut again = answer(4, READ_ANSWER, "error rate 12.5", AnswerStatus::Ok);
        if let Event::Answered { data, .. } = &mut again.event {
            *data = serde_json::json!({ "entry": 1 });
        }
        let entries = [
            answer(1, "query_prometheus", "error rate 12.5", AnswerStatus::Ok),
            answer(2, "search_loki", "40 timeouts", AnswerStatus::Ok),
            answer(3, "query_prometheus", "latency 3", AnswerStatus::Ok),
            again,
        ];
        let Confidence { level, because } = super::super::check_conclusion(conclusion, &entries).confidence.unwrap();
        (level, because)
    }

    fn guess(supporting: &[Seq], opposing: &[Seq]) -> Hypothesis {
        Hypothesis {
            text: "a timeout".to_owned(),
            supporting: supporting.to_vec(),
            opposing: opposing.to_vec(),
            unproven: None,
        }
    }

    #[test]
    fn confidence_follows_from_the_evidence() {
        let with = |claims: Vec<_>, hypotheses: Vec<_>| level(Conclusion { claims, hypotheses, ..Default::default() });
        let told = [
            with(Vec::new(), Vec::new()),
            with(vec![claim("12.5", &[1])], Vec::new()),
            with(vec![claim("12.5", &[1]), claim("latency 3", &[3])], Vec::new()),
            with(vec![claim("12.5", &[1, 4])], Vec::new()),
            with(vec![claim("12.5", &[1]), claim("40 timeouts", &[2])], Vec::new()),
            with(vec![claim("12.5", &[1]), claim("41 timeouts", &[2])], Vec::new()),
            with(vec![claim("12.5", &[1])], vec![guess(&[1], &[2, 3])]),
            with(vec![claim("12.5", &[1])], vec![guess(&[1, 2], &[3])]),
            with(vec![claim("12.5", &[1])], vec![guess(&[1, 2], &[]), guess(&[3], &[])]),
            with(vec![claim("12.5", &[1])], vec![guess(&[1, 2], &[]), guess(&[3], &[2])]),
        ];
        let told: Vec<_> = told.iter().map(|(level, because)| format!("{level:?}: {because}")).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        Low: nothing that it cites stands
        Medium: every statement stands in what it cites, from one source (query_prometheus)
        Medium: every statement stands in what it cites, from one source (query_prometheus)
        Medium: every statement stands in what it cites, from one source (query_prometheus)
        High: every statement stands in what it cites, from 2 sources (query_prometheus, search_loki)
        Low: 1 of its statements cannot be confirmed
        Low: 2 entries speak against it, 1 for it
        Medium: every statement stands in what it cites, from 2 sources (query_prometheus, search_loki); 1 entries speak against it
        Medium: every statement stands in what it cites, from 2 sources (query_prometheus, search_loki); nothing speaks against 1 other hypotheses
        High: every statement stands in what it cites, from 2 sources (query_prometheus, search_loki)
        ");
    }
}
