//! Parts that fail on purpose.

use evals::{Fault, Part};

use crate::support::{get, seconds, start, try_get};

const PARTS: [(Part, &str); 4] = [
    (Part::Prometheus, "/-/ready"),
    (Part::Loki, "/loki/api/v1/status/buildinfo"),
    (Part::Docker, "/version"),
    (Part::Alertmanager, "/api/v2/status"),
];

#[tokio::test]
async fn each_part_is_broken_and_mended_by_itself() {
    let world = start("container-killed").await;
    let urls = [world.prometheus_url(), world.loki_url(), world.docker_url(), world.alertmanager_url()];
    let urls: Vec<_> = PARTS.iter().zip(urls).map(|((part, path), url)| (*part, format!("{url}{path}"))).collect();
    for (part, url) in &urls {
        assert_eq!(get(url).await.0, 200, "{part:?}");
        world.break_part(*part, Fault::Refuse);
        let error = try_get(url).await.unwrap_err();
        assert!(!error.is_timeout(), "{part:?}: {error:?}");
        for (_, other) in urls.iter().filter(|(other, _)| other != part) {
            assert_eq!(get(other).await.0, 200, "{part:?}");
        }
        world.break_part(*part, Fault::Status(503, None));
        assert_eq!(get(url).await.0, 503);
        world.mend_part(*part);
        assert_eq!(get(url).await.0, 200, "{part:?}");
    }
    world.shutdown().await;
}

#[tokio::test]
async fn every_fault_looks_as_it_would() {
    let world = start("container-killed").await;
    let url = format!("{}/api/v1/alerts", world.prometheus_url());
    let whole = try_get(&url).await.unwrap().1;
    let broken = |fault| world.break_part(Part::Prometheus, fault);

    broken(Fault::Status(429, Some(7)));
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));

    broken(Fault::Malformed);
    let (status, body) = try_get(&url).await.unwrap();
    assert!(status == 200 && serde_json::from_slice::<serde_json::Value>(&body).is_err());

    broken(Fault::Half);
    let response = reqwest::get(&url).await.unwrap();
    assert_eq!(response.content_length(), Some(whole.len() as u64));
    assert!(response.bytes().await.is_err());

    broken(Fault::Hang);
    assert!(try_get(&url).await.is_err_and(|error| error.is_timeout()));

    broken(Fault::Slow(std::time::Duration::from_millis(20)));
    assert_eq!(try_get(&url).await.unwrap().1, whole);

    broken(Fault::Huge(3_000_000));
    assert_eq!(try_get(&url).await.unwrap().1.len(), 3_000_000);
    world.shutdown().await;
}

#[tokio::test]
async fn a_connection_that_is_kept_open_is_cut_too() {
    let world = start("container-killed").await;
    let url = format!("{}/_ping", world.docker_url());
    let client = reqwest::Client::builder().no_proxy().timeout(seconds(2)).build().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    world.break_part(Part::Docker, Fault::Refuse);
    assert!(client.get(&url).send().await.is_err());
    world.mend_part(Part::Docker);
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    world.shutdown().await;
}

#[tokio::test]
async fn a_world_shuts_down_while_requests_hang() {
    let world = start("hung-but-up").await;
    let url = format!("{}/services/market-predictor/health", world.services_url());
    let request = tokio::spawn(async move { try_get(&url).await });
    tokio::task::yield_now().await;
    world.shutdown().await;
    assert!(request.await.unwrap().is_err());
}
