//! `forecast`, `slo_status` and the ranking of `list_changes` over worlds, whole and broken.

use std::{sync::Arc, time::Duration};

use evals::{Fault, Illness, Part, World};
use serde_json::{Value, json};
use tools::{
    Catalogue, Forecast, ListChanges, Origin, Registry, Service, SharedCatalogue, SharedClock, Slo, SloStatus,
    reach::{Docker, HttpOptions, Prometheus},
};

use crate::{
    support::{client, fleet, start},
    world_clock::WorldClock,
};

/// The services of the recorded worlds.
fn recorded() -> Vec<Service> {
    let service = |name: &str, needs: &[&str]| Service {
        container: Some(name.to_owned()),
        prometheus: Some(format!("{{job=\"{name}\"}}")),
        depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
        ..Service::named(name, Origin::Settings)
    };
    let count = |matcher: &str| {
        Some(format!("sum(increase(http_requests_total{{job=\"market-predictor\"{matcher}}}[$window]))"))
    };
    let slo = Slo::new(0.999, "30d", count(",status=~\"5..\""), count("")).unwrap();
    vec![
        Service { slo: Some(slo), ..service("market-predictor", &["feature-store"]) },
        service("feature-store", &[]),
        service("gateway", &["market-predictor"]),
        service("node-exporter", &[]),
    ]
}

fn registry(world: &World, services: Vec<Service>) -> Registry {
    let clock: SharedClock = Arc::new(WorldClock(world.clone()));
    let options = HttpOptions { timeout: Duration::from_secs(60), ..HttpOptions::default() };
    let prometheus = Prometheus::new(client(), &world.prometheus_url(), options, Arc::clone(&clock)).unwrap();
    let prometheus = Some(Arc::new(prometheus));
    let docker = Some(Arc::new(Docker::connect(&world.docker_url(), Duration::from_secs(60)).unwrap()));
    let catalogue = SharedCatalogue::new(Catalogue::new(services));
    let (registry, _mint) = Registry::new();
    registry
        .look(Forecast::new(prometheus.clone(), docker.clone(), catalogue.clone(), Arc::clone(&clock)))
        .look(SloStatus::new(prometheus, catalogue.clone(), Arc::clone(&clock)))
        .look(ListChanges::new(docker, None, catalogue, clock))
}

async fn ask(registry: &Registry, tool: &str, args: Value) -> (String, Value) {
    let answered = registry.run(tool, &args).await;
    answered.map_or_else(|failure| (format!("failure: {failure}"), Value::Null), |answer| (answer.text, answer.data))
}

#[tokio::test]
async fn the_making_anew_before_the_errors_explains_them_and_comes_first() {
    let world = start("error-rate-after-config-change").await;
    let registry = registry(&world, recorded());
    let symptoms =
        ["HighErrorRate", "market-predictor answers over 5% of requests with errors.", "feature store read timed out"];
    let args = json!({ "service": "market-predictor", "hours_back": 6, "onset_minutes_ago": 1, "symptoms": symptoms });
    let (text, data) = ask(&registry, "list_changes", args.clone()).await;
    insta::assert_snapshot!(text, @"
    best explained by market-predictor create (image market/market-predictor:3.4.0 as before, so its configuration may be another) (score 0.98: 2 min before, of the service itself, another configuration, touches what the errors name: feature, store)
    7 changes in the last 6 hours, newest first
    11-23 16:20:53 (3 min ago) docker: market-predictor health_status: healthy
    11-23 16:20:43 (3 min ago) docker: market-predictor start
    11-23 16:20:42 (3 min ago) docker: market-predictor create (image market/market-predictor:3.4.0 as before, so its configuration may be another)
    11-23 16:20:41 (3 min ago) docker: market-predictor destroy
    11-23 16:20:41 (3 min ago) docker: market-predictor stop
    11-23 16:20:41 (3 min ago) docker: market-predictor die (exit code 0)
    11-23 16:20:40 (3 min ago) docker: market-predictor kill (signal 15)
    not seen: GitHub: the catalogue names no repository of market-predictor: set `repository` in [services.market-predictor]
    not seen: feature flags that are kept elsewhere than in containers and the repository
    ");
    assert_eq!((&data["explained"], &data["best"]["service"]), (&json!(true), &json!("market-predictor")));
    // Seen from the gateway it is a change of what that needs.
    let (_, data) = ask(&registry, "list_changes", json!({ "service": "gateway", "onset_minutes_ago": 1 })).await;
    assert_eq!((&data["explained"], &data["best"]["place"]), (&json!(true), &json!("dependency")), "{data}");
    // Before the change nothing can have come of it.
    let (text, data) =
        ask(&registry, "list_changes", json!({ "service": "market-predictor", "onset_minutes_ago": 10 })).await;
    assert!(text.starts_with("no change explains this") && data["explained"] == json!(false), "{text}");
}

#[tokio::test]
async fn where_a_container_was_killed_or_hangs_no_change_explains_it() {
    for case in ["container-killed", "hung-but-up"] {
        let world = start(case).await;
        let args = json!({ "service": "market-predictor", "hours_back": 336, "onset_minutes_ago": 0, "symptoms": ["ServiceDown"] });
        let (text, data) = ask(&registry(&world, recorded()), "list_changes", args).await;
        assert!(text.starts_with("no change explains this: the best of "), "{case}: {text}");
        assert_eq!(data["explained"], json!(false), "{case}");
    }
}

#[tokio::test]
async fn what_can_run_full_is_found_in_a_service_s_metrics() {
    let world = start("hung-but-up").await;
    let registry = registry(&world, recorded());
    let (predictor, data) = ask(&registry, "forecast", json!({ "service": "market-predictor" })).await;
    let (node, _) = ask(&registry, "forecast", json!({ "service": "node-exporter" })).await;
    let (gateway, _) = ask(&registry, "forecast", json!({ "service": "gateway" })).await;
    let query =
        json!({ "query": "process_resident_memory_bytes{job=\"feature-store\"}", "capacity": 600e6, "hours_back": 1 });
    let (full, full_data) = ask(&registry, "forecast", query).await;
    insta::assert_snapshot!([predictor, node, gateway, full].join("\n---\n"), @r#"
    none of 1 runs full as things are (by the last 72 hours)
    memory{instance="10.0.3.14:8000", job="market-predictor"}: 391.4 MiB of 1 GiB (38.2 %); no clear trend; -3.52 MiB an hour, fit 0
    ---
    none of 2 runs full as things are (by the last 72 hours)
    disk space{instance="10.0.1.5:9100", job="node-exporter", mountpoint="/"}: 56.99 GiB free; grows too slowly to run full in any time that these samples tell of; +17.85 MiB an hour, fit 1
    host memory{instance="10.0.1.5:9100", job="node-exporter"}: 2.84 GiB free; no clear trend; +28.08 MiB an hour, fit 0.45
    ---
    none of 1 runs full as things are (by the last 72 hours)
    memory{instance="10.0.3.10:8080", job="gateway"}: 85.09 MiB of 512 MiB (16.6 %); no clear trend; +1.61 MiB an hour, fit 0
    ---
    1 of 1 run full (by the last 1 hours)
    what the query gives{instance="10.0.3.21:7400", job="feature-store"}: 679.9 MiB of 572.2 MiB (118.8 %); full now
    "#);
    assert_eq!((&data["fills"], &full_data["soonest_hours"]), (&json!(0), &json!(0.0)));
}

#[tokio::test]
async fn the_error_budget_is_measured_over_all_windows() {
    let world = start("error-rate-after-config-change").await;
    let registry = registry(&world, recorded());
    let (text, data) = ask(&registry, "slo_status", json!({ "service": "market-predictor" })).await;
    insta::assert_snapshot!(text, @"
    market-predictor: objective 99.9 % over 30d; -3152 % of the error budget left, it is used up
    page: over 14.4 for 1h and 5m; over 6 for 6h and 30m; over 3 for 1d and 2h; over 1 for 3d and 6h
    burn rates: 5m 241 (24.1 %), 30m 34.54 (3.454 %), 1h 32.52 (3.252 %), 2h 32.52 (3.252 %), 6h 32.52 (3.252 %), 1d 32.52 (3.252 %), 3d 32.52 (3.252 %), 30d 32.52 (3.252 %)
    the data do not reach back 30d: the budget is that of the data there are
    ");
    assert_eq!((&data["urgency"], &data["covered"]), (&json!("page"), &json!(false)));
    let (text, _) = ask(&registry, "slo_status", json!({ "service": "gateway" })).await;
    assert_eq!(text, "failure: the catalogue has no SLO of gateway: set `objective` in [services.gateway.slo]");
}

#[tokio::test]
async fn without_counters_the_mean_of_the_error_rate_has_to_do() {
    let world = fleet("web", Illness::Misconfigured).await;
    let of = |status: &str| format!("sum(rate(http_requests_total{{job=\"web\"{status}}}[1m]))");
    let service = |error_rate: &str| Service {
        error_rate: Some(error_rate.to_owned()),
        slo: Some(Slo::new(0.99, "1d", None, None).unwrap()),
        ..Service::named("web", Origin::Settings)
    };
    let ill = format!("{} / {}", of(",status=~\"5..\""), of(""));
    let (text, _) = ask(&registry(&world, vec![service(&ill)]), "slo_status", json!({ "service": "web" })).await;
    assert!(text.contains("\npage: over ") && text.contains("measured by the mean of error_rate"), "{text}");
    let quiet = format!("{} * 0 / ({} * 0)", of(""), of(""));
    let (text, data) = ask(&registry(&world, vec![service(&quiet)]), "slo_status", json!({ "service": "web" })).await;
    assert!(text.contains("no traffic: 5m, ") && data["burn"]["5m"] == Value::Null, "{text}");
    let none = "sum(rate(nothing_total[1m]))";
    let (text, data) = ask(&registry(&world, vec![service(none)]), "slo_status", json!({ "service": "web" })).await;
    assert!(text.contains("the error budget is not known") && text.contains("\nno data: 5m, "), "{text}");
    assert_eq!(data["budget_left"], Value::Null);
}

#[tokio::test]
async fn a_system_that_is_down_is_said() {
    let world = start("hung-but-up").await;
    let registry = registry(&world, recorded());
    let forecast = async || ask(&registry, "forecast", json!({ "service": "market-predictor" })).await.0;
    world.break_part(Part::Docker, Fault::Status(500, None));
    let told = forecast().await;
    assert!(told.contains("not seen: memory: Docker could not be reached"), "{told}");
    world.mend_part(Part::Docker);
    world.break_part(Part::Prometheus, Fault::Status(503, None));
    for tool in ["forecast", "slo_status"] {
        let told = ask(&registry, tool, json!({ "service": "market-predictor" })).await.0;
        assert!(told.starts_with("failure: Prometheus could not be reached"), "{tool}: {told}");
    }
    world.break_part(Part::Docker, Fault::Refuse);
    let changes = json!({ "service": "market-predictor", "onset_minutes_ago": 1 });
    let told = ask(&registry, "list_changes", changes).await.0;
    assert!(told.starts_with("failure: Docker could not be reached"), "{told}");
}
