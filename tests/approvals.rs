//! Leave from a person: asked for, given once, expired, withdrawn, and kept over a restart.

use std::time::Duration;

use devops_agent::{
    guard::{Person, Policy, answer_approval},
    incident::{Decision, Event, Outcome, Phase, Who},
    journal::Case,
    report::Report,
};

use crate::stage::stage;

const PROPOSE: &str = "[services.market-predictor]\nautonomy = \"propose\"";

/// Plays until a person is asked; gives the incident and the call.
async fn asked() -> (devops_agent::eval::Stage, String) {
    asked_by("").await
}

/// The same by another policy: what is given here, in mode propose.
async fn asked_by(policy: &str) -> (devops_agent::eval::Stage, String) {
    let (stage, alert) = stage("container-killed", PROPOSE).await;
    let policy = Policy::parse("test", &format!("version = 1\nautonomy = \"propose\"\n{policy}")).unwrap();
    stage.parts.policy.store(policy);
    let (incident, _) = stage.play(&alert).await.unwrap();
    assert_eq!(incident.phase, Phase::AwaitingApproval);
    assert_eq!(stage.world.changes(), [], "nothing is changed before anybody said yes");
    let call = incident.pending_approvals().next().unwrap().0.call.id.clone();
    (stage, call)
}

async fn go_on(stage: &devops_agent::eval::Stage) -> devops_agent::incident::Incident {
    let journal = &stage.parts.journal;
    while let Some(lease) = journal.lease(Duration::from_secs(30)).await.unwrap() {
        let mut case = Case::open(journal, lease).await.unwrap();
        stage.parts.agent.investigate(&mut case).await.unwrap();
        journal.release(lease).await.unwrap();
    }
    journal.incident(1).await.unwrap().0
}

async fn answer(stage: &devops_agent::eval::Stage, call: &str, decision: Decision) -> Result<(), String> {
    answered_by(stage, call, decision, "jo", "operator").await
}

async fn answered_by(
    stage: &devops_agent::eval::Stage,
    call: &str,
    decision: Decision,
    name: &str,
    role: &str,
) -> Result<(), String> {
    let (of, now) = (call.to_owned(), stage.parts.clock.now());
    let person = Person { name: name.to_owned(), role: role.to_owned(), from: "test".to_owned() };
    let journal = &stage.parts.journal;
    let decided = journal.decide(1, move |incident| answer_approval(incident, &of, decision, &person, "", now)).await;
    decided.map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_yes_counts_once_and_for_that_call_alone() {
    let (stage, call) = asked().await;
    let other = answer(&stage, "c99", Decision::Approve).await.unwrap_err();
    assert_eq!(other, format!("incident 1 asks for no approval of \"c99\"; it asks for: {call}"));
    answer(&stage, &call, Decision::Approve).await.unwrap();
    let again = answer(&stage, &call, Decision::Deny).await.unwrap_err();
    assert_eq!(again, format!("{call} was already approved by jo"));
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::Repaired), 1));
    let late = answer(&stage, &call, Decision::Approve).await.unwrap_err();
    assert_eq!(late, format!("{call} was already approved by jo"));
    stage.strike().await;
}

#[tokio::test]
async fn a_no_is_a_no() {
    let (stage, call) = asked().await;
    answer(&stage, &call, Decision::Deny).await.unwrap();
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    let (_, entries) = stage.parts.journal.incident(1).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("leave was refused by jo"), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn silence_is_a_no_when_time_is_up() {
    let (stage, call) = asked().await;
    stage.world.advance(Duration::from_secs(31 * 60));
    let late = answer(&stage, &call, Decision::Approve).await.unwrap_err();
    assert!(late.contains("is over since"), "{late}");
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    stage.strike().await;
}

#[tokio::test]
async fn a_yes_is_no_more_than_what_policy_and_time_want_when_it_is_used() {
    let (stage, call) = asked().await;
    answer(&stage, &call, Decision::Approve).await.unwrap();
    stage.world.advance(Duration::from_secs(31 * 60));
    let incident = go_on(&stage).await;
    assert_eq!((incident.phase, stage.world.changes().len()), (Phase::AwaitingApproval, 0), "it is asked anew");
    stage.strike().await;

    let (stage, call) = asked().await;
    answer(&stage, &call, Decision::Approve).await.unwrap();
    let stricter = "version = 1\nautonomy = \"propose\"\n[approval]\npeople = 2\nroles = [\"approver\"]\n";
    stage.parts.policy.store(Policy::parse("test", stricter).unwrap());
    let incident = go_on(&stage).await;
    assert_eq!((incident.phase, stage.world.changes().len()), (Phase::AwaitingApproval, 0), "it is asked anew");
    for name in ["kim", "sam"] {
        answered_by(&stage, &call, Decision::Approve, name, "approver").await.unwrap();
    }
    assert_eq!(go_on(&stage).await.outcome, Some(Outcome::Repaired));
    stage.strike().await;
}

#[tokio::test]
async fn a_role_that_the_policy_does_not_want_counts_for_nothing_but_may_say_no() {
    let policy = "[approval]\nroles = [\"approver\"]\n";
    let (stage, call) = asked_by(policy).await;
    let refused = answer(&stage, &call, Decision::Approve).await.unwrap_err();
    assert_eq!(refused, format!("jo has the role operator; the policy wants approver for {call}"));
    answered_by(&stage, &call, Decision::Approve, "kim", "approver").await.unwrap();
    assert_eq!(go_on(&stage).await.outcome, Some(Outcome::Repaired));
    stage.strike().await;

    let (stage, call) = asked_by(policy).await;
    answer(&stage, &call, Decision::Deny).await.unwrap();
    assert_eq!((go_on(&stage).await.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    stage.strike().await;
}

#[tokio::test]
async fn two_people_are_two_people_even_at_once() {
    let (stage, call) = asked_by("[approval]\npeople = 2\n").await;
    answer(&stage, &call, Decision::Approve).await.unwrap();
    let again = answer(&stage, &call, Decision::Approve).await.unwrap_err();
    assert_eq!(again, format!("jo has said yes to {call} already; 1 other people are wanted"));
    assert_eq!((go_on(&stage).await.outcome, stage.world.changes().len()), (None, 0), "one yes is not two");
    // Two more at the same moment: one completes it, the other comes too late.
    let (kim, sam) = futures::join!(
        answered_by(&stage, &call, Decision::Approve, "kim", "operator"),
        answered_by(&stage, &call, Decision::Approve, "sam", "approver")
    );
    assert_eq!(usize::from(kim.is_ok()) + usize::from(sam.is_ok()), 1, "{kim:?} {sam:?}");
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::Repaired), 1));
    let (_, entries) = stage.parts.journal.incident(1).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("approved by jo and "), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn a_yes_is_void_when_the_target_is_not_what_it_was() {
    let (stage, call) = asked().await;
    // Somebody starts the container by hand; the yes was for one that is not well.
    let by_hand = format!("{}/containers/market-predictor/start", stage.world.docker_url());
    reqwest::Client::new().post(by_hand).send().await.unwrap().error_for_status().unwrap();
    stage.world.advance(Duration::from_secs(60));
    answer(&stage, &call, Decision::Approve).await.unwrap();
    go_on(&stage).await;
    let restarts = stage.world.changes().iter().filter(|change| change.action == evals::Action::Restart).count();
    assert_eq!(restarts, 0, "the approved restart did not run");
    let (incident, entries) = stage.parts.journal.incident(1).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("leave was given for another state"), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn a_yes_while_everything_is_halted_changes_nothing() {
    let (stage, call) = asked().await;
    let who = Who { by: "sam".into(), from: "test".into(), because: "the exchange is closed".into() };
    stage.parts.journal.operate(Event::Halted { who }).await.unwrap();
    answer(&stage, &call, Decision::Approve).await.unwrap();
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    let (_, entries) = stage.parts.journal.incident(1).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("sam has stopped every change: the exchange is closed"), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn when_the_alert_is_resolved_nobody_needs_to_answer() {
    let (stage, call) = asked().await;
    let case = evals::Case::from_embedded("container-killed").unwrap();
    let mut alert = case.alert;
    alert["alerts"][0]["status"] = "resolved".into();
    alert["alerts"][0]["endsAt"] = "2026-11-20T10:01:00Z".into();
    let limits = devops_agent::alert::Limits { alerts: 10, labels: 64, value_bytes: 4_096 };
    let notification = devops_agent::alert::Notification::parse(alert.to_string().as_bytes(), &limits).unwrap();
    let parts = &stage.parts;
    parts.journal.take(notification, parts.catalogue.load(), parts.intake()).await.unwrap();
    let incident = go_on(&stage).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::ResolvedByItself), 0));
    assert!(answer(&stage, &call, Decision::Approve).await.is_err());
    stage.strike().await;
}
