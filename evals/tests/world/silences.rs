//! Alertmanager's silences: made, seen on the alerts, ended, and refused as the real one refuses.

use evals::{Fault, Part, SilenceAction, SilenceState, World};
use serde_json::{Value, json};

use crate::support::{client, get, seconds, start};

/// Status and body as text.
async fn ask(method: &str, url: &str, kind: &str, body: &str) -> (u16, String) {
    let request = client().request(method.parse().unwrap(), url).header("content-type", kind).body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap().trim().to_owned())
}

/// A body with `{{60}}` as a minute from now.
fn filled(world: &World, body: &str) -> String {
    let mut parts = body.split("{{");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (offset, rest) = part.split_once("}}").unwrap();
        let at = world.now() + chrono::TimeDelta::seconds(offset.parse().unwrap());
        out.push_str(&at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        out.push_str(rest);
    }
    out
}

async fn post(world: &World, body: &str) -> (u16, Value) {
    let url = format!("{}/api/v2/silences", world.alertmanager_url());
    let (status, text) = ask("POST", &url, "application/json", &filled(world, body)).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn alerts(world: &World, query: &str) -> Vec<Value> {
    let (status, alerts) = get(&format!("{}/api/v2/alerts{query}", world.alertmanager_url())).await;
    assert_eq!(status, 200, "{alerts}");
    alerts.as_array().unwrap().clone()
}

fn quiet(labels: &Value, times: &str) -> String {
    let labels = labels.as_object().unwrap().iter();
    let matchers: Vec<_> = labels
        .map(|(name, value)| json!({ "name": name, "value": value, "isRegex": false, "isEqual": true }))
        .collect();
    format!("{{\"matchers\":{},{times},\"createdBy\":\"x\",\"comment\":\"c\"}}", Value::Array(matchers))
}

const HOUR: &str = r#""startsAt":"{{0}}","endsAt":"{{3600}}""#;

#[tokio::test]
async fn what_is_wrong_is_refused_in_the_real_one_s_words() {
    let world = start("container-killed").await;
    let recorded: Value = serde_json::from_str(include_str!("fixtures/real_am_refusals.json")).unwrap();
    let mut wrong = Vec::new();
    for case in recorded.as_array().unwrap() {
        let text = |field: &str| case[field].as_str().unwrap_or_default();
        let url = format!("{}{}", world.alertmanager_url(), text("path"));
        let (status, answer) = ask(text("method"), &url, text("kind"), &filled(&world, text("body"))).await;
        if (u64::from(status), answer.as_str()) != (case["status"].as_u64().unwrap(), text("answer")) {
            let (name, real) = (text("name"), text("answer"));
            wrong.push(format!("{name}: {status} {answer}, and the real one {} {real}", case["status"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(world.silences().is_empty());
    world.shutdown().await;
}

#[tokio::test]
async fn a_silence_is_seen_on_its_alert_until_it_ends() {
    let world = start("container-killed").await;
    let alert = alerts(&world, "").await.remove(0);
    assert_eq!((&alert["status"]["state"], &alert["status"]["silencedBy"]), (&json!("active"), &json!([])));

    let (status, made) = post(&world, &quiet(&alert["labels"], HOUR)).await;
    assert_eq!(status, 200, "{made}");
    let id = made["silenceID"].as_str().unwrap().to_owned();
    let now = alerts(&world, "").await.remove(0);
    assert_eq!((&now["status"]["state"], &now["status"]["silencedBy"]), (&json!("suppressed"), &json!([id])));
    assert!(alerts(&world, "?silenced=false").await.iter().all(|other| other["labels"] != alert["labels"]));
    assert!(alerts(&world, "?filter=alertname%3D%22nothing%22").await.is_empty());

    let url = format!("{}/api/v2/silence/{id}", world.alertmanager_url());
    let (_, told) = get(&url).await;
    assert_eq!((&told["status"]["state"], &told["createdBy"]), (&json!("active"), &json!("x")));
    world.advance(seconds(3_601));
    assert_eq!(get(&url).await.1["status"]["state"], "expired");
    assert!(alerts(&world, "").await.iter().all(|alert| alert["status"]["state"] == "active"));
    world.shutdown().await;
}

#[tokio::test]
async fn a_silence_is_changed_or_ended_and_each_step_is_kept() {
    let world = start("container-killed").await;
    let labels = json!({ "service": "payments" });
    let id = post(&world, &quiet(&labels, HOUR)).await.1["silenceID"].as_str().unwrap().to_owned();

    let longer = quiet(&labels, r#""startsAt":"{{0}}","endsAt":"{{7200}}""#);
    let with_id = |body: &str, id: &str| format!("{{\"id\":\"{id}\",{}", body.trim_start_matches('{'));
    assert_eq!(post(&world, &with_id(&longer, &id)).await.1["silenceID"], id.as_str());
    // Another matcher makes it another silence, and the one before is over.
    let other = quiet(&json!({ "service": "orders" }), HOUR);
    let second = post(&world, &with_id(&other, &id)).await.1["silenceID"].as_str().unwrap().to_owned();
    assert_ne!(second, id);
    let later = quiet(&labels, r#""startsAt":"{{600}}","endsAt":"{{7200}}""#);
    let third = post(&world, &later).await.1["silenceID"].as_str().unwrap().to_owned();

    let url = |id: &str| format!("{}/api/v2/silence/{id}", world.alertmanager_url());
    for id in [&second, &second] {
        assert_eq!(ask("DELETE", &url(id), "", "").await, (200, String::new()));
    }
    let states: Vec<_> = world.silences().iter().map(|silence| silence.state).collect();
    assert_eq!(states, [SilenceState::Expired, SilenceState::Expired, SilenceState::Pending]);
    let listed = get(&format!("{}/api/v2/silences", world.alertmanager_url())).await.1;
    assert_eq!(listed[0]["id"], third.as_str());
    let real: Value = serde_json::from_str(include_str!("fixtures/real_am_silence.json")).unwrap();
    let keys = |silence: &Value| silence.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&listed[0]), keys(&real[0]));
    assert_eq!(keys(&listed[0]["matchers"][0]), keys(&real[0]["matchers"][0]));

    let done: Vec<_> = world.silence_changes().iter().map(|change| (change.action, change.seconds)).collect();
    let (made, changed, expired) = (SilenceAction::Made, SilenceAction::Changed, SilenceAction::Expired);
    assert_eq!(done, [(made, 3_600), (changed, 7_200), (expired, 0), (made, 3_600), (made, 6_600), (expired, 0)]);
    world.shutdown().await;
}

#[tokio::test]
async fn people_s_receiver_keeps_what_it_gets_and_can_be_broken() {
    let world = start("container-killed").await;
    let url = format!("{}/services/T0/B0", world.notifications_url());
    let send = async || client().post(&url).header("Idempotency-Key", "k1").body("{\"text\":\"hi\"}").send().await;
    assert_eq!(send().await.unwrap().text().await.unwrap(), "ok");
    world.break_part(Part::Notifications, Fault::Status(429, Some(3)));
    assert_eq!(send().await.unwrap().status(), 429);
    world.break_part(Part::Notifications, Fault::Refuse);
    assert!(send().await.is_err());
    let kept = world.notifications();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].path.as_str(), kept[0].body.as_str()), ("/services/T0/B0", "{\"text\":\"hi\"}"));
    assert_eq!((kept[0].headers["idempotency-key"].as_str(), kept[0].at), ("k1", world.now()));
    world.shutdown().await;
}
