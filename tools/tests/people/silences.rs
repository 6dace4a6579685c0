//! `silence_alert` against the world's Alertmanager.

use std::time::Duration;

use evals::{Fault, Part, SilenceAction, SilenceState, World};
use serde_json::{Value, json};
use tools::{SilenceAlert, Undo};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use crate::{Hand, alertmanager, catalogue, clock, world};

fn args() -> Value {
    json!({ "service": "market-predictor", "alert": "ServiceDown", "minutes": 30, "reason": "it is being repaired" })
}

fn hand(world: &World) -> Hand {
    let known = alertmanager(&world.alertmanager_url(), clock(world));
    Hand::new(SilenceAlert::new(Some(known), catalogue(), clock(world)))
}

/// States of all silences, in the order in which they were made.
fn states(world: &World) -> Vec<SilenceState> {
    world.silences().iter().map(|silence| silence.state).collect()
}

#[tokio::test]
async fn one_alert_is_silenced_for_the_time_asked_and_no_longer() {
    let world = world().await;
    let hand = hand(&world);
    let before = hand.before(&args()).await;
    let effect = hand.registry.effect("silence_alert", &args(), &before).unwrap();
    assert_eq!(effect.silence_seconds, Some(1_800));
    insta::assert_snapshot!(format!("{}\n{}", effect.says, effect.state), @r#"
    silences 1 alert for 30 min: ServiceDown{instance="10.0.3.14:8000", job="market-predictor", service="market-predictor", severity="critical"}
    6350cb131adc16b5 active
    "#);
    assert_eq!(hand.happened(&args(), &before).await, "nothing");
    let done = hand.apply(&args(), &before).await;
    assert!(done.starts_with("made 1 silence until 14:34:05 UTC: "), "{done}");
    let made = world.silences().remove(0);
    insta::assert_json_snapshot!((&made.matchers, &made.comment, &made.created_by, made.ends_at), @r#"
    [
      [
        {
          "isEqual": true,
          "isRegex": false,
          "name": "alertname",
          "value": "ServiceDown"
        },
        {
          "isEqual": true,
          "isRegex": false,
          "name": "instance",
          "value": "10.0.3.14:8000"
        },
        {
          "isEqual": true,
          "isRegex": false,
          "name": "job",
          "value": "market-predictor"
        },
        {
          "isEqual": true,
          "isRegex": false,
          "name": "service",
          "value": "market-predictor"
        },
        {
          "isEqual": true,
          "isRegex": false,
          "name": "severity",
          "value": "critical"
        }
      ],
      "it is being repaired (made by devops-agent for market-predictor; ends by itself)",
      "devops-agent",
      "2026-11-20T14:34:05.400Z"
    ]
    "#);
    let id = &made.id;
    assert_eq!(
        hand.verify(&args(), &before).await.replace(id, "ID"),
        "pass ServiceDown{instance=\"10.0.3.14:8000\", job=\"market-predictor\", service=\"market-predictor\", \
         severity=\"critical\"} is silenced: suppressed, silence ID until 14:34:05 UTC\n\
         pass nothing else is silenced by it: no other alert"
    );
    assert_eq!(hand.happened(&args(), &before).await, "1 of 1 silences were made");
    world.advance(Duration::from_secs(1_801));
    assert_eq!(states(&world), [SilenceState::Expired]);
    world.shutdown().await;
}

#[tokio::test]
async fn the_same_silence_is_found_and_not_made_twice() {
    let world = world().await;
    let hand = hand(&world);
    let first = hand.before(&args()).await;
    hand.apply(&args(), &first).await;
    let state = |before: &Value| hand.registry.effect("silence_alert", &args(), before).unwrap().state;
    let again = hand.before(&args()).await;
    assert_ne!(state(&first), state(&again), "a person's leave is not for what is silenced already");
    assert!(hand.apply(&args(), &again).await.starts_with("nothing to do: silenced until "));
    assert_eq!(hand.happened(&args(), &again).await, "all of its silences were there already");
    assert!(hand.verify(&args(), &again).await.starts_with("pass"));
    // Taking the second call back must not end the first one's silence.
    assert_eq!(hand.undo(&args(), &again).await, Undo::Nothing("no silence was made, so there is none to end".into()));
    assert_eq!(states(&world), [SilenceState::Active]);
    // One that ends too early is not enough: the longer one stands beside it, and each ends by itself.
    let mut longer = args();
    longer["minutes"] = json!(60);
    let before = hand.before(&longer).await;
    assert!(hand.apply(&longer, &before).await.starts_with("made 1 silence"));
    let seconds: Vec<_> = world.silence_changes().iter().map(|change| (change.action, change.seconds)).collect();
    assert_eq!(seconds, [(SilenceAction::Made, 1_800), (SilenceAction::Made, 3_600)]);
    assert!(matches!(hand.undo(&longer, &before).await, Undo::Done(_)));
    assert_eq!(states(&world), [SilenceState::Active, SilenceState::Expired]);
    world.shutdown().await;
}

#[tokio::test]
async fn a_silence_whose_answer_was_lost_is_found_and_taken_back() {
    let world = world().await;
    let hand = hand(&world);
    let before = hand.before(&args()).await;
    let known = alertmanager(&world.alertmanager_url(), clock(&world));
    // Made, and the answer is cut off in the middle: by the same bytes that the tool would send.
    let silences = known.silences().await.unwrap();
    assert!(silences.is_empty());
    let applied = {
        let (registry, mint) = (&hand.registry, &hand.mint);
        let slow = Fault::Half;
        let broken = async {
            world.break_part(Part::Alertmanager, slow);
            let matchers = before["alerts"][0]["matchers"].clone();
            let body = json!({ "matchers": matchers, "startsAt": world.now(), "endsAt": before["ends_at"],
                "createdBy": "devops-agent", "comment": "c" });
            let url = format!("{}/api/v2/silences", world.alertmanager_url());
            crate::client().post(url).json(&body).send().await.unwrap().text().await
        };
        assert!(broken.await.is_err());
        registry.apply(mint.permit("silence_alert", &args()), "silence_alert", &args(), &before).await
    };
    assert!(applied.unwrap_err().to_string().starts_with("Alertmanager could not be reached"));
    world.mend_part(Part::Alertmanager);
    assert_eq!(states(&world), [SilenceState::Active]);
    assert_eq!(hand.happened(&args(), &before).await, "1 of 1 silences were made");
    assert!(hand.restored(&args(), &before).await.starts_with("FAIL"));
    assert!(matches!(hand.undo(&args(), &before).await, Undo::Done(_)));
    assert!(hand.restored(&args(), &before).await.starts_with("pass"));
    assert_eq!(states(&world), [SilenceState::Expired]);
    // Taken back once more there is nothing left.
    assert!(matches!(hand.undo(&args(), &before).await, Undo::Nothing(_)));
    world.shutdown().await;
}

#[tokio::test]
async fn a_silence_of_a_person_is_left_alone() {
    let world = world().await;
    let hand = hand(&world);
    let before = hand.before(&args()).await;
    let body = json!({ "matchers": before["alerts"][0]["matchers"], "startsAt": world.now(), "endsAt": before["ends_at"],
        "createdBy": "somebody", "comment": "mine" });
    let url = format!("{}/api/v2/silences", world.alertmanager_url());
    assert_eq!(crate::client().post(url).json(&body).send().await.unwrap().status(), 200);
    assert!(hand.apply(&args(), &before).await.starts_with("made 1 silence"));
    hand.undo(&args(), &before).await;
    let left: Vec<_> = world.silences().into_iter().map(|silence| (silence.created_by, silence.state)).collect();
    let (person, ours) = ("somebody".to_owned(), "devops-agent".to_owned());
    assert_eq!(left, [(person, SilenceState::Active), (ours, SilenceState::Expired)]);
    world.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_silenced_is_told() {
    let world = world().await;
    let hand = hand(&world);
    let with = |field: &str, value: Value| {
        let mut args = args();
        args[field] = value;
        args
    };
    let told = [
        hand.refused(with("alert", json!("HighErrorRate"))).await,
        hand.refused(with("service", json!("gateway"))).await,
        hand.refused(with("service", json!("nobody"))).await,
        hand.refused(with("minutes", json!(0))).await,
        hand.refused(with("minutes", json!(-5))).await,
        hand.refused(with("reason", json!(" "))).await,
        Hand::new(SilenceAlert::new(None, catalogue(), clock(&world))).refused(args()).await,
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    no alert "HighErrorRate" fires for market-predictor; there fires: ServiceDown
    no alert "ServiceDown" fires for gateway; there fires: nothing
    "nobody" is no service of the catalogue; there are: gateway, market-predictor
    `minutes` is 0; right would be at least 1
    wrong arguments for silence_alert: at `minutes`: invalid value: integer `-5`, expected u32
    `reason` is empty; right would be one sentence that people can judge by
    Alertmanager is not configured ([alertmanager] url)
    "#);
    let spec = hand.registry.spec("silence_alert").unwrap();
    assert_eq!(spec.schema["properties"]["minutes"]["minimum"], 1);
    world.shutdown().await;
}

#[tokio::test]
async fn each_failure_of_alertmanager_is_told_and_leaves_nothing() {
    let world = world().await;
    let hand = hand(&world);
    let before = hand.before(&args()).await;
    let faults = [
        Fault::Refuse,
        Fault::Status(500, None),
        Fault::Status(429, Some(7)),
        Fault::Malformed,
        Fault::Half,
        Fault::Hang,
        Fault::Huge(1 << 20),
    ];
    for fault in faults {
        world.break_part(Part::Alertmanager, fault.clone());
        let told = hand.apply(&args(), &before).await;
        assert!(told.starts_with("failure: ") && told.contains("Alertmanager"), "{fault:?}: {told}");
        assert!(hand.happened(&args(), &before).await.starts_with("failure: "), "{fault:?}");
        assert!(hand.registry.verify("silence_alert", &args(), &before).await.is_err(), "{fault:?}");
    }
    world.mend_part(Part::Alertmanager);
    assert_eq!(hand.happened(&args(), &before).await, "nothing");
    assert!(world.silences().is_empty());
    world.shutdown().await;
}

/// An Alertmanager that knows these alerts and no silence.
async fn with_alerts(alerts: Value) -> MockServer {
    let server = MockServer::start().await;
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let list = Mock::given(method("GET")).and(wiremock::matchers::path("/api/v2/alerts"));
    list.respond_with(answer(alerts)).mount(&server).await;
    let silences = Mock::given(method("GET")).and(wiremock::matchers::path("/api/v2/silences"));
    silences.respond_with(answer(json!([]))).mount(&server).await;
    Mock::given(method("POST")).respond_with(answer(json!({ "silenceID": "5" }))).mount(&server).await;
    server
}

fn alert(labels: Value) -> Value {
    json!({ "labels": labels, "annotations": {}, "startsAt": "2026-11-20T14:04:00Z", "fingerprint": "f",
        "status": { "state": "active", "silencedBy": [], "inhibitedBy": [] } })
}

#[tokio::test]
async fn an_alert_with_more_labels_is_not_silenced_along() {
    let world = world().await;
    let job = "market-predictor";
    let server = with_alerts(json!([
        alert(json!({ "alertname": "ServiceDown", "job": job })),
        alert(json!({ "alertname": "ServiceDown", "job": job, "zone": "a" })),
        alert(json!({ "alertname": "ServiceDown", "job": "other", "zone": "a", "rack": "1" })),
    ]))
    .await;
    let known = alertmanager(&server.uri(), clock(&world));
    let hand = Hand::new(SilenceAlert::new(Some(known), catalogue(), clock(&world)));
    let before = hand.before(&args()).await;
    hand.apply(&args(), &before).await;
    let posted = server.received_requests().await.unwrap().into_iter().filter(|request| request.method == "POST");
    let posted: Vec<Vec<String>> = posted
        .map(|request| {
            let body: Value = request.body_json().unwrap();
            let matchers = body["matchers"].as_array().unwrap().clone();
            matchers.iter().map(|one| format!("{}={}", one["name"].as_str().unwrap(), one["value"])).collect()
        })
        .collect();
    let alertname = "alertname=\"ServiceDown\"";
    assert_eq!(
        posted,
        [[alertname, "job=\"market-predictor\"", "zone=\"\""], [alertname, "job=\"market-predictor\"", "zone=\"a\""]]
    );
    world.shutdown().await;
}

#[tokio::test]
async fn too_many_alerts_are_left_to_a_person() {
    let world = world().await;
    let many = (0..11).map(|index| {
        alert(json!({ "alertname": "ServiceDown", "service": "market-predictor", "instance": index.to_string() }))
    });
    let server = with_alerts(many.collect()).await;
    let known = alertmanager(&server.uri(), clock(&world));
    let hand = Hand::new(SilenceAlert::new(Some(known), catalogue(), clock(&world)));
    let told = hand.refused(args()).await;
    assert!(told.starts_with("11 alerts of that name fire for it"), "{told}");
    world.shutdown().await;
}
