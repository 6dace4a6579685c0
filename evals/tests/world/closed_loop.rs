//! What is done has consequences.

use evals::{Action, Case, Effect};

use crate::support::{alerts, docker, firing, get, prometheus, restart, seconds, start, value, values};

#[tokio::test]
async fn a_killed_container_is_healed_by_its_restart_and_by_nothing_else() {
    let world = start("container-killed").await;
    assert_eq!(alerts(&world).await, firing("ServiceDown"));
    assert_eq!(value(&world, "up{job=\"market-predictor\"}").await, 0.0);
    restart(&world, "feature-store").await;
    world.advance(seconds(120));
    assert_eq!(alerts(&world).await, firing("ServiceDown"));
    assert!(!world.healed());
    restart(&world, "market-predictor").await;
    let health = format!("{}/services/market-predictor/health", world.services_url());
    assert!(crate::support::try_get(&health).await.is_err(), "it takes a while until it answers");
    world.advance(seconds(30));
    assert_eq!(get(&health).await.0, 200);
    assert_eq!(alerts(&world).await, []);
    assert_eq!(value(&world, "up{job=\"market-predictor\"}").await, 1.0);
    assert!(world.healed());
    assert_eq!(world.segment(), "restarted");
    let resets = values(
        &world,
        "sum by (job) (resets({job=~\"market-predictor|gateway\",__name__=~\".+_requests_total\"}[10m]))",
        "job",
    )
    .await;
    assert_eq!(
        resets,
        [("gateway".to_owned(), "0".to_owned()), ("market-predictor".to_owned(), "2".to_owned())],
        "two series began anew; who was not restarted goes on counting"
    );
    let changes: Vec<_> =
        world.changes().into_iter().map(|change| (change.action, change.container, change.effect)).collect();
    let expected = [
        (Action::Restart, "feature-store".to_owned(), Effect::Nothing),
        (Action::Restart, "market-predictor".to_owned(), Effect::Helped),
    ];
    assert_eq!(changes, expected);
    world.shutdown().await;
}

#[tokio::test]
async fn a_hung_service_is_up_and_is_healed_by_its_restart() {
    let world = start("hung-but-up").await;
    assert_eq!(alerts(&world).await, firing("ServiceHung"));
    assert_eq!(value(&world, "up{job=\"market-predictor\"}").await, 1.0);
    assert_eq!(value(&world, "sum by (job) (rate(http_requests_total{job=\"market-predictor\"}[1m]))").await, 0.0);
    let url = format!("{}/services/market-predictor", world.services_url());
    assert!(crate::support::try_get(&format!("{url}/health")).await.is_err_and(|error| error.is_timeout()));
    assert_eq!(get(&format!("{url}/metrics")).await.0, 200);
    let state = || async { docker(&world).inspect_container("market-predictor", None).await.unwrap().state.unwrap() };
    let health = state().await.health.unwrap();
    assert_eq!(health.status.unwrap().to_string(), "unhealthy");
    assert!(health.failing_streak.unwrap() > 5);
    assert_eq!(health.log.unwrap().last().unwrap().output.as_deref(), Some("Health check exceeded timeout (3s)"));
    restart(&world, "gateway").await;
    world.advance(seconds(90));
    assert_eq!(alerts(&world).await, firing("ServiceHung"));
    restart(&world, "market-predictor").await;
    world.advance(seconds(45));
    assert_eq!(alerts(&world).await, []);
    assert_eq!(get(&format!("{url}/health")).await.0, 200);
    assert_eq!(state().await.health.unwrap().status.unwrap().to_string(), "healthy");
    assert!(world.healed());
    world.shutdown().await;
}

const ERROR_RATIO: &str = "sum by (job) (rate(http_requests_total{job=\"market-predictor\",status=\"500\"}[1m])) \
                           / sum by (job) (rate(http_requests_total{job=\"market-predictor\"}[1m]))";

#[tokio::test]
async fn a_wrong_configuration_outlives_a_restart() {
    let world = start("error-rate-after-config-change").await;
    assert_eq!(alerts(&world).await, firing("HighErrorRate"));
    let before = docker(&world).inspect_container("market-predictor", None).await.unwrap();
    let environment = before.config.unwrap().env.unwrap();
    assert!(environment.contains(&"FEATURE_STORE_TIMEOUT_MS=40".to_owned()));
    for _ in 0..2 {
        let now = world.now();
        restart(&world, "market-predictor").await;
        world.advance(seconds(180));
        assert_eq!(alerts(&world).await, firing("HighErrorRate"));
        let ratio = value(&world, ERROR_RATIO).await;
        assert!((0.2..0.4).contains(&ratio), "{ratio}");
        let state = docker(&world).inspect_container("market-predictor", None).await.unwrap().state.unwrap();
        let started = state.started_at.unwrap();
        let text = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%S").to_string();
        assert!(started >= text(now) && started < text(world.now()), "{started}");
        assert_eq!(state.health.unwrap().status.unwrap().to_string(), "healthy");
    }
    assert!(!world.healed());
    assert!(world.changes().iter().all(|change| change.effect == Effect::Nothing));
    world.shutdown().await;
}

#[tokio::test]
async fn restarting_the_dependency_makes_it_worse() {
    let world = start("error-rate-after-config-change").await;
    let before = value(&world, ERROR_RATIO).await;
    let served = value(&world, "http_requests_total{job=\"market-predictor\",status=\"500\"}").await;
    restart(&world, "feature-store").await;
    world.advance(seconds(90));
    let pending = ("FeatureReadsSlow".to_owned(), "pending".to_owned());
    assert!(alerts(&world).await.contains(&pending), "it fires only after two minutes");
    world.advance(seconds(210));
    assert_eq!(world.changes()[0].effect, Effect::Harmed);
    let after = value(&world, ERROR_RATIO).await;
    assert!(after > 0.8 && before < 0.4, "{before} {after}");
    assert!(
        value(&world, "http_requests_total{job=\"market-predictor\",status=\"500\"}").await > served,
        "its own counters go on"
    );
    let expected = ["HighErrorRate", "FeatureReadsSlow"].map(|name| (name.to_owned(), "firing".to_owned()));
    assert_eq!(alerts(&world).await, expected);
    world.shutdown().await;
}

#[tokio::test]
async fn stopping_what_was_well_takes_it_down() {
    let world = start("container-killed").await;
    docker(&world).stop_container("gateway", None::<bollard::query_parameters::StopContainerOptions>).await.unwrap();
    world.advance(seconds(60));
    assert_eq!(world.changes()[0].effect, Effect::Harmed);
    assert_eq!(value(&world, "up{job=\"gateway\"}").await, 0.0);
    assert_eq!(
        values(&world, "process_resident_memory_bytes{job=\"gateway\"}", "job").await,
        [],
        "its series have ended"
    );
    docker(&world).start_container("gateway", None::<bollard::query_parameters::StartContainerOptions>).await.unwrap();
    world.advance(seconds(60));
    assert_eq!(value(&world, "up{job=\"gateway\"}").await, 1.0);
    let passed = value(&world, "sum by (job) (gateway_upstream_requests_total)").await;
    assert!(passed < 10_000.0, "counters begin anew: {passed}");
    world.shutdown().await;
}

#[tokio::test]
async fn the_future_is_not_seen_and_the_past_stays() {
    let world = start("container-killed").await;
    let now = world.now().timestamp();
    let range = |start: i64, end: i64| format!("/api/v1/query_range?query=up&start={start}&end={end}&step=15");
    let points = |body: &serde_json::Value| -> Vec<i64> {
        let series = body["data"]["result"].as_array().unwrap();
        series
            .iter()
            .flat_map(|one| one["values"].as_array().unwrap())
            .map(|point| point[0].as_i64().unwrap())
            .collect()
    };
    let past = prometheus(&world, &range(now - 1800, now - 300)).await;
    assert!(points(&prometheus(&world, &range(now + 301, now + 900)).await).is_empty());
    let lines = format!(
        "{}/loki/api/v1/query_range?query={{service=~\".%2B\"}}&since=1h&direction=backward&limit=1",
        world.loki_url()
    );
    let last = |body: &serde_json::Value| {
        body["data"]["result"][0]["values"][0][0].as_str().unwrap()[..10].parse::<i64>().unwrap()
    };
    assert!(last(&get(&lines).await.1) <= now);
    restart(&world, "market-predictor").await;
    world.advance(seconds(600));
    assert_eq!(prometheus(&world, &range(now - 1800, now - 300)).await, past);
    let after = last(&get(&lines).await.1);
    assert!(after > now + 540 && after <= now + 600, "logs go on after their recorded end: {after}");
    world.shutdown().await;
}

#[tokio::test]
async fn data_go_on_for_long_after_the_recording() {
    let world = start("container-killed").await;
    restart(&world, "market-predictor").await;
    world.advance(seconds(3600));
    let rate = value(&world, "sum by (job) (rate(http_requests_total{job=\"market-predictor\"}[5m]))").await;
    assert!((10.0..25.0).contains(&rate), "{rate}");
    assert_eq!(value(&world, "resets(process_cpu_seconds_total{job=\"feature-store\"}[90m])").await, 0.0);
    let ratio =
        value(&world, "histogram_quantile(0.95, sum by (job, le) (rate(http_request_duration_seconds_bucket[10m])))")
            .await;
    assert!((0.05..1.0).contains(&ratio), "{ratio}");
    world.shutdown().await;
}

#[tokio::test]
async fn logs_are_the_same_by_loki_and_by_docker_and_tell_of_the_restart() {
    let world = start("container-killed").await;
    let count = |range: &str| {
        let query =
            format!("sum(count_over_time({{service=\"market-predictor\"}} |= `configuration loaded` [{range}]))");
        format!("{}/loki/api/v1/query?query={}", world.loki_url(), query.replace('+', "%2B"))
    };
    assert_eq!(get(&count("5m")).await.1["data"]["result"], serde_json::json!([]));
    restart(&world, "market-predictor").await;
    world.advance(seconds(60));
    assert_eq!(get(&count("5m")).await.1["data"]["result"][0]["value"][1], "1");
    let url = format!(
        "{}/containers/market-predictor/logs?stdout=1&since={}",
        world.docker_url(),
        world.now().timestamp() - 60
    );
    let (_, bytes) = crate::support::try_get(&url).await.unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("configuration loaded"));
    world.shutdown().await;
}

#[tokio::test]
async fn the_same_calls_give_the_same_answers() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let world = start("hung-but-up").await;
        world.advance(seconds(17));
        restart(&world, "market-predictor").await;
        world.advance(seconds(100));
        let queries = ["/api/v1/query?query={job=~\".%2B\"}", "/api/v1/rules", "/api/v1/targets"];
        let mut answers = Vec::new();
        for query in queries {
            answers.push(prometheus(&world, query).await);
        }
        for path in
            ["containers/market-predictor/json", "containers/json?all=1", "containers/gateway/stats?stream=false"]
        {
            answers.push(get(&format!("{}/{path}", world.docker_url())).await.1);
        }
        told.push(answers);
        world.shutdown().await;
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn the_webhook_is_what_the_world_would_send() {
    for case in Case::all_embedded().unwrap() {
        let world = evals::World::start(case.clone()).await.unwrap();
        let (_, active) = get(&format!("{}/api/v2/alerts", world.alertmanager_url())).await;
        let sent = &case.alert["alerts"][0];
        for field in ["labels", "annotations", "startsAt", "generatorURL", "fingerprint"] {
            assert_eq!(active[0][field], sent[field], "{}: {field}", case.name);
        }
        assert_eq!(sent["labels"], case.alert["commonLabels"]);
        world.shutdown().await;
    }
}

#[tokio::test]
async fn the_catalogue_has_the_worlds_addresses() {
    let world = start("container-killed").await;
    let services = world.services();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["feature-store", "gateway", "market-predictor"]);
    let url = services["gateway"]["health_url"].as_str().unwrap();
    assert_eq!(url, format!("{}/services/gateway/health", world.services_url()));
    assert_eq!(get(url).await.1["status"], "degraded");
    world.shutdown().await;
}

#[tokio::test]
async fn a_container_is_the_same_by_its_name_and_by_its_id() {
    let world = start("container-killed").await;
    let id = docker(&world).inspect_container("market-predictor", None).await.unwrap().id.unwrap();
    restart(&world, &id).await;
    assert_eq!(world.segment(), "restarted");
}
