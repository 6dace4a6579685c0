//! `rank_suspects` over recorded worlds, whole and broken.

use std::{sync::Arc, time::Duration};

use evals::{Fault, Part, World};
use serde_json::{Value, json};
use tools::{
    Catalogue, Origin, RankSuspects, Registry, Service, SharedCatalogue, SharedClock,
    reach::{HttpOptions, Prometheus},
};

use crate::{
    support::{client, start},
    world_clock::WorldClock,
};

/// The services of the recorded worlds, with what they need or without.
fn registry(world: &World, with_graph: bool) -> Registry {
    let service = |name: &str, needs: &[&str]| Service {
        container: Some(name.to_owned()),
        prometheus: Some(format!("{{job=\"{name}\"}}")),
        depends_on: needs.iter().filter(|_| with_graph).map(|name| (*name).to_owned()).collect(),
        ..Service::named(name, Origin::Settings)
    };
    let services = [
        service("market-predictor", &["feature-store"]),
        service("feature-store", &[]),
        service("gateway", &["market-predictor"]),
    ];
    let clock: SharedClock = Arc::new(WorldClock(world.clone()));
    let options = HttpOptions { timeout: Duration::from_secs(60), ..HttpOptions::default() };
    let prometheus = Prometheus::new(client(), &world.prometheus_url(), options, Arc::clone(&clock)).unwrap();
    let catalogue = SharedCatalogue::new(Catalogue::new(services));
    Registry::new().0.look(RankSuspects::new(Some(Arc::new(prometheus)), catalogue, clock))
}

async fn ask(registry: &Registry, args: Value) -> (String, Value) {
    let answered = registry.run("rank_suspects", &args).await;
    answered.map_or_else(|failure| (format!("failure: {failure}"), Value::Null), |answer| (answer.text, answer.data))
}

#[tokio::test]
async fn the_service_that_is_ill_comes_first_and_not_those_around_it() {
    let mut told = Vec::new();
    for case in ["container-killed", "error-rate-after-config-change", "hung-but-up"] {
        let world = start(case).await;
        for asked in ["market-predictor", "gateway"] {
            let (text, data) = ask(&registry(&world, true), json!({ "service": asked })).await;
            assert_eq!((&data["found"], &data["top"]["service"]), (&json!(true), &json!("market-predictor")), "{text}");
            // Four letters are about a token.
            assert!(text.len() < 1_600, "{}: {text}", text.len());
            if asked == "market-predictor" {
                told.push(text);
            }
        }
    }
    insta::assert_snapshot!(told.join("\n---\n"), @"
    most suspicious: market-predictor (score 3.88, 1 metric, since 14:03:20)
    market-predictor up 1 → 0 (67 sigma), since 14:03:20
    1 of 25 metrics of 3 services stand out (by 3.8 sigma or more from 12:49 to 13:49 UTC)
    ---
    most suspicious: market-predictor (score 4, 2 metrics, since 16:21:20), explains gateway
    then gateway (score 0.0759, 1 metric, since 16:21:20), explained by market-predictor
    market-predictor feature_fetch_errors_total{reason=timeout} 0.025 → 4.95 (65 sigma), since 16:21:50
    market-predictor http_requests_total{path=/predict,status=500} 0.0333 → 4.5, 4.87 at its worst (65 sigma), since 16:21:20
    gateway gateway_upstream_requests_total{status=500,upstream=market-predictor} 0.05 → 4.37, 4.55 at its worst (31 sigma), since 16:21:20
    3 of 25 metrics of 3 services stand out (by 3.8 sigma or more from 15:09 to 16:09 UTC)
    ---
    most suspicious: market-predictor (score 3.39, 4 metrics, since 09:41:35), explains gateway
    then feature-store (score 0.422, 3 metrics, since 09:42:05)
    then gateway (score 0.103, 2 metrics, since 09:42:05), explained by market-predictor
    market-predictor http_requests_in_flight 1 → 64 (32.2 sigma), since 09:41:35
    gateway gateway_upstream_requests_total{status=504,upstream=market-predictor} 0 → 4.1, 4.4 at its worst (32 sigma), since 09:42:05
    feature-store process_cpu_seconds_total 0.0607 → 0.00467 (24.2 sigma), since 09:42:05
    feature-store feature_read_duration_seconds_count 55.1 → 4.5 (21 sigma), since 09:42:05
    feature-store features_read_total 55.1 → 4.5 (21 sigma), since 09:42:05
    market-predictor http_request_duration_seconds_count 18.6 → 0 (12.9 sigma), since 09:41:35
    market-predictor http_requests_total{path=/predict,status=200} 18.5 → 0 (12.5 sigma), since 09:41:35
    market-predictor process_cpu_seconds_total 0.124 → 0.004 (10.3 sigma), since 09:41:35
    9 of 25 metrics of 3 services stand out (by 3.8 sigma or more from 08:28 to 09:28 UTC)
    ");
}

#[tokio::test]
async fn a_service_without_known_calls_is_ranked_alone() {
    let world = start("hung-but-up").await;
    let (text, data) = ask(&registry(&world, false), json!({ "service": "market-predictor" })).await;
    assert_eq!((&data["with_graph"], &data["top"]["service"]), (&json!(false), &json!("market-predictor")), "{text}");
    assert!(text.contains("who calls whom is not known"), "{text}");
}

#[tokio::test]
async fn a_prometheus_that_is_down_is_said() {
    let world = start("hung-but-up").await;
    let registry = registry(&world, true);
    world.break_part(Part::Prometheus, Fault::Status(503, None));
    let (text, _) = ask(&registry, json!({ "service": "market-predictor" })).await;
    assert!(text.starts_with("failure: Prometheus could not be reached"), "{text}");
}
