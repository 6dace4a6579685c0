use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::incident::{AnswerStatus, Call, Entry, Event, Incident, JoinReason, ServiceMatch, Source, Usage};

const BOOK: &str = r#"---
title: A test
match:
  - alertname: "Down"
    labels: { severity: "critical|page" }
steps:
  - id: container
    call: inspect_container
    with: { service: "{{ service }}" }
  - id: health
    call: check_health
    with: { service: "{{ service }}" }
  - id: restart
    call: restart_container
    when: "container.state == 'exited' and not health.ok"
    with: { service: "{{ service }}", reason: "exit code {{ container.exit_code }}" }
  - id: after
    call: check_health
    when: "restart.proven"
    with: { service: "{{ service }}" }
verify: "after.ok"
conclude:
  - when: "restart.proven"
    summary: "restarted"
    cause: "exit code {{ container.exit_code }}"
    claims:
      - { text: "exit code {{ container.exit_code }}", cites: [container] }
      - { text: "well", cites: [after, restart] }
    resolved: true
  - summary: "nothing done"
    cause: "state {{ container.state }}"
---
Prose.
"#;

fn alert(name: &str, severity: &str) -> Alert {
    serde_json::from_value(json!({
        "fingerprint": "f", "status": "firing", "startsAt": "2026-01-01T00:00:00Z",
        "labels": { "alertname": name, "severity": severity }
    }))
    .unwrap()
}

/// An incident on `payments`, written event by event.
struct Story {
    entries: Vec<Entry>,
}

impl Story {
    fn new() -> Self {
        let mut story = Self { entries: Vec::new() };
        story.write(Event::Opened {
            source: Source::Alert,
            title: "Down on payments".into(),
            service: ServiceMatch::Named { service: "payments".into() },
        });
        story.write(Event::AlertJoined {
            alert: alert("Down", "page"),
            group_key: String::new(),
            receiver: String::new(),
            because: JoinReason::Opens,
            truncated: 0,
            instructs: None,
        });
        story
    }

    fn write(&mut self, event: Event) {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(Entry { seq, at: DateTime::UNIX_EPOCH, incident: 1, event });
    }

    fn incident(&self) -> Incident {
        Incident::replay(1, &self.entries)
    }

    fn wants(&mut self, calls: &[(String, Value)]) {
        let next = self.incident().next_call_id();
        let calls = calls.iter().enumerate().map(|(index, (tool, args))| Call {
            id: format!("c{}", next + index),
            tool: tool.clone(),
            args: args.clone(),
        });
        let calls = calls.collect();
        self.write(Event::Turned { model: "runbook".into(), thought: String::new(), calls, usage: Usage::default() });
    }

    fn answers(&mut self, call: &str, data: Value, status: AnswerStatus) {
        let tool = self.incident().call(call).unwrap().call.tool.clone();
        self.write(Event::Answered {
            call: call.into(),
            tool,
            text: data.to_string(),
            data,
            raw: Value::Null,
            status,
            instructs: None,
        });
    }
}

fn walked(story: &Story) -> Walked {
    let runbook = Runbook::parse("test", "test.md", BOOK).unwrap();
    walk(&runbook, &alert("Down", "page"), &story.incident(), true).unwrap()
}

fn calls(walked: Walked) -> Vec<(String, Value)> {
    match walked {
        Walked::Calls(calls, _) => calls,
        Walked::End(conclusion) => panic!("ended: {conclusion:?}"),
    }
}

#[test]
fn looks_come_side_by_side_and_a_change_only_after_the_answers_it_needs() {
    let mut story = Story::new();
    let first = calls(walked(&story));
    assert_eq!(first.iter().map(|(tool, _)| tool.as_str()).collect::<Vec<_>>(), ["inspect_container", "check_health"]);
    story.wants(&first);
    story.answers("c1", json!({ "state": "exited", "exit_code": 137 }), AnswerStatus::Ok);
    story.answers("c2", json!({ "ok": false }), AnswerStatus::Ok);

    let second = calls(walked(&story));
    let wanted = json!({ "service": "payments", "reason": "exit code 137" });
    assert_eq!(second, [("restart_container".to_owned(), wanted)]);
    story.wants(&second);
    story.answers("c3", json!({}), AnswerStatus::Changed { proven: true });
    story.write(Event::ChangeBegun {
        call: story.incident().call("c3").unwrap().call.clone(),
        service: "payments".into(),
        touches: tools::Touches::Service,
        effect: tools::Effect::default(),
        before: json!({}),
        around: Vec::new(),
        hold_seconds: 0,
    });
    story.answers("c3", json!({}), AnswerStatus::Changed { proven: true });

    // The same look again: its answer from before the change tells nothing of now.
    let third = calls(walked(&story));
    assert_eq!(third, [("check_health".to_owned(), json!({ "service": "payments" }))]);
    story.wants(&third);
    story.answers("c4", json!({ "ok": true }), AnswerStatus::Ok);
    let Walked::End(conclusion) = walked(&story) else { panic!("goes on") };
    assert_eq!((conclusion.cause.as_str(), conclusion.resolved), ("exit code 137", true));
    assert_eq!(conclusion.claims[0].evidence, [4]);
}

#[test]
fn what_is_not_answered_is_false_and_the_last_ending_fits_always() {
    let mut story = Story::new();
    let first = calls(walked(&story));
    story.wants(&first);
    story.answers("c1", Value::Null, AnswerStatus::Unreachable { system: tools::System::Docker });
    story.answers("c2", json!({ "ok": false }), AnswerStatus::Ok);
    let Walked::End(conclusion) = walked(&story) else { panic!("goes on") };
    assert_eq!((conclusion.summary.as_str(), conclusion.cause.as_str()), ("nothing done", "state "));
}

#[test]
fn a_runbook_is_for_the_alerts_that_fit_all_it_names() {
    let runbook = Runbook::parse("test", "test.md", BOOK).unwrap();
    assert!(runbook.fits(&alert("Down", "page")));
    assert!(!runbook.fits(&alert("Down", "info")));
    assert!(!runbook.fits(&alert("ServiceDown", "page")));
}

#[test]
fn what_does_not_parse_is_told_with_its_line() {
    let told = |text: &str| Runbook::parse("x", "x.md", text).unwrap_err().to_string();
    assert!(told("# Title\n").starts_with("x.md:1: a runbook begins with front matter"));
    assert!(told("---\ntitle: a\n").starts_with("x.md:1: the front matter is not closed"));
    let unknown = told("---\ntitle: a\nmatch: []\nconclude: []\nsteppes: []\n---\n");
    assert!(unknown.starts_with("x.md:5:") && unknown.contains("steppes"), "{unknown}");
    let pattern = told("---\ntitle: a\nmatch:\n  - alertname: \"(\"\nconclude:\n  - {summary: a, cause: b}\n---\n");
    assert!(pattern.starts_with("x.md:3: ") && pattern.contains("no regular expression"), "{pattern}");
}

#[test]
fn lint_says_file_line_and_what_is_wrong() {
    let text = BOOK
        .replace("call: inspect_container", "call: inspect_containers")
        .replace("not health.ok", "not healthy.ok")
        .replace("cites: [container]", "cites: [containr]")
        .replace("  - summary: \"nothing done\"", "  - when: \"false\"\n    summary: \"nothing done\"")
        .replace("Prose.", "");
    let runbook = Runbook::parse("test", "test.md", &text).unwrap();
    let spec = |name: &str| tools::Spec {
        name: name.into(),
        description: String::new(),
        schema: json!({}),
        example: json!({}),
        touches: None,
        words: &[],
        trusted: &[],
    };
    let specs = [spec("check_health"), spec("inspect_container"), spec("restart_container")];
    let check = |tool: &str, args: &Value| match (tool, args.get("reason")) {
        ("check_health", Some(_)) => Err("unknown field `reason`".to_owned()),
        _ => Ok(()),
    };
    let told: Vec<_> = lint(&runbook, &specs, &check)
        .into_iter()
        .map(|finding| format!("{}:{}: {}", finding.file, finding.line, finding.what))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    test.md:7: there is no tool "inspect_containers"; there are: check_health, inspect_container, restart_container
    test.md:13: `when` uses "healthy", which is not known here; known are: alert, container, health, service
    test.md:23: the claim "exit code {{ container.exit_code }}" cites "containr", which is no step
    test.md:30: the last ending has a `when`: when none holds there is no ending; leave it out there
    test.md:22: no prose follows the front matter; people read it at night
    "#);
}

#[test]
fn the_runbooks_that_ship_parse() {
    let (library, errors) = Library::built_in();
    assert_eq!(errors, []);
    assert_eq!(library.iter().count(), 8);
    let of = |name: &str| library.find(&alert(name, "x")).map(|runbook| runbook.name.clone()).unwrap();
    let table = [
        ("ServiceDown", "service-down"),
        ("TargetDown", "service-down"),
        ("ServiceHung", "hung-but-up"),
        ("HighErrorRate", "high-error-rate"),
        ("HighLatency", "high-latency"),
        ("ContainerOutOfMemory", "container-out-of-memory"),
        ("KubePodCrashLooping", "restart-loop"),
        ("RestartLoop", "restart-loop"),
        ("NodeFilesystemSpaceFillingUp", "disk-filling"),
        ("CertificateExpiry", "unknown-alert"),
    ];
    for (name, runbook) in table {
        assert_eq!(of(name), runbook, "{name}");
    }
}
