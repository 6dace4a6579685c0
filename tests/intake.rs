//! `POST /alerts`: what is taken, what is refused, and that a refusal leaves nothing behind.

use serde_json::{Value, json};

use crate::stage::{Server, answer};

fn alert(name: &str) -> Value {
    json!({
        "fingerprint": name, "status": "firing", "labels": { "alertname": name, "service": "api" }, "annotations": {},
        "startsAt": "2026-11-20T09:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "newField": [1, 2],
    })
}

fn body(alerts: Vec<Value>) -> Value {
    json!({
        "receiver": "r", "status": "firing", "groupKey": "{}:{}", "truncatedAlerts": 3, "version": "5", "alerts": alerts,
        "somethingNew": { "deep": true },
    })
}

async fn incidents(server: &Server) -> usize {
    server.get("/incidents").await.1["incidents"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_webhook_of_a_newer_version_is_taken_and_its_truncation_shown() {
    let server = Server::start("").await;
    let (status, answer) = server.post("/webhook/alerts", body(vec![alert("A")]).to_string()).await;
    assert_eq!((status, &answer["taken"]["opened"]), (202, &json!([1])));
    let (_, incident) = server.get("/incidents/1").await;
    assert_eq!(
        (&incident["truncated"], &incident["service"], &incident["phase"]),
        (&json!(3), &json!("api"), &json!("open"))
    );
    assert_eq!(incident["service_found"]["with"], "its name");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_problem_and_leaves_nothing() {
    let server = Server::start(
        "[intake]\nlabels_max = 3\nlabel_value_max = \"1KiB\"\nalerts_max = 2\n[http]\nbody_limit = \"8KiB\"",
    )
    .await;
    let mut missing = body(vec![alert("A")]);
    missing["alerts"][0].as_object_mut().unwrap().remove("startsAt");
    let mut labels = body(vec![alert("A"), alert("B")]);
    labels["alerts"][1]["labels"] = json!({ "a": "1", "b": "2", "c": "3", "d": "4" });
    let mut long = body(vec![alert("A")]);
    long["alerts"][0]["labels"]["x"] = json!("y".repeat(2_000));
    let mut told = Vec::new();
    for bytes in [
        b"{\"alerts\": [".to_vec(),
        b"\xff\xfe{}".to_vec(),
        b"[]".to_vec(),
        missing.to_string().into_bytes(),
        labels.to_string().into_bytes(),
        long.to_string().into_bytes(),
        body(vec![alert("A"), alert("B"), alert("C")]).to_string().into_bytes(),
        body(vec![alert(&"x".repeat(9_000))]).to_string().into_bytes(),
    ] {
        let (status, problem) = server.post("/alerts", bytes).await;
        told.push(format!("{status} {}", problem["detail"].as_str().unwrap()));
        assert_eq!(
            (problem["type"].as_str(), problem["status"].as_u64()),
            (Some("about:blank"), Some(u64::from(status)))
        );
    }
    insta::assert_snapshot!(told.join("\n"), @"
    400 the body is not JSON: EOF while parsing a list at line 1 column 12; Alertmanager's webhook, version 4, is expected
    400 the body is not JSON: invalid utf-8 sequence of 1 bytes from index 0; Alertmanager's webhook, version 4, is expected
    400 invalid length 0, expected struct Notification with 4 elements at line 1 column 2 (at `the body`); Alertmanager's webhook, version 4, is expected
    400 missing field `startsAt` at line 1 column 261 (at `alerts[0]`); Alertmanager's webhook, version 4, is expected
    400 labels at `alerts[1].labels`: 4, at most 3 allowed
    400 bytes at `alerts[0].labels.x`: 2000, at most 1024 allowed
    400 alerts at `alerts`: 3, at most 2 allowed
    413 the body is larger than 8192 bytes ([http] body_limit)
    ");
    assert_eq!(incidents(&server).await, 0);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_too() {
    let server = Server::start("[http]\nbody_limit = \"1KiB\"").await;
    let chunks = (0..64).map(|_| Ok::<_, std::io::Error>(vec![b' '; 512]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let (status, _) = server.post("/alerts", body).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_full_queue_answers_503_with_retry_after_and_takes_nothing() {
    let server = Server::start("[intake]\nqueue = 1").await;
    let far = |name: &str| {
        let mut body = body(vec![alert(name)]);
        body["groupKey"] = json!(name);
        body["alerts"][0]["labels"] = json!({ "alertname": name });
        body.to_string()
    };
    assert_eq!(server.post("/alerts", far("A")).await.0, 202);
    let refused = server.client.post(format!("{}/alerts", server.url)).body(far("B")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "30"));
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(incidents(&server).await, 1);
}

const TOKENS: &str = r#"
[[http.tokens]]
name = "alertmanager"
token = "am-token"
role = "alertmanager"
[[http.tokens]]
name = "viewer"
token = "view-token"
role = "viewer"
[[http.users]]
name = "jo"
password = "pass:word"
role = "operator"
"#;

#[tokio::test]
async fn credentials_open_what_their_role_may_and_nothing_else() {
    let server = Server::start(TOKENS).await;
    let alerts = || server.client.post(format!("{}/alerts", server.url)).body(body(vec![alert("A")]).to_string());
    let list = || server.client.get(format!("{}/incidents", server.url));
    assert_eq!(answer(alerts()).await.0, 401);
    assert_eq!(answer(alerts().bearer_auth("am-tokem")).await.0, 401);
    assert_eq!(answer(alerts().basic_auth("jo", Some("pass"))).await.0, 401);
    assert_eq!(answer(alerts().header("authorization", "Basic %%%")).await.0, 401);
    assert_eq!(answer(alerts().bearer_auth("view-token")).await.0, 403);
    assert_eq!(answer(alerts().bearer_auth("am-token")).await.0, 202);
    assert_eq!(answer(list().bearer_auth("am-token")).await.0, 403);
    assert_eq!(answer(list().bearer_auth("view-token")).await.0, 200);
    assert_eq!(answer(list().basic_auth("jo", Some("pass:word"))).await.0, 200);
    assert_eq!(server.get("/health").await.0, 200);
    let unauthorised = alerts().send().await.unwrap();
    assert!(unauthorised.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn without_credentials_only_loopback_names_are_answered() {
    let server = Server::start("").await;
    let as_host = |host: &str| server.client.get(format!("{}/incidents", server.url)).header("host", host);
    assert_eq!(answer(as_host("attacker.example")).await.0, 401);
    assert_eq!(answer(as_host("localhost:9099")).await.0, 200);
}

/// A page in the browser of somebody on this machine reaches loopback as well, and needs not read the answer.
#[tokio::test]
async fn without_credentials_a_page_of_another_site_changes_nothing() {
    let server = Server::start("").await;
    let resume = || server.client.post(format!("{}/resume", server.url));
    let own = server.url.clone();
    for (name, value, status) in [
        ("origin", "https://attacker.example", 401),
        ("origin", "null", 401),
        ("sec-fetch-site", "cross-site", 401),
        ("sec-fetch-site", "same-site", 401),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
        ("origin", own.as_str(), 200),
    ] {
        assert_eq!(answer(resume().header(name, value)).await.0, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn real_notifications_of_alertmanager_are_taken() {
    let server = Server::start("").await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/alertmanager");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8);
    for file in files {
        let (status, answer) = server.post("/alerts", std::fs::read(&file).unwrap()).await;
        assert_eq!(status, 202, "{}: {answer}", file.display());
    }
}
