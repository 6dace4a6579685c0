//! What is kept of an incident, and what is not.

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use tools::{Effect, Origin, Service};

use super::*;
use crate::incident::{AnswerStatus, Call, Conclusion, JoinReason, ServiceMatch, Usage, Who, Word};

/// As `log_patterns` tells it.
const LOG: &str = "log of payments: the last 15 min (9 lines) against the 60 min before (20 lines)
new ERROR (3 times): cache is full
vanished (0 times, 9.0 expected): <*> quotes sent
see more: search_loki {\"service\": \"payments\", \"containing\": \"cache\"}
[2 rare patterns are new; may be chance]";
const KEY: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";

fn who(by: &str) -> Who {
    Who { by: by.into(), from: String::new(), because: String::new() }
}

fn answered(call: &str, tool: &str, text: &str, data: Value) -> Event {
    let (call, tool, text, status) = (call.to_owned(), tool.to_owned(), text.to_owned(), AnswerStatus::Ok);
    Event::Answered { call, tool, text, data, raw: Value::Null, status, instructs: None }
}

fn call(id: &str, tool: &str, args: Value) -> Call {
    Call { id: id.into(), tool: tool.into(), args }
}

fn begun(call: &Call) -> Event {
    Event::ChangeBegun {
        call: call.clone(),
        service: call.args["service"].as_str().unwrap().into(),
        touches: Touches::Service,
        effect: Effect::default(),
        before: Value::Null,
        around: Vec::new(),
        hold_seconds: 0,
    }
}

/// An incident on `payments`: a restart that did not help and one that did.
fn events() -> Vec<Event> {
    let alert = serde_json::from_value(json!({
        "fingerprint": "f", "status": "firing", "startsAt": "2026-11-20T10:00:00Z",
        "labels": { "alertname": "QuotesStalled", "severity": "critical", "instance": "10.0.0.1:80" },
        "annotations": { "summary": format!("quotes stall, token {KEY}"), "runbook_url": "http://x" },
    }))
    .unwrap();
    let restart = call("c4", "restart_container", json!({ "service": "payments", "reason": format!("key {KEY}") }));
    let again = call("c5", "restart_container", json!({ "service": "payments", "reason": "again" }));
    let looks = vec![
        call("c1", "inspect_container", json!({ "service": "payments" })),
        call("c2", "check_health", json!({ "service": "records" })),
        call("c3", "rank_suspects", json!({ "service": "payments" })),
    ];
    let turned =
        |calls: Vec<Call>| Event::Turned { model: "m".into(), thought: String::new(), calls, usage: Usage::default() };
    let ended = json!({ "state": "exited", "running": false, "exit_code": 137, "oom_killed": true, "health": "none", "restarts": 2 });
    let proven = |ok: bool, call: &str| Event::Verified { call: call.into(), ok, checks: Vec::new(), seconds: 1.0 };
    let conclusion = Conclusion {
        summary: "x".into(),
        cause: format!("It ran out of memory\n\u{202e}({KEY})."),
        claims: Vec::new(),
        next_steps: Vec::new(),
        resolved: true,
        ..Conclusion::default()
    };
    let suspects = json!({ "metrics": [
        { "service": "payments", "metric": "memory", "labels": "pool=heap", "direction": "up", "score": 9.0 },
        { "service": "records", "metric": "latency", "direction": "down", "score": 5.0 },
    ] });
    vec![
        Event::Opened {
            source: Source::Alert,
            title: "x".into(),
            service: ServiceMatch::Named { service: "payments".into() },
        },
        Event::AlertJoined {
            alert,
            group_key: String::new(),
            receiver: String::new(),
            because: JoinReason::Opens,
            truncated: 0,
            instructs: None,
        },
        turned(looks),
        answered("c1", "inspect_container", "x", ended.clone()),
        answered("c2", "check_health", "x", json!({ "ok": false, "outcome": "timed out" })),
        answered("c3", "rank_suspects", "most suspicious: payments", suspects),
        answered("c3", "log_patterns", LOG, json!({})),
        turned(vec![restart.clone()]),
        begun(&restart),
        proven(false, "c4"),
        Event::Undone { call: "c4".into(), undo: None, failed: None, checks: Vec::new() },
        turned(vec![again.clone()]),
        begun(&again),
        proven(true, "c5"),
        answered("c1", "inspect_container", "x", json!({ "state": "running", "running": true })),
        Event::Concluded { model: "m".into(), conclusion },
        Event::Closed { outcome: Outcome::Repaired, why: String::new() },
        Event::Feedback { word: Word::Wrong, cause: None, who: who("jo") },
        Event::Feedback { word: Word::Right, cause: Some("A leak in the quote cache".into()), who: who("jo") },
    ]
}

fn of(events: Vec<Event>, policy: &str) -> Option<Remembered> {
    let start: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
    let entries: Vec<_> = (1..)
        .zip(events)
        .map(|(seq, event)| Entry {
            seq,
            at: start + TimeDelta::seconds(i64::try_from(seq).unwrap()),
            incident: 7,
            event,
        })
        .collect();
    let production = Some("production".to_owned());
    let catalogue = Catalogue::new([
        Service { environment: production, ..Service::named("payments", Origin::Settings) },
        Service::named("records", Origin::Settings),
    ]);
    let policy = Policy::parse("test", &format!("version = 1\nautonomy = \"act\"\n{policy}")).unwrap();
    remembered(&Incident::replay(7, &entries), &entries, &catalogue, &policy)
}

#[test]
fn symptoms_cause_remedies_and_what_people_said_are_kept_and_no_secret() {
    let kept = of(events(), "").unwrap();
    assert_eq!(
        (kept.incident, kept.alert.as_str(), kept.service.as_deref(), kept.environment.as_deref()),
        (7, "QuotesStalled", Some("payments"), Some("production"))
    );
    assert_eq!(kept.at.to_rfc3339(), "2026-11-20T10:00:17+00:00", "when it ended, not when somebody spoke of it");
    insta::assert_snapshot!(kept.symptoms.join("\n"), @"
    alert QuotesStalled severity=critical
    summary: quotes stall, token [masked]
    container of payments: exited, exit code 137, killed for want of memory, restarted 2 times
    health of records: timed out
    suspect: payments memory{pool=heap} up
    suspect: records latency down
    log, new: cache is full
    log, vanished: <*> quotes sent
    ");
    assert_eq!(kept.cause, "A leak in the quote cache", "as people know it now");
    let helped: Vec<_> = kept.remedies.iter().map(|remedy| (remedy.tool.as_str(), remedy.helped)).collect();
    assert_eq!(helped, [("restart_container", Some(false)), ("restart_container", Some(true))]);
    assert_eq!(kept.remedies[0].args, json!({ "service": "payments", "reason": "key [masked]" }));
    assert_eq!(kept.said.iter().map(|said| said.word).collect::<Vec<_>>(), [Word::Wrong, Word::Right]);
    assert_eq!(kept.ended, Ended::Repaired);
    assert!(!serde_json::to_string(&kept).unwrap().contains(KEY));

    let mut silent = events();
    silent.truncate(17);
    assert_eq!(of(silent, "").unwrap().cause, "It ran out of memory ([masked]).");
}

#[test]
fn what_goes_on_was_asked_or_is_to_be_forgotten_is_not_kept() {
    let mut open = events();
    open.truncate(16);
    assert_eq!(of(open, ""), None);
    let mut question = events();
    question[0] = Event::Opened {
        source: Source::Question { text: "x".into(), words: None, by: "jo".into() },
        title: "x".into(),
        service: ServiceMatch::Named { service: "payments".into() },
    };
    assert_eq!(of(question, ""), None);
    let mut forgotten = events();
    forgotten.push(Event::Forgotten { who: who("jo") });
    assert_eq!(of(forgotten, ""), None);
    let mut handed_over = events();
    handed_over[16] = Event::Closed { outcome: Outcome::HandedOver, why: String::new() };
    assert_eq!(of(handed_over, "").unwrap().ended, Ended::HandedOver);
}

#[test]
fn a_policy_keeps_services_environments_and_every_line_that_names_one_out() {
    let rule = |who: &str, example: &str| {
        format!("[[rules]]\nname = \"r\"\nbecause = \"x\"\n{who}\nremember = false\nexamples = [{example}]")
    };
    assert_eq!(of(events(), &rule("service = \"pay*\"", "{ service = \"payments\" }")), None);
    let production = rule("environment = \"production\"", "{ service = \"a\", environment = \"production\" }");
    assert_eq!(of(events(), &production), None);

    let records = rule("service = \"records\"", "{ service = \"records\" }");
    let kept = of(events(), &records).unwrap();
    assert!(!serde_json::to_string(&kept).unwrap().contains("records"), "{kept:?}");
    assert!(kept.symptoms.iter().any(|line| line.contains("payments memory")), "{kept:?}");
    let mut named = events();
    named.push(Event::Feedback { word: Word::Wrong, cause: Some("Records was slow".into()), who: who("kim") });
    assert_eq!(of(named, &records), None, "its cause is a service that is not to be kept");
    let mut argued = events();
    for event in &mut argued {
        if let Event::Turned { calls, .. } = event {
            let restarts = calls.iter_mut().filter(|call| call.tool == "restart_container");
            restarts.for_each(|call| call.args["reason"] = "Records-API answers 503".into());
        }
    }
    // By the rule's own pattern: the catalogue knows no such service (any more).
    let kept = of(argued, &rule("service = [\"records\", \"records-*\"]", "{ service = \"records\" }")).unwrap();
    assert!(!serde_json::to_string(&kept).unwrap().to_lowercase().contains("records"), "{kept:?}");
    assert_eq!(kept.remedies[0].args, json!({ "service": "payments", "reason": "(not kept)" }));
    let mut alerted = events();
    if let Event::AlertJoined { alert, .. } = &mut alerted[1] {
        alert.labels.insert("alertname".into(), "RecordsDown".into());
    }
    assert_eq!(of(alerted, &records), None, "its alert names it");
    let mut nowhere = events();
    nowhere[0] = Event::Opened {
        source: Source::Alert,
        title: "x".into(),
        service: ServiceMatch::Nothing { tried: Vec::new() },
    };
    assert_eq!(of(nowhere.clone(), &records), None, "it cannot be told whose it is");
    assert!(of(nowhere, "").is_some());
}

#[test]
fn what_is_kept_is_bounded_whatever_was_seen() {
    let mut events = events();
    let many: serde_json::Map<_, _> =
        (0..64).map(|index| (format!("note_{index:02}"), json!("x".repeat(4_000)))).collect();
    let alert = json!({ "fingerprint": "f", "status": "firing", "startsAt": "2026-11-20T10:00:00Z",
        "labels": { "alertname": "A".repeat(4_000) }, "annotations": many });
    if let Event::AlertJoined { alert: joined, .. } = &mut events[1] {
        *joined = serde_json::from_value(alert).unwrap();
    }
    let kept = of(events, "").unwrap();
    assert!(kept.symptoms.len() <= 48 && kept.symptoms.iter().all(|line| line.chars().count() <= 301), "{kept:?}");
    assert!(serde_json::to_string(&kept).unwrap().len() < 20_000);
    assert!(
        kept.symptoms.iter().any(|line| line.starts_with("container of payments")),
        "the states are kept before words"
    );
}
