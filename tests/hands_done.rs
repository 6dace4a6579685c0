//! The real hands in a made-up world where nothing fails: every change is made, proven on the world itself, and the next one follows.

use std::collections::BTreeSet;

use devops_agent::{
    eval::Stage,
    guard::Policy,
    incident::{Event, Outcome},
    report::Report,
};
use evals::{Case, Illness, Synthetic};
use serde_json::{Value, json};

use crate::{
    hands::{on, running},
    provider::{by_turn, calls, conclude, with_provider},
};

const POLICY: &str = "version = 1\nautonomy = \"act\"\n[caps]\nchanges_an_incident = 9\nchanges_a_service_an_hour = 9\ncool_down = \"0s\"\n";

/// A world in which `ill` runs a bad image, after these changes to it, one a turn; each has to be proven.
async fn done(ill: &str, changes: Vec<(&'static str, Value)>) -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let count = changes.len();
    let target = ill.to_owned();
    let url = by_turn(move |turn| match changes.get(turn) {
        Some((tool, more)) => calls(&[(*tool, on(&target, more))]),
        None => conclude("the image was bad", json!([]), true),
    })
    .await;
    let case = Case::synthetic(&Synthetic::fleet(ill, Illness::BadImage(0.4))).unwrap();
    let alert = case.alert.clone();
    let stage = Stage::set(case, &with_provider(&url, "strict = false\n[verify]\nwithin = \"180s\"\nevery = \"5s\"\n"))
        .await
        .unwrap();
    stage.parts.policy.store(Policy::parse("test", POLICY).unwrap());
    let (incident, entries) = stage.play(&alert).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    let proven = entries.iter().filter(|entry| matches!(entry.event, Event::Verified { ok: true, .. })).count();
    assert_eq!((incident.outcome, proven), (Some(Outcome::Repaired), count), "{report}");
    stage
}

/// Images and memory limits of the service's running containers, and how many there are.
fn seen(stage: &Stage, service: &str) -> (BTreeSet<String>, BTreeSet<i64>, usize) {
    let all = running(stage, service);
    assert!(all.iter().all(|one| one.good), "{all:?}");
    (all.iter().map(|one| one.image.clone()).collect(), all.iter().map(|one| one.memory).collect(), all.len())
}

/// After the change that takes the bad image away; what is rolled back at the end was proven.
fn all_hands(service: &str, first: (&'static str, Value)) -> Vec<(&'static str, Value)> {
    vec![
        first,
        ("scale_service", json!({ "replicas": 6 })),
        ("update_resources", json!({ "memory_mib": 512 })),
        ("restart_container", json!({})),
        ("deploy_service", json!({ "image": format!("shop/{service}:1.4.1") })),
        ("scale_service", json!({ "replicas": 4 })),
        ("rollback_service", json!({})),
    ]
}

#[tokio::test]
async fn containers_are_rolled_back_scaled_deployed_and_limited_one_after_another() {
    let stage = done("web", all_hands("web", ("deploy_service", json!({ "image": "shop/web:1.3.9" })))).await;
    assert_eq!(seen(&stage, "web"), (["shop/web:1.3.9".to_owned()].into(), [512 << 20].into(), 4));
    stage.strike().await;
}

#[tokio::test]
async fn so_is_a_service_of_a_swarm() {
    let stage = done("search", all_hands("search", ("rollback_service", json!({})))).await;
    assert_eq!(seen(&stage, "search"), (["shop/search:1.3.9".to_owned()].into(), [512 << 20].into(), 4));
    stage.strike().await;
}
