//! Reading over HTTP: incidents, reports, streams, status, metrics.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::stage::{Server, answer, played, serve};

/// A server over a case that was played to its end.
async fn over() -> (devops_agent::eval::Stage, String, reqwest::Client) {
    let (stage, _, _) = played("container-killed", "").await;
    let url = serve(devops_agent::http::router(stage.parts.http(stage.parts.clock.now()))).await;
    (stage, url, reqwest::Client::new())
}

#[tokio::test]
async fn an_incident_is_read_as_json_report_and_markdown() {
    let (stage, url, client) = over().await;
    let (_, incident) = answer(client.get(format!("{url}/incidents/1"))).await;
    assert_eq!(
        (&incident["outcome"], &incident["phase"], &incident["pending_approvals"]),
        (&json!("repaired"), &json!("closed"), &json!([]))
    );
    let (_, report) =
        answer(client.get(format!("{url}/incidents/1/report")).header("accept", "application/json")).await;
    assert_eq!(report["changes"][0]["proven"], true);
    let (_, markdown) = answer(client.get(format!("{url}/incidents/1/report"))).await;
    assert!(markdown.as_str().unwrap().starts_with("# ServiceDown on market-predictor: repaired"));
    for path in ["/incidents/2", "/incidents/2/report", "/incidents/2/entries", "/incidents/x", "/nowhere"] {
        let (status, problem) = answer(client.get(format!("{url}{path}"))).await;
        assert_eq!((status, problem["status"].as_u64()), (404, Some(404)), "{path}");
    }
    assert_eq!(answer(client.delete(format!("{url}/incidents"))).await.0, 405);
    let (_, entries) = answer(client.get(format!("{url}/incidents/1/entries?after=30"))).await;
    assert_eq!(entries["entries"][0]["seq"], 31);
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_seen_and_ends_with_the_incident() {
    let (stage, url, client) = over().await;
    let whole = client.get(format!("{url}/incidents/1/events")).send().await.unwrap().text().await.unwrap();
    let ids: Vec<u64> = whole.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    let last = *ids.last().unwrap();
    assert_eq!(ids, (1..=last).collect::<Vec<_>>());
    assert!(whole.contains("event: verified") && !whole.contains("\"raw\""));
    let rest = client.get(format!("{url}/incidents/1/events")).header("last-event-id", (last - 2).to_string());
    let rest = rest.send().await.unwrap().text().await.unwrap();
    assert_eq!(rest.matches("id: ").count(), 2);
    let end = client.get(format!("{url}/incidents/1/events")).header("last-event-id", last.to_string());
    assert_eq!(end.send().await.unwrap().status(), 204);
    stage.strike().await;
}

#[tokio::test]
async fn a_stream_of_an_open_incident_gives_what_is_written_later() {
    let server = Server::start("").await;
    let alert = json!({
        "receiver": "r", "groupKey": "g", "alerts": [{
            "fingerprint": "f", "status": "firing", "labels": { "alertname": "A" }, "startsAt": "2026-11-20T09:00:00Z",
        }],
    });
    server.post("/alerts", alert.to_string()).await;
    let response = server.client.get(format!("{}/incidents/1/events?after=2", server.url)).send().await.unwrap();
    let mut stream = response.bytes_stream();
    let later = devops_agent::incident::Event::HandedOver { why: "a person goes on".into() };
    server.parts.journal.append(1, vec![later], None).await.unwrap();
    let first = String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.contains("event: handed_over") && first.contains("a person goes on"), "{first}");
}

#[tokio::test]
async fn the_agent_says_how_it_is() {
    let server = Server::start("").await;
    assert_eq!(server.get("/health").await, (200, json!({ "status": "ok" })));
    let (status, ready) = server.get("/ready").await;
    assert_eq!((status, &ready["ready"], &ready["failing"]), (200, &json!(true), &json!([])));
    let absent: Vec<_> = ready["parts"].as_array().unwrap().iter().filter(|part| part["state"] == "absent").collect();
    assert!(absent.iter().all(|part| part["without"].is_string() && part["mend"].is_string()));
    let (_, status) = server.get("/status").await;
    assert_eq!((&status["models"], &status["services"][0]["name"]), (&json!(["runbook"]), &json!("api")));
    let (_, metrics) = server.get("/metrics").await;
    let Value::String(text) = metrics else { panic!("metrics are text") };
    assert!(text.contains("\ndevops_agent_received_bytes_total "), "{text}");
    assert!(text.contains("devops_agent_alerts_total 0") && text.ends_with("# EOF\n"), "{text}");
    server.parts.journal.close().await;
    assert_eq!(server.post("/alerts", r#"{"receiver":"r","groupKey":"g","alerts":[]}"#).await.0, 503);
}
