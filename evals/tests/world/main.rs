//! The world at its door: forms as the real parts give them, closed loop, Docker by its real client, faults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use bollard::query_parameters::{ListContainersOptions, LogsOptions, RestartContainerOptions};
use evals::{Case, Effect, Fault, Part, World};
use futures::StreamExt;
use serde_json::Value;

async fn world(case: &str) -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    World::start(Case::from_embedded(case).unwrap()).await.unwrap()
}

async fn get(url: String) -> (u16, Value) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// Every key that the real answer has, in a value of the same kind; lists by their first item.
fn same_form(real: &Value, ours: &Value, path: &str) {
    match (real, ours) {
        (Value::Object(real), Value::Object(ours)) => {
            for (key, value) in real {
                let Some(found) = ours.get(key) else { panic!("{path}.{key} is missing") };
                same_form(value, found, &format!("{path}.{key}"));
            }
        }
        (Value::Array(real), Value::Array(ours)) => {
            if let (Some(real), Some(ours)) = (real.first(), ours.first()) {
                same_form(real, ours, &format!("{path}[0]"));
            }
        }
        (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        (real, ours) => assert_eq!(real, ours, "{path}"),
    }
}

#[tokio::test]
async fn answers_have_the_real_ones_form() {
    let world = world("container-killed").await;
    let prometheus = world.prometheus_url();
    let end = world.now().timestamp();
    let cases = [
        (format!("{prometheus}/api/v1/query?query=up"), include_str!("fixtures/query_vector.json")),
        (
            format!("{prometheus}/api/v1/query_range?query=rate(up[5m])&start={}&end={end}&step=60", end - 600),
            include_str!("fixtures/query_range_matrix.json"),
        ),
        (format!("{prometheus}/api/v1/query?query=nosuchmetric"), include_str!("fixtures/query_empty.json")),
        (format!("{prometheus}/api/v1/query?query=up%7B"), include_str!("fixtures/bad_expr.json")),
        (format!("{prometheus}/api/v1/query"), include_str!("fixtures/no_query.json")),
        (
            format!("{prometheus}/api/v1/query_range?query=up&start=1785455476&end=1795455476&step=1"),
            include_str!("fixtures/bad_step.json"),
        ),
        (format!("{prometheus}/api/v1/labels"), include_str!("fixtures/labels.json")),
        (format!("{prometheus}/api/v1/series?match[]=up"), include_str!("fixtures/series.json")),
        (format!("{prometheus}/api/v1/alerts"), include_str!("fixtures/alerts.json")),
    ];
    for (url, recorded) in cases {
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let (status, ours) = get(url.clone()).await;
        assert_eq!(u64::from(status), recorded["status"].as_u64().unwrap(), "{url}");
        let mut real = recorded["body"].clone();
        // Labels are each server's own.
        for labels in ["/data/result/0/metric", "/data/0", "/data/alerts/0/labels", "/data/alerts/0/annotations"] {
            if let Some(found) = real.pointer_mut(labels).filter(|found| found.is_object()) {
                *found = serde_json::json!({});
            }
        }
        same_form(&real, &ours, &url);
    }
    let rules: Value = serde_json::from_str(include_str!("fixtures/rules.json")).unwrap();
    let (_, ours) = get(format!("{prometheus}/api/v1/rules")).await;
    for key in ["state", "name", "query", "duration", "labels", "annotations", "alerts", "health", "type"] {
        let at = format!("/data/groups/0/rules/0/{key}");
        assert!(rules["body"].pointer(&at).is_some() && ours.pointer(&at).is_some(), "{key}");
    }
    let (_, alerts) = get(format!("{}/api/v2/alerts", world.alertmanager_url())).await;
    let real: Value = serde_json::from_str(include_str!("fixtures/alertmanager-alerts.json")).unwrap();
    for key in real[0].as_object().unwrap().keys() {
        assert!(alerts[0].get(key).is_some(), "{key}");
    }
    world.shutdown().await;
}

async fn fires(world: &World) -> bool {
    let (_, alerts) = get(format!("{}/api/v2/alerts", world.alertmanager_url())).await;
    !alerts.as_array().unwrap().is_empty()
}

fn docker(world: &World) -> bollard::Docker {
    bollard::Docker::connect_with_http(&world.docker_url(), 5, bollard::API_DEFAULT_VERSION).unwrap()
}

#[tokio::test]
async fn a_remedy_heals_and_what_is_none_does_not() {
    for (case, heals) in [("container-killed", true), ("hung-but-up", true), ("error-rate-after-config-change", false)]
    {
        let world = world(case).await;
        assert!(fires(&world).await, "{case}");
        let docker = docker(&world);
        docker.restart_container("gateway", None::<RestartContainerOptions>).await.unwrap();
        world.advance(Duration::from_secs(60));
        assert!(fires(&world).await && !world.healed(), "{case}: restarting another service heals nothing");
        docker.restart_container("market-predictor", None::<RestartContainerOptions>).await.unwrap();
        world.advance(Duration::from_secs(60));
        assert_eq!((fires(&world).await, world.healed()), (!heals, heals), "{case}");
        let effects: Vec<_> = world.changes().iter().map(|change| change.effect).collect();
        assert_eq!(effects, [Effect::Nothing, if heals { Effect::Helped } else { Effect::Nothing }], "{case}");
        let started =
            docker.inspect_container("market-predictor", None).await.unwrap().state.unwrap().started_at.unwrap();
        assert!(started.starts_with("2026-11-20T10:01:12"), "{case}: {started}");
        world.shutdown().await;
    }
}

#[tokio::test]
async fn docker_answers_its_real_client() {
    let world = world("container-killed").await;
    let docker = docker(&world);
    assert_eq!(docker.version().await.unwrap().api_version.as_deref(), Some("1.41"));
    let running = docker.list_containers(None::<ListContainersOptions>).await.unwrap();
    let all = docker.list_containers(Some(ListContainersOptions { all: true, ..Default::default() })).await.unwrap();
    assert_eq!((running.len(), all.len()), (3, 4));
    let state = docker.inspect_container("market-predictor", None).await.unwrap().state.unwrap();
    assert_eq!((state.exit_code, state.running, state.oom_killed), (Some(137), Some(false), Some(false)));
    let missing = docker.inspect_container("market", None).await.unwrap_err().to_string();
    assert!(missing.contains("No such container: market"), "{missing}");
    let options = LogsOptions { stdout: true, stderr: true, tail: "3".into(), timestamps: true, ..Default::default() };
    let lines: Vec<_> =
        docker.logs("market-predictor", Some(options)).map(|line| line.unwrap().to_string()).collect().await;
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("2026-11-20T09:58:"), "{lines:?}");
    world.shutdown().await;
}

#[tokio::test]
async fn nothing_later_than_now_is_seen_and_an_end_is_held() {
    let world = world("container-killed").await;
    let up =
        |at: i64| get(format!("{}/api/v1/query?query=up%7Bjob%3D%22gateway%22%7D&time={at}", world.prometheus_url()));
    let count = |answer: (u16, Value)| answer.1["data"]["result"].as_array().unwrap().len();
    let now = world.now().timestamp();
    assert_eq!(count(up(now + 400).await), 0, "a moment that has not come has no samples");
    world.advance(Duration::from_secs(3_600));
    assert_eq!(count(up(now + 3_600).await), 1, "after the recording its last sample is held");
    world.shutdown().await;
}

#[tokio::test]
async fn a_part_fails_as_it_is_told_and_works_again() {
    let world = world("container-killed").await;
    let url = format!("{}/api/v1/query?query=up", world.prometheus_url());
    world.break_part(Part::Prometheus, Fault::Status(429, Some(3)));
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &reqwest::header::HeaderValue::from_static("3"))
    );
    for fault in [Fault::Refuse, Fault::Half] {
        world.break_part(Part::Prometheus, fault);
        let broken = async { reqwest::get(&url).await?.bytes().await };
        assert!(broken.await.is_err());
    }
    world.break_part(Part::Prometheus, Fault::Huge(100_000));
    assert_eq!(reqwest::get(&url).await.unwrap().bytes().await.unwrap().len(), 100_000);
    world.mend_part(Part::Prometheus);
    assert_eq!(get(url).await.0, 200);
    world.shutdown().await;
}

#[test]
fn a_case_that_cannot_be_read_tells_file_and_what() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |folder: &std::path::Path| Case::load(folder).unwrap_err().to_string();
    assert!(wrong(&folder.path().join("none")).contains("cannot be read"));
    for part in ["metrics", "logs"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
    }
    assert!(wrong(folder.path()).ends_with("case.toml: is missing"));
    std::fs::write(folder.path().join("case.toml"), "title = 1\n").unwrap();
    assert!(wrong(folder.path()).contains("case.toml: TOML parse error at line 1"), "{}", wrong(folder.path()));
}
