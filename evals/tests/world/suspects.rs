//! `rank_suspects` over recorded worlds, whole and broken.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use evals::{Fault, Part, World};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tools::{
    Catalogue, Clock, Origin, RankSuspects, Registry, Service, SharedCatalogue, SharedClock,
    reach::{HttpOptions, Prometheus},
};

use crate::support::{client, start};

/// The world's clock.
struct WorldClock(World);

impl Clock for WorldClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

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
    let options = HttpOptions { timeout: Duration::from_secs(5), ..HttpOptions::default() };
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
    insta::assert_snapshot!(told.join("\n---\n"), @"");
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
