//! Who calls whom, read from the connections that real containers have open.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{
    Catalogue, Origin, RankSuspects, Registry, Service, SharedCatalogue, SystemClock,
    reach::{Docker, HttpOptions, Prometheus},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, path_regex},
};

use crate::bench::{docker, host, images, tried};

const NETWORK: &str = "connections";

struct Called;

impl Called {
    /// `caller` asks `called` all the time.
    fn start() -> Self {
        Self::clear();
        docker(&["network", "create", NETWORK]);
        let run = ["run", "--detach", "--network", NETWORK, "--name"];
        let called = ["called", "--env", "LISTEN=0.0.0.0", "market-predictor:1"];
        let caller = ["caller", "market-predictor:1", "load", "called:8000", "60", "1"];
        docker(&[&run[..], &called[..]].concat());
        docker(&[&run[..], &caller[..]].concat());
        Self
    }

    fn clear() {
        let _ = tried(&["rm", "--force", "caller", "called"]);
        let _ = tried(&["network", "rm", NETWORK]);
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        Self::clear();
    }
}

async fn ranked(server: &MockServer, proc: &str) -> Value {
    let service = |name: &str| Service {
        container: Some(name.to_owned()),
        prometheus: Some(format!("{{job=\"{name}\"}}")),
        ..Service::named(name, Origin::Settings)
    };
    let catalogue = SharedCatalogue::new(Catalogue::new([service("caller"), service("called"), service("gone")]));
    let clock = Arc::new(SystemClock);
    let prometheus =
        Prometheus::new(reqwest::Client::new(), &server.uri(), HttpOptions::default(), Arc::clone(&clock) as _)
            .unwrap();
    let docker = Arc::new(Docker::connect(&host(), Duration::from_secs(20)).unwrap());
    let suspects =
        RankSuspects::new(Some(Arc::new(prometheus)), catalogue, clock).by_connections(docker, PathBuf::from(proc));
    Registry::new().0.look(suspects).run("rank_suspects", &json!({ "service": "caller" })).await.unwrap().data
}

#[tokio::test]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn a_container_that_asks_another_one_is_seen_to_call_it() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    images();
    let _called = Called::start();
    let server = MockServer::start().await;
    let no_values = json!({ "status": "success", "data": { "resultType": "matrix", "result": [] } });
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path_regex("/query")).respond_with(answer(no_values)).mount(&server).await;
    Mock::given(any()).respond_with(answer(json!({ "status": "success", "data": [] }))).mount(&server).await;
    // The caller may not have begun yet.
    let mut told = Value::Null;
    for _ in 0..100 {
        told = ranked(&server, "/proc").await;
        if told["of_services"] == 2 {
            break;
        }
    }
    assert_eq!((&told["of_services"], &told["with_graph"]), (&json!(2), &json!(true)), "{told}");
    let elsewhere = ranked(&server, "/nowhere").await;
    assert_eq!((&elsewhere["of_services"], &elsewhere["with_graph"]), (&json!(1), &json!(false)), "{elsewhere}");
}
