//! Leave from a person: asked for, given once, expired, withdrawn, and kept over a restart.

use std::time::Duration;

use devops_agent::{
    guard::{Person, answer_approval},
    incident::{Decision, Outcome, Phase},
    journal::Case,
    report::Report,
};

use crate::stage::stage;

const PROPOSE: &str = "[services.market-predictor]\nautonomy = \"propose\"";

/// Plays until a person is asked; gives the incident and the call.
async fn asked() -> (devops_agent::eval::Stage, String) {
    let (stage, alert) = stage("container-killed", PROPOSE).await;
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
