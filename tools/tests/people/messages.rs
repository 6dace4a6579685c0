//! `notify` against the world's receiver and every way in which a receiver can fail.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use evals::{Fault, Part, World};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tools::{
    Clock, Notify, NotifyOptions, Severity, SharedClock, Undo, call_hash,
    reach::{Destination, DestinationKind, Patience},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{Hand, catalogue, client, clock, world};

fn args() -> Value {
    json!({ "service": "gateway", "message": "it is well again <!here>", "severity": "warning" })
}

fn destination(name: &str, kind: DestinationKind, url: String) -> Destination {
    let secret = (kind == DestinationKind::Webhook).then(|| "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into());
    Destination { name: name.into(), kind, url: url.into(), secret, severities: BTreeSet::new() }
}

fn patience() -> Patience {
    Patience { timeout: Duration::from_secs(1), ..Patience::default() }
}

fn hand(destinations: Vec<Destination>, clock: SharedClock) -> Hand {
    let options = NotifyOptions { destinations, patience: patience() };
    Hand::new(Notify::new(options, catalogue(), client(), clock).unwrap())
}

fn both(world: &World) -> Hand {
    let url = world.notifications_url();
    let slack = destination("ops", DestinationKind::Slack, format!("{url}/services/T0/B0/s3cret"));
    let pager = destination("pager", DestinationKind::Webhook, format!("{url}/hook?token=s3cret"));
    hand(vec![slack, pager], clock(world))
}

/// A clock that keeps how long it was asked to wait.
#[derive(Default)]
struct Waits(Mutex<Vec<Duration>>);

impl Clock for Waits {
    fn now(&self) -> DateTime<Utc> {
        let waited: Duration = self.0.lock().unwrap().iter().sum();
        DateTime::from_timestamp(1_795_455_500, 0).unwrap() + TimeDelta::from_std(waited).unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

async fn server(answers: &[ResponseTemplate]) -> MockServer {
    let server = MockServer::start().await;
    for (index, answer) in answers.iter().enumerate() {
        let mock = Mock::given(any()).respond_with(answer.clone()).with_priority(u8::try_from(index + 1).unwrap());
        let last = index + 1 == answers.len();
        if last { mock.mount(&server).await } else { mock.up_to_n_times(1).mount(&server).await }
    }
    server
}

/// What one try of a message says, the waits in seconds, and how many requests came.
async fn sent(kind: DestinationKind, answers: &[ResponseTemplate]) -> String {
    let (server, waits) = (server(answers).await, Arc::new(Waits::default()));
    let one = destination("ops", kind, format!("{}/services/T0/s3cret", server.uri()));
    let hand = hand(vec![one], Arc::clone(&waits) as SharedClock);
    let before = hand.before(&args()).await;
    let told = hand.apply(&args(), &before).await;
    let waited: Vec<_> = waits.0.lock().unwrap().iter().map(Duration::as_secs).collect();
    let requests = server.received_requests().await.unwrap().len();
    assert!(!told.contains("s3cret"), "{told}");
    format!("{told}; waited {waited:?}, {requests} requests")
}

#[tokio::test]
async fn every_destination_is_told_once_and_can_check_who_speaks() {
    let world = world().await;
    let hand = both(&world);
    let before = hand.before(&args()).await;
    let effect = hand.registry.effect("notify", &args(), &before).unwrap();
    assert_eq!(effect.says, "tells ops, pager about gateway (warning): it is well again <!here>");
    assert_eq!(hand.apply(&args(), &before).await, "told ops; told pager");
    assert_eq!(hand.apply(&args(), &before).await, "ops was told already; pager was told already");

    let mut kept = world.notifications();
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(kept.len(), 2);
    let key = call_hash("notify", &args());
    let timestamp = world.now().timestamp().to_string();
    let header = |name: &str| kept[0].headers.get(name).map(String::as_str);
    assert_eq!(
        (header("idempotency-key"), header("webhook-id"), header("webhook-timestamp")),
        (Some(key.as_str()), Some(key.as_str()), Some(timestamp.as_str()))
    );
    assert!(header("webhook-signature").is_some_and(|signed| signed.starts_with("v1,")));
    let body: Value = serde_json::from_str(&kept[0].body).unwrap();
    assert_eq!(body["data"]["message"], "it is well again <!here>");
    assert_eq!(body["data"]["severity"], "warning");
    let slack: Value = serde_json::from_str(&kept[1].body).unwrap();
    assert_eq!(slack["text"], "*WARNING* gateway\nit is well again &lt;!here&gt;\n_devops-agent_");
    assert_eq!(
        hand.verify(&args(), &before).await,
        "pass ops took the message: it answered so at 14:04:05 UTC; whether it was read cannot be seen\n\
         pass pager took the message: it answered so at 14:04:05 UTC; whether it was read cannot be seen"
    );
    assert_eq!(hand.happened(&args(), &before).await, "told ops, pager");
    assert!(matches!(hand.undo(&args(), &before).await, Undo::Nothing(_)));
    // After an hour the same words are news again.
    world.advance(Duration::from_secs(3_601));
    assert_eq!(hand.apply(&args(), &before).await, "told ops; told pager");
    world.shutdown().await;
}

#[tokio::test]
async fn a_receiver_is_tried_again_where_that_can_help_and_not_where_it_cannot() {
    let status = |status: u16| ResponseTemplate::new(status);
    let (slack, webhook) = (DestinationKind::Slack, DestinationKind::Webhook);
    let limited = |seconds: &str| status(429).insert_header("retry-after", seconds);
    let slow = status(200).set_delay(Duration::from_secs(5));
    let echo = status(403).set_body_string("no such hook /services/T0/s3cret: invalid_token");
    let told = [
        sent(slack, &[status(500), status(503), status(200)]).await,
        sent(slack, &[status(500)]).await,
        sent(slack, &[limited("7"), status(200)]).await,
        sent(slack, &[limited("600"), status(200)]).await,
        sent(webhook, &[limited("Mon, 23 Nov 2026 17:38:40 GMT"), status(200)]).await,
        sent(slack, &[echo, status(200)]).await,
        sent(webhook, &[status(400).set_body_string("x".repeat(100_000))]).await.replace(&"x".repeat(199), "x199"),
        sent(webhook, &[status(302).insert_header("location", "http://elsewhere/")]).await,
        sent(webhook, &[slow.clone(), status(200)]).await,
        sent(slack, &[slow, status(200)]).await,
        sent(webhook, &[status(200).set_body_string("not json")]).await,
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    told ops; waited [1, 2], 3 requests
    failure: the receiver of messages could not be reached: ops did not take it: answers 500 Internal Server Error:  (tried 4 times); waited [1, 2, 4], 4 requests
    told ops; waited [7], 2 requests
    failure: the receiver of messages could not be reached: ops did not take it: answers 429 Too Many Requests: ; it asks to be left alone for 600 s; waited [], 1 requests
    told ops; waited [20], 2 requests
    failure: the receiver of messages could not be reached: ops did not take it: answers 403 Forbidden: no such hook [masked]: invalid_token; waited [], 1 requests
    failure: the receiver of messages could not be reached: ops did not take it: answers 400 Bad Request: x199…; waited [], 1 requests
    failure: the receiver of messages could not be reached: ops did not take it: answers 302 Found: ; waited [], 1 requests
    told ops; waited [1], 2 requests
    failure: the receiver of messages could not be reached: ops did not take it: no answer within 1000 ms; it may have come through; waited [], 1 requests
    told ops; waited [], 1 requests
    ");
}

#[tokio::test]
async fn of_two_destinations_one_may_fail_and_only_that_one_is_told_later() {
    let world = world().await;
    let broken = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404).set_body_string("no_service")).mount(&broken).await;
    let slack = destination("ops", DestinationKind::Slack, format!("{}/services/T0/B0/s3cret", broken.uri()));
    let pager = destination("pager", DestinationKind::Webhook, world.notifications_url());
    let hand = hand(vec![slack, pager], clock(&world));
    let before = hand.before(&args()).await;
    let told = hand.apply(&args(), &before).await;
    assert_eq!(
        told,
        "failure: the receiver of messages could not be reached: ops did not take it: answers 404 Not Found: no_service; told pager"
    );
    let verified = hand.verify(&args(), &before).await;
    assert!(verified.starts_with("FAIL ops took the message: no answer of it is known"), "{verified}");
    assert!(verified.contains("pass pager took the message"), "{verified}");
    broken.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&broken).await;
    assert_eq!(hand.apply(&args(), &before).await, "told ops; pager was told already");
    assert_eq!(world.notifications().len(), 1);
    world.shutdown().await;
}

#[tokio::test]
async fn after_a_restart_nobody_knows_what_was_said() {
    let world = world().await;
    let before = both(&world).before(&args()).await;
    both(&world).apply(&args(), &before).await;
    let restarted = both(&world);
    assert_eq!(
        restarted.happened(&args(), &before).await,
        "failure: the receiver of messages could not be reached: cannot be asked whether it took a message, \
         and the agent was restarted since"
    );
    assert!(restarted.verify(&args(), &before).await.starts_with("FAIL"));
    world.shutdown().await;
}

#[tokio::test]
async fn each_fault_of_a_receiver_is_told_without_its_address() {
    let world = world().await;
    let faults = [Fault::Refuse, Fault::Status(500, Some(1)), Fault::Status(401, None), Fault::Hang];
    for fault in faults {
        world.break_part(Part::Notifications, fault.clone());
        let hand = both(&world);
        let before = hand.before(&args()).await;
        let told = hand.apply(&args(), &before).await;
        assert!(
            told.starts_with("failure: the receiver of messages could not be reached: ops did not take it: "),
            "{told}"
        );
        assert!(!told.contains("s3cret") && !told.contains("127.0.0.1"), "{fault:?}: {told}");
        let state = serde_json::to_string(&before).unwrap() + &hand.verify(&args(), &before).await;
        assert!(!state.contains("s3cret"), "{state}");
    }
    // What a receiver that took the message says besides is not asked for.
    for fault in [Fault::Malformed, Fault::Half, Fault::Huge(1 << 24)] {
        world.break_part(Part::Notifications, fault.clone());
        let hand = both(&world);
        let before = hand.before(&args()).await;
        assert_eq!(hand.apply(&args(), &before).await, "told ops; told pager", "{fault:?}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn severities_choose_destinations_and_wrong_settings_are_refused() {
    let world = world().await;
    let url = world.notifications_url();
    let loud = Destination {
        severities: [Severity::Critical].into(),
        ..destination("pager", DestinationKind::Webhook, url.clone())
    };
    let one = hand(vec![loud.clone()], clock(&world));
    let none = hand(Vec::new(), clock(&world));
    let with = |field: &str, value: Value| {
        let mut args = args();
        args[field] = value;
        args
    };
    let refused = |destinations: Vec<Destination>| {
        let options = NotifyOptions { destinations, patience: patience() };
        Notify::new(options, catalogue(), client(), clock(&world)).err().unwrap().to_string()
    };
    let told = [
        one.refused(args()).await,
        none.refused(args()).await,
        one.refused(with("message", json!(" \u{200b}"))).await,
        one.refused(with("service", json!("nobody"))).await,
        one.refused(with("severity", json!("fatal"))).await,
        one.refused(with("channel", json!("#general"))).await,
        refused(vec![loud.clone(), loud]),
        refused(vec![destination("ops", DestinationKind::Slack, "hooks.slack.com/s3cret".into())]),
        refused(vec![destination("ops", DestinationKind::Slack, "ftp://hooks/s3cret".into())]),
        refused(vec![Destination {
            kind: DestinationKind::Slack,
            ..destination("ops", DestinationKind::Webhook, url)
        }]),
    ];
    assert!(one.registry.before("notify", &with("severity", json!("critical"))).await.is_ok());
    assert!(told.iter().all(|told| !told.contains("s3cret")), "{told:?}");
    insta::assert_snapshot!(told.join("\n"), @r#"
    nobody is told of what is warning: no destination in [notifications] takes that severity
    nobody can be told: no destination is configured ([notifications])
    `message` has no text; right would be a few sentences for people
    "nobody" is no service of the catalogue; there are: gateway, market-predictor
    wrong arguments for notify: at `severity`: unknown variant `fatal`, expected one of `info`, `warning`, `critical`
    wrong arguments for notify: at `channel`: unknown field `channel`, expected one of `service`, `message`, `severity`, `reason`
    notifications: two destinations are called "pager"
    notifications: the URL of "ops" cannot be read: relative URL without a base; right would be "https://host/path"
    notifications: the URL of "ops" is not http:// or https://; right would be "https://host/path"
    notifications: "ops" has a secret, but Slack takes no signature: its URL alone is the secret
    "#);
    world.shutdown().await;
}
