//! Questions over OpenAI's API, and an LLM (a double of one) that does the main job by the same loop.

use devops_agent::{
    incident::{Level, Outcome},
    report::Report,
};
use serde_json::{Value, json};

use crate::{
    provider::{calls, conclude, provider, with_provider},
    stage::{answer, serve, stage},
};

#[tokio::test]
async fn an_llm_repairs_by_the_same_loop_and_its_claims_are_checked() {
    let restart = json!({ "service": "market-predictor", "reason": "exit code 137" });
    let (url, seen) = provider(vec![
        calls(&[
            ("inspect_container", json!({ "service": "market-predictor" })),
            ("restart_container", json!({ "service": "market-predictor" })),
        ]),
        calls(&[("restart_container", restart)]),
        conclude(
            "the container was killed",
            json!([{ "text": "exit code 137", "evidence": [15] }, { "text": "it took 99 hours", "evidence": [15] }]),
            true,
        ),
    ])
    .await;
    let (stage, alert) = stage("container-killed", &with_provider(&url, "")).await;
    let (incident, entries) = stage.play(&alert).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::Repaired), 1), "{report}");
    assert!(report.contains("Unproven: 99 does not stand in what it cites"), "{report}");
    // Four turns of 1000 + 50 tokens, 400 of the thousand from the cache: the conclusion was sent back once.
    assert_eq!((incident.turns, incident.usage.input_tokens), (4, 4_000));
    assert!((incident.usage.cost - 4.0 * (600.0 + 400.0 * 0.5 + 50.0 * 4.0) / 1e6).abs() < 1e-9);
    let asked = seen.lock().unwrap().clone();
    let text = asked[1].to_string();
    assert!(text.contains("missing field `reason`") && text.contains("A call that would be right"), "{text}");
    let sent_back = asked[3]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
    let wrong = "- claim \"it took 99 hours\": 99 does not stand in what it cites";
    assert!(sent_back.contains(wrong), "{sent_back}");
    assert_eq!(incident.conclusion.unwrap().confidence.unwrap().level, Level::Low);
    // Nothing that was said once changes: a provider's prompt cache hits.
    for (before, after) in asked.iter().zip(&asked[1..]) {
        let (before, after) = (before["messages"].as_array().unwrap(), after["messages"].as_array().unwrap());
        assert!(after.starts_with(before), "{before:?}\n{after:?}");
    }
    // The stable part comes first and does not change; targets are named by the schema.
    assert_eq!(asked[0]["messages"][0], asked[2]["messages"][0]);
    let tools = asked[0]["tools"].as_array().unwrap();
    let of = |name: &str| tools.iter().find(|tool| tool["function"]["name"] == name).unwrap();
    let services = &of("restart_container")["function"]["parameters"]["properties"]["service"]["enum"];
    assert_eq!(services, &json!(["feature-store", "market-predictor"]));
    assert!(!serde_json::to_string(&entries).unwrap().contains("sk-secret"));
    stage.strike().await;
}

/// What is written must be readable: an entry that is not would keep the journal from being opened.
#[tokio::test]
async fn arguments_that_are_nested_without_end_are_a_wrong_call_and_the_journal_is_read_again() {
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for levels in [70, 110, 124] {
        let wanted = calls(&[("inspect_container", json!({ "service": deep(levels) })), ("nothing", deep(levels))]);
        let (url, _) = provider(vec![wanted, conclude("nothing", json!([]), false)]).await;
        let (stage, alert) = stage("container-killed", &with_provider(&url, "")).await;
        let (incident, _) = stage.play(&alert).await.unwrap();
        assert_eq!(incident.outcome, Some(Outcome::HandedOver), "{levels}");
        let (again, entries) = stage.parts.journal.incident(incident.id).await.unwrap();
        assert_eq!((again.last_seq, stage.parts.journal.verify(None).await.unwrap().1.len()), (incident.last_seq, 0));
        assert!(serde_json::to_string(&entries).unwrap().contains("levels deep, at most 64 are kept"), "{levels}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn a_hostile_model_cannot_touch_what_the_incident_may_not() {
    let try_all = [
        "gateway",
        "prometheus",
        "devops-agent",
        "",
        "*",
        "market-predictor ",
        "../market-predictor",
        "MARKET-PREDICTOR",
    ];
    let wanted: Vec<_> =
        try_all.iter().map(|name| ("restart_container", json!({ "service": name, "reason": "x" }))).collect();
    let (url, _) = provider(vec![calls(&wanted), conclude("nothing", json!([]), false)]).await;
    let (stage, alert) = stage("container-killed", &with_provider(&url, "")).await;
    let (incident, _) = stage.play(&alert).await.unwrap();
    assert_eq!((incident.outcome, stage.world.changes()), (Some(Outcome::HandedOver), vec![]));
    stage.strike().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_gives_one_last_turn_without_tools() {
    let (url, seen) = provider(vec![calls(&[("list_alerts", json!({}))])]).await;
    let (stage, alert) = stage("container-killed", &with_provider(&url, "[budget]\nsteps = 2\n")).await;
    let (incident, entries) = stage.play(&alert).await.unwrap();
    assert_eq!((incident.turns, incident.outcome), (3, Some(Outcome::HandedOver)));
    let asked = seen.lock().unwrap().clone();
    let last: Vec<_> =
        asked[2]["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].clone()).collect();
    assert_eq!(last, ["conclude"]);
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("budget used up: 2 of 2 turns"), "{report}");
    // The very same call a turn later is answered from the journal.
    assert!(serde_json::to_string(&entries).unwrap().contains("\"status\":\"repeated\""));
    stage.strike().await;
}

#[tokio::test]
async fn when_the_llm_is_down_the_runbook_takes_over_and_the_journal_says_so() {
    let (stage, alert) = stage("container-killed", &with_provider("http://127.0.0.1:9", "")).await;
    let (incident, entries) = stage.play(&alert).await.unwrap();
    assert_eq!(incident.outcome, Some(Outcome::Repaired));
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("model main failed") && report.contains("runbook took over"), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn a_runbook_before_the_llm_takes_what_it_was_written_for_and_leaves_the_rest() {
    let (url, seen) = provider(vec![conclude("nothing", json!([]), false)]).await;
    let chain = "[model]\nchain = [\"runbook\", \"main\", \"runbook\"]\n";
    let settings = with_provider(&url, "").replace("[model]\nchain = [\"main\", \"runbook\"]\n", chain);
    let (stage, alert) = stage("container-killed", &settings).await;
    let (incident, _) = stage.play(&alert).await.unwrap();
    assert_eq!((incident.outcome, incident.usage.input_tokens), (Some(Outcome::Repaired), 0));
    assert!(seen.lock().unwrap().is_empty(), "no model was asked");
    stage.strike().await;

    let (stage, mut alert) = crate::stage::stage("container-killed", &settings).await;
    alert["alerts"][0]["labels"]["alertname"] = "NeverSeenBefore".into();
    let (incident, entries) = stage.play(&alert).await.unwrap();
    assert_eq!(incident.outcome, Some(Outcome::HandedOver));
    assert_eq!(seen.lock().unwrap().len(), 1, "the model was asked");
    let told = serde_json::to_string(&entries).unwrap();
    assert!(told.contains("no runbook was written for the alert NeverSeenBefore"), "{told}");
    stage.strike().await;
}

/// Answers questions over HTTP with workers running.
async fn asked(more: &str, question: Value) -> (u16, Value) {
    let (stage, _) = stage("container-killed", more).await;
    let parts = &stage.parts;
    let url = serve(devops_agent::http::router(parts.http(parts.clock.now()))).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let work = devops_agent::worker::run(
        parts.agent.clone(),
        parts.journal.clone(),
        parts.clock.clone(),
        parts.worker(),
        stopped,
    );
    let working = tokio::spawn(work);
    let answered = answer(reqwest::Client::new().post(format!("{url}/v1/chat/completions")).json(&question)).await;
    stop.send_replace(true);
    working.await.unwrap();
    stage.strike().await;
    answered
}

#[tokio::test]
async fn a_question_is_answered_over_the_chat_api_streamed_and_not() {
    let claims = json!([{ "text": "it is exited", "evidence": [5] }]);
    let look = calls(&[("inspect_container", json!({ "service": "market-predictor" }))]);
    let (url, _) = provider(vec![look.clone(), conclude("market-predictor has stopped", claims.clone(), true)]).await;
    let question = json!({ "model": "x", "messages": [{ "role": "user", "content": "How is market-predictor?" }] });
    let (status, whole) = asked(&with_provider(&url, ""), question.clone()).await;
    let content = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        status == 200 && content.starts_with("market-predictor has stopped") && content.contains("it is exited [5]"),
        "{whole}"
    );
    assert_eq!(whole["usage"]["total_tokens"], 2_100);

    let (url, _) = provider(vec![look, conclude("market-predictor has stopped", claims, true)]).await;
    let mut streamed = question;
    streamed["stream"] = json!(true);
    let (_, text) = asked(&with_provider(&url, ""), streamed).await;
    let text = text.as_str().unwrap();
    assert!(
        text.contains("reasoning_content")
            && text.contains("market-predictor has stopped")
            && text.trim_end().ends_with("data: [DONE]"),
        "{text}"
    );
}

#[tokio::test]
async fn without_an_llm_a_question_gets_the_state_of_what_it_names() {
    let question = json!({ "messages": [{ "role": "user", "content": "what about market-predictor?" }] });
    let (status, whole) = asked("", question).await;
    let content = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        status == 200 && content.contains("No LLM is configured") && content.contains("exit code 137"),
        "{content}"
    );
    let (status, problem) = asked("", json!({ "messages": [{ "role": "system", "content": "x" }] })).await;
    assert_eq!((status, problem["status"].as_u64()), (400, Some(400)));
}

#[tokio::test]
async fn what_a_model_cannot_name_it_is_not_offered() {
    let offered = async |more: &str| {
        let (url, seen) = provider(vec![conclude("nothing", json!([]), false)]).await;
        let (stage, alert) = stage("container-killed", &with_provider(&url, more)).await;
        stage.play(&alert).await.unwrap();
        stage.strike().await;
        let asked = seen.lock().unwrap()[0]["tools"].as_array().unwrap().clone();
        asked
            .into_iter()
            .map(|tool| (tool["function"]["name"].as_str().unwrap().to_owned(), tool))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let tools = offered("").await;
    let replicas = &tools["scale_service"]["function"]["parameters"]["properties"]["replicas"];
    assert_eq!(replicas["description"], "How many replicas there are to be. At least 1, at most 10.", "{replicas}");
    let minutes = &tools["silence_alert"]["function"]["parameters"]["properties"]["minutes"];
    assert!(minutes["description"].as_str().unwrap().ends_with("At least 1, at most 120."), "{minutes}");
    let services = &tools["restart_container"]["function"]["parameters"]["properties"]["service"]["enum"];
    assert_eq!(services, &json!(["feature-store", "market-predictor"]));

    // In mode observe, with all that it needs protected, nothing of the world can be changed: only people can be told.
    let observed = "[services.market-predictor]\nautonomy = \"observe\"\n[services.feature-store]\nprotected = true\n";
    let tools = offered(observed).await;
    for change in [
        "restart_container",
        "scale_service",
        "update_resources",
        "deploy_service",
        "rollback_service",
        "silence_alert",
        "open_pr",
    ] {
        assert!(!tools.contains_key(change), "{change} is offered");
    }
    assert!(tools.contains_key("notify") && tools.contains_key("inspect_container"));
}
