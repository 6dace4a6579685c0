//! What people decide about the agent itself: the halt, raised breakers, another policy; over HTTP and by the command line.

use devops_agent::{
    incident::{Outcome, Who},
    journal::{Journal, JournalOptions},
    report::Report,
};
use serde_json::json;

use crate::stage::{Server, program, stage};

const TOKENS: &str = r#"
[[http.tokens]]
name = "viewer"
token = "view-token"
role = "viewer"
[[http.tokens]]
name = "jo"
token = "jo-token"
role = "operator"
"#;

#[tokio::test]
async fn a_halt_is_written_with_who_and_where_survives_a_restart_and_ends_when_somebody_says_so() {
    let mut server = Server::start(TOKENS).await;
    let ask = |path: &str, token: &str| {
        server.client.post(format!("{}{path}", server.url)).bearer_auth(token).json(&json!({ "because": "release" }))
    };
    assert_eq!(ask("/halt", "view-token").send().await.unwrap().status(), 403);
    assert_eq!(ask("/halt", "jo-token").send().await.unwrap().status(), 200);
    let who = Who { by: "jo".into(), from: "HTTP".into(), because: "release".into() };
    assert_eq!(server.parts.journal.halted().await.unwrap(), Some(who.clone()));
    let resume = ask("/resume", "jo-token");

    let path = server.parts.settings.journal.path.clone();
    server.parts.journal.close().await;
    let options = JournalOptions { path, queue: 8 };
    server.parts.journal = Journal::open(&options, server.parts.clock.clone()).unwrap();
    assert_eq!(server.parts.journal.halted().await.unwrap(), Some(who));
    // The server of before has lost its journal; it says so and does not pretend.
    assert_eq!(resume.send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn while_halted_nothing_is_changed_and_afterwards_it_is() {
    let (stage, alert) = stage("container-killed", "").await;
    let url = crate::stage::serve(devops_agent::http::router(stage.parts.http(stage.parts.clock.now()))).await;
    let client = reqwest::Client::new();
    client.post(format!("{url}/halt")).send().await.unwrap().error_for_status().unwrap();
    let (incident, entries) = stage.play(&alert).await.unwrap();
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("anonymous has stopped every change"), "{report}");
    let halted: serde_json::Value = client.get(format!("{url}/halt")).send().await.unwrap().json().await.unwrap();
    assert_eq!((&halted["halted"], &halted["who"]["by"]), (&json!(true), &json!("anonymous")));

    client.post(format!("{url}/resume")).send().await.unwrap().error_for_status().unwrap();
    let mut again = alert.clone();
    again["alerts"][0]["startsAt"] = "2026-11-20T10:07:00Z".into();
    let (incident, _) = stage.play(&again).await.unwrap();
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::Repaired), 1));
    let (_, broken) = stage.parts.journal.verify(None).await.unwrap();
    assert_eq!(broken, [], "the chain covers what people decided");
    stage.strike().await;
}

#[tokio::test]
async fn a_wrong_policy_is_refused_whole_and_the_one_before_goes_on_holding() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, "version = 1\nautonomy = \"act\"\n").unwrap();
    let server = Server::start(&format!("[guard]\npolicy = {:?}", file.display().to_string())).await;
    let before = server.parts.policy.load().hash.clone();
    std::fs::write(&file, "version = 1\nautonomy = \"act\"\n[caps]\nchanges_an_incident = \"few\"\n").unwrap();
    let (status, problem) = server.post("/policy/reload", "{}").await;
    assert_eq!(status, 422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("invalid type: string \"few\"") && detail.contains("goes on holding"), "{detail}");
    assert_eq!(server.parts.policy.load().hash, before);

    std::fs::write(&file, "version = 1\nautonomy = \"observe\"\n").unwrap();
    assert_eq!(server.post("/policy/reload", "{}").await.0, 200);
    assert_ne!(server.parts.policy.load().hash, before);
    let (_, told) = server.get("/policy?service=api").await;
    assert_eq!((&told["autonomy"], &told["alone"][0]["tool"]), (&json!("observe"), &json!("notify")));
    assert_eq!(server.get("/policy?service=nowhere").await.0, 404);
    let (_, status) = server.get("/status").await;
    assert_eq!(status["policy"], server.parts.policy.load().hash.as_str());
}

#[tokio::test]
async fn raising_wants_one_service_or_the_fleet() {
    let server = Server::start("").await;
    for (body, status) in [
        (json!({}), 400),
        (json!({ "service": "api", "fleet": true }), 400),
        (json!({ "service": "api" }), 200),
        (json!({ "fleet": true, "because": "mended" }), 200),
        (json!({ "all": true }), 422),
    ] {
        assert_eq!(server.post("/raise", body.to_string()).await.0, status, "{body}");
    }
}

const SETTINGS: &str = "[docker]\nhost = \"none\"\n[services.payments]\ncontainer = \"payments\"\nautonomy = \"act\"\n\
                        [services.orders-db]\ncontainer = \"orders-db\"\nprotected = true\n[log]\nfilter = \"off\"\n";

#[test]
fn the_policy_answers_without_an_incident() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("devops-agent.toml"), SETTINGS).unwrap();
    let run = |arguments: &[&str]| program(folder.path(), arguments);
    let (code, told) = run(&["policy", "explain", "payments"]);
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "payments is in mode act.",
        "restart_container: payments is in mode act",
        "a new image is a high risk",
        "at most 3 changes an incident",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let (_, told) = run(&["policy", "explain", "orders-db"]);
    assert!(told.contains("restart_container: orders-db is protected: the catalogue says so"), "{told}");
    assert!(
        run(&["policy", "explain", "nowhere"])
            .1
            .contains("\"nowhere\" is no service of the catalogue; there are: orders-db, payments")
    );

    let (code, told) =
        run(&["policy", "check", "restart_container", "{\"service\": \"orders-db\", \"reason\": \"x\"}"]);
    assert!(code == Some(1) && told.contains("refused: orders-db is protected"), "{code:?} {told}");
    // Without Docker it cannot be told what the call would do: doubt is a no.
    let (code, told) = run(&["policy", "check", "restart_container", "{\"service\": \"payments\", \"reason\": \"x\"}"]);
    assert!(
        code == Some(1) && told.contains("it cannot be told whether this is allowed: Docker is not configured"),
        "{told}"
    );
    let (code, told) = run(&["policy", "check", "restart_container", "{\"service\": \"payments\"}"]);
    assert!(code == Some(4) && told.contains("missing field `reason`"), "{code:?} {told}");
    assert!(run(&["policy", "check", "restart_container", "payments"]).1.contains("the arguments are not JSON"));

    std::fs::write(folder.path().join("policy.toml"), "version = 1\nautonomy = \"act\"\n[caps]\nchanges_a_hour = 3\n")
        .unwrap();
    let (code, told) = run(&["policy", "test", "policy.toml"]);
    assert!(
        code == Some(2) && told.contains("unknown field `changes_a_hour`") && told.contains("changes_an_incident"),
        "{told}"
    );
    let (code, built_in) = run(&["policy", "test", "--built-in"]);
    std::fs::write(folder.path().join("policy.toml"), built_in).unwrap();
    assert_eq!(
        (code, run(&["policy", "test", "policy.toml"]).0),
        (Some(0), Some(0)),
        "the printed policy can be used as it is"
    );
}

#[test]
fn a_halt_by_the_command_line_stands_in_the_export_and_the_chain_holds() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("devops-agent.toml"), SETTINGS).unwrap();
    let run = |arguments: &[&str]| program(folder.path(), arguments);
    assert_eq!(run(&["halt", "--because", "the exchange is closed", "--by", "jo"]).0, Some(0));
    assert_eq!(run(&["raise", "payments", "--by", "kim"]).0, Some(0));
    assert_eq!(run(&["raise"]).0, Some(4));
    assert_eq!(run(&["resume", "--by", "jo"]).0, Some(0));
    let (_, exported) = run(&["incidents", "export"]);
    let lines: Vec<serde_json::Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> =
        lines.iter().map(|entry| format!("{} {}", entry["event"]["type"], entry["event"]["by"])).collect();
    assert_eq!(told, ["\"halted\" \"jo\"", "\"breaker_raised\" \"kim\"", "\"resumed\" \"jo\""]);
    assert_eq!(
        (lines[0]["event"]["because"].as_str(), lines[0]["event"]["from"].as_str()),
        (Some("the exchange is closed"), Some("command line"))
    );
    let (code, told) = run(&["incidents", "verify"]);
    assert!(code == Some(0) && told.contains("3 entries read, 0 breaks found"), "{told}");
}
