//! Every change, failing at every step, and stopped after every entry: the world is as before, or a person has been told.

use std::time::Duration;

use devops_agent::{
    incident::{Incident, Outcome},
    journal::Case,
    model::Wanted,
    report::Report,
};
use serde_json::json;

use crate::{
    arena::{Arena, Speaks},
    brain::Brain,
    fleet::{Fault, INCIDENT},
    hands::CHANGES,
};

const SERVICE: &str = "web";

/// A call of this tool that the policy allows.
fn call(tool: &str) -> Vec<Wanted> {
    let more = match tool {
        "scale_service" => json!({ "replicas": 5 }),
        "update_resources" => json!({ "memory_mib": 512 }),
        "deploy_service" => json!({ "image": "ghcr.io/team/web:3" }),
        "silence_alert" => json!({ "minutes": 30, "alert": "Down" }),
        "open_pr" => json!({ "files": ["src/main.rs"] }),
        "notify" => json!({ "message": "look", "severity": "info" }),
        _ => json!({}),
    };
    let mut args = json!({ "service": SERVICE, "reason": "it must be" });
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    vec![Wanted { tool: tool.to_owned(), args }]
}

async fn arena(tool: &str) -> Arena {
    let arena = Arena::new(Brain::just(call(tool)), Speaks::Directly).await;
    arena.alert_of(SERVICE, "one").await;
    arena
}

/// Works until nothing is to do, or until so many entries stand in the journal: then all is dropped, as a crash would.
async fn work(arena: &Arena, stop_at: Option<usize>) {
    while let Some(lease) = arena.journal.lease(Duration::from_secs(3_600)).await.unwrap() {
        let mut case = Case::open(&arena.journal, lease).await.unwrap();
        let reached = async {
            let mut changes = arena.journal.changes();
            while arena.journal.entries(1, 0, 1_000).await.unwrap().len() < stop_at.unwrap_or(usize::MAX) {
                changes.changed().await.unwrap();
            }
        };
        tokio::select! {
            biased;
            () = reached => return,
            done = INCIDENT.scope(1, arena.agent.investigate(&mut case)) => done.unwrap(),
        }
        arena.journal.release(lease).await.unwrap();
    }
}

async fn ended(arena: &Arena) -> (Incident, String) {
    let (incident, entries) = arena.journal.incident(1).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    (incident, report)
}

#[tokio::test]
async fn at_whatever_step_a_change_fails_the_world_is_as_before_or_a_person_has_been_told() {
    let faults =
        [Fault::Before, Fault::Refused, Fault::HalfDone, Fault::Verify, Fault::NoHelp, Fault::Undo, Fault::NotRestored];
    for tool in CHANGES {
        for fault in faults {
            let arena = arena(tool).await;
            let before = arena.fleet.lock().services.clone();
            arena.fleet.lock().fault = Some(fault);
            work(&arena, None).await;
            let (incident, report) = ended(&arena).await;
            let of = format!("{tool} with {fault:?}\n{report}");
            let as_before = arena.fleet.lock().services == before;
            let pages = arena.fleet.lock().pages;
            assert_eq!(arena.escapes(), Vec::<String>::new(), "{of}");
            let stands = matches!(fault, Fault::Undo | Fault::NotRestored);
            if stands {
                assert_eq!((incident.outcome, pages), (Some(Outcome::UndoFailed), 1), "a person is paged: {of}");
                assert!(report.contains("could not be taken back") || report.contains("does not stand again"), "{of}");
            } else {
                assert!(as_before, "{of}");
                assert_eq!((incident.outcome, pages), (Some(Outcome::HandedOver), 0), "{of}");
            }
            let said =
                if fault == Fault::Before { "not begun, nothing was changed" } else { "Not proven to have helped" };
            assert!(report.contains(said), "{of}");
        }
    }
}

#[tokio::test]
async fn stopped_after_every_entry_every_change_is_made_once_and_ends_the_same() {
    for tool in CHANGES {
        let whole = arena(tool).await;
        work(&whole, None).await;
        let (incident, _) = ended(&whole).await;
        let (outcome, last) = (incident.outcome, incident.last_seq as usize);
        assert!(outcome.is_some() && last > 8, "{tool}: {outcome:?} after {last} entries");
        for stop_at in 2..last {
            let stopped = arena(tool).await;
            work(&stopped, Some(stop_at)).await;
            let again = stopped.again(Brain::just(call(tool))).await;
            work(&again, None).await;
            let (incident, report) = ended(&again).await;
            let of = format!("{tool} stopped after {stop_at} of {last} entries\n{report}");
            let count = again.fleet.lock().count(tool, SERVICE);
            assert!(count <= 1, "made {count} times: {of}");
            assert!(incident.outcome.is_some(), "it never ended: {of}");
            // Stopped between beginning and end, it may or may not have reached the world; where it did, the end is the same.
            if count == 1 {
                assert_eq!(incident.outcome, outcome, "{of}");
            }
            assert_eq!(again.escapes(), Vec::<String>::new(), "{of}");
            assert_eq!(again.journal.verify(None).await.unwrap().1, [], "{of}");
        }
    }
}

/// A person has to go on: what the same turn wanted after it is not begun.
#[tokio::test]
async fn after_what_could_not_be_taken_back_nothing_more_is_changed() {
    let of = |service: &str| Wanted {
        tool: "restart_container".into(),
        args: json!({ "service": service, "reason": "it must be" }),
    };
    let arena = Arena::new(Brain::in_turns(vec![vec![of(SERVICE), of("cart")]]), Speaks::Directly).await;
    arena.alert_of(SERVICE, "one").await;
    arena.fleet.lock().fault = Some(Fault::Undo);
    work(&arena, None).await;
    let (incident, report) = ended(&arena).await;
    assert_eq!((incident.outcome, arena.fleet.lock().pages), (Some(Outcome::UndoFailed), 1), "{report}");
    assert_eq!(arena.fleet.lock().count("restart_container", "cart"), 0, "{report}");
}

/// A message of a model may be the sixth, and a change that stands is paged all the same.
#[tokio::test]
async fn what_a_model_has_used_up_does_not_keep_a_page_from_a_person() {
    let message = |number: u32| Wanted {
        tool: "notify".into(),
        args: json!({ "service": SERVICE, "message": format!("number {number}"), "severity": "info", "reason": "x" }),
    };
    let calls: Vec<Wanted> = (0..7).map(message).chain(call("restart_container")).collect();
    let arena = Arena::new(Brain::just(calls), Speaks::Directly).await;
    arena.alert_of(SERVICE, "one").await;
    arena.fleet.lock().fault = Some(Fault::Undo);
    work(&arena, None).await;
    let (incident, report) = ended(&arena).await;
    assert_eq!((incident.outcome, arena.fleet.lock().pages), (Some(Outcome::UndoFailed), 1), "{report}");
}
