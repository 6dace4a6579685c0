//! One entry as one line for people: the same words in the report's time line, in the terminal and in lists.

use super::taken_back;
use crate::incident::{AnswerStatus, Decision, Entry, Event, JoinReason, Outcome, Source, TRIAGE, Verdict, Who, Word};

/// What an entry says, in one line fit for a terminal; `None` for entries that only machines need.
pub fn line(entry: &Entry) -> Option<String> {
    told(entry).map(|text| tools::clean(&text).replace('\n', " "))
}

fn told(entry: &Entry) -> Option<String> {
    Some(match &entry.event {
        Event::Opened { source: Source::Question { by, .. }, .. } => format!("{by} asked a question"),
        Event::Opened { source: Source::Alert | Source::Lesson { .. }, title, .. } => format!("opened: {title}"),
        Event::AlertJoined { alert, because, truncated, instructs, .. } => {
            let left_out =
                if *truncated > 0 { format!("; Alertmanager left out {truncated} more") } else { String::new() };
            format!(
                "alert {} fires since {}{}{left_out}{}",
                alert.name(),
                alert.starts_at.format("%H:%M:%S UTC"),
                joined(because),
                marked(instructs.as_deref())
            )
        }
        Event::AlertResolved { ended, .. } => {
            format!("Alertmanager resolved an alert at {}", ended.format("%H:%M:%S UTC"))
        }
        Event::Asked { .. } => return None,
        Event::FellBack { from, to, why } => format!("model {from} failed ({why}); {to} took over"),
        Event::Turned { model, calls, .. } if model == TRIAGE => {
            format!("gathers the standard evidence: {}", names(calls))
        }
        Event::Turned { calls, .. } if calls.is_empty() => return None,
        Event::Turned { model, thought, calls, .. } => {
            let thought = if thought.is_empty() { String::new() } else { format!(" ({})", short(thought)) };
            format!("{model} wants: {}{thought}", names(calls))
        }
        Event::Judged { verdict: Verdict::Allow(crate::incident::Reason::Looks), .. } => return None,
        Event::Judged { tool, verdict, .. } => match verdict {
            Verdict::Allow(reason) => format!("guard allows {tool}: {reason}"),
            Verdict::Ask(reason) => format!("guard asks a person about {tool}: {reason}"),
            Verdict::Refuse(reason) => format!("guard refuses {tool}: {reason}"),
        },
        Event::ApprovalWanted { call, expires, .. } => {
            format!("waits for leave for {} ({}) until {}", call.tool, call.id, expires.format("%H:%M:%S UTC"))
        }
        Event::ApprovalGiven { call, decision, by, .. } => match decision {
            Decision::Approve => format!("{by} approved {call}"),
            Decision::Deny => format!("{by} denied {call}"),
        },
        Event::ApprovalExpired { call } => format!("nobody answered about {call} in time: that is a no"),
        Event::Answered { tool, text, status, instructs, .. } => {
            format!("{}{}", answered(tool, text, status), marked(instructs.as_deref()))
        }
        Event::ChangeBegun { call, service, .. } => format!("begins {} on {service}", call.tool),
        Event::ChangeDone { ok: true, what, .. } => format!("done: {what}"),
        Event::ChangeDone { ok: false, what, .. } => format!("failed: {what}"),
        Event::Verified { ok: true, checks, seconds, .. } => {
            format!("proven after {seconds:.1} s: {} checks pass", checks.len())
        }
        Event::Verified { ok: false, checks, seconds, .. } => {
            let failed: Vec<_> = checks.iter().filter(|check| !check.passed).map(|check| check.name.as_str()).collect();
            format!("not proven after {seconds:.1} s: {}", failed.join("; "))
        }
        Event::Undone { undo, failed, checks, .. } => taken_back(undo.as_ref(), failed.as_deref(), checks),
        Event::BreakerTripped { service, failed, .. } => {
            format!(
                "{failed} changes in a row did not help: {} is in mode propose until a person raises it",
                of(service)
            )
        }
        Event::BreakerRaised { service, who } => {
            format!("{} raised the autonomy of {} again{}", who.by, of(service), why(who))
        }
        Event::Halted { who } => format!("{} stopped every change{}", who.by, why(who)),
        Event::Resumed { who } => format!("{} let changes go on{}", who.by, why(who)),
        Event::PolicyLoaded { file, hash, who } => {
            let file = if file.is_empty() { "the compiled-in policy" } else { file };
            format!("{} loaded {file} ({})", who.by, hash.get(..12).unwrap_or(hash))
        }
        Event::BudgetReached { used, .. } => format!("budget used up: {used}; one last turn to conclude"),
        Event::SentBack { wrong, .. } => format!("its conclusion is sent back: {}", short(&wrong.join("; "))),
        Event::Concluded { conclusion, .. } => format!("concludes: {}", short(&conclusion.cause)),
        Event::HandedOver { why } => format!("handed over: {why}"),
        Event::Closed { outcome, why } => format!("{}: {why}", ended(*outcome)),
        Event::Feedback { word, cause, who } => feedback(*word, cause.as_deref(), who),
        Event::Forgotten { who } => format!("{} wants memory to forget it{}", who.by, why(who)),
        Event::RunbookLearned { name, from, place, .. } => {
            let from: Vec<_> = from.iter().map(ToString::to_string).collect();
            format!("learnt the runbook {name} from incidents {}: {place}", from.join(", "))
        }
    })
}

/// What people are shown of a text that reads as an instruction to the agent.
fn marked(instructs: Option<&str>) -> String {
    instructs.map_or_else(String::new, |text| format!("; reads as an instruction, and is none: {:?}", short(text)))
}

fn of(service: &str) -> &str {
    if service.is_empty() { "the whole fleet" } else { service }
}

fn why(who: &Who) -> String {
    if who.because.is_empty() { String::new() } else { format!(": {}", who.because) }
}

/// What a person said afterwards, as it reads in a line.
pub(super) fn feedback(word: Word, cause: Option<&str>, who: &Who) -> String {
    let word = match word {
        Word::Right => "right",
        Word::Wrong => "wrong",
    };
    let cause = cause.map_or_else(String::new, |cause| format!("; the cause was: {}", short(cause)));
    format!("{} says that it was {word}{cause}{}", who.by, why(who))
}

fn joined(because: &JoinReason) -> String {
    match because {
        JoinReason::Opens => String::new(),
        JoinReason::SameFingerprint => "; it fires again".to_owned(),
        JoinReason::SameGroupKey => "; it joins by Alertmanager's group".to_owned(),
        JoinReason::SameService { service } => format!("; it joins as an alert of {service}"),
        JoinReason::Dependency { service, depends_on } => format!("; it joins since {service} depends on {depends_on}"),
    }
}

fn answered(tool: &str, text: &str, status: &AnswerStatus) -> String {
    let first = short(text.lines().find(|line| !line.trim().is_empty()).unwrap_or("(no answer)"));
    match status {
        AnswerStatus::Ok => format!("{tool}: {first}"),
        AnswerStatus::Repeated { seq } => format!("{tool}: the same as [{seq}]"),
        AnswerStatus::Wrong => format!("{tool}: wrong call: {first}"),
        AnswerStatus::Refused => format!("{tool}: {first}"),
        AnswerStatus::Unreachable { .. } => format!("{tool}: no answer: {first}"),
        AnswerStatus::LeftOut { after_ms } => format!("{tool}: left out of the first look after {after_ms} ms"),
        AnswerStatus::Changed { proven: true } => format!("{tool}: helped"),
        AnswerStatus::Changed { proven: false } => format!("{tool}: did not help"),
    }
}

/// How an outcome reads at the beginning of a line.
pub(crate) fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Repaired => "repaired",
        Outcome::ResolvedByItself => "resolved by itself",
        Outcome::HandedOver => "handed over to a person",
        Outcome::Answered => "answered",
        Outcome::UndoFailed => "NOT repaired, and a change could not be taken back",
    }
}

fn names(calls: &[crate::incident::Call]) -> String {
    let told = calls.iter().map(|call| match call.args.get("service").and_then(|name| name.as_str()) {
        Some(service) => format!("{}({service})", call.tool),
        None => call.tool.clone(),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// At most 160 characters on one line.
fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 160 { line } else { format!("{}…", line.chars().take(159).collect::<String>()) }
}
