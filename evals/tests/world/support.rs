//! Starting worlds and asking them.

use std::time::Duration;

use bollard::Docker;
use evals::{Case, Illness, Synthetic, World};
use serde_json::Value;

pub(crate) async fn start(name: &str) -> World {
    World::start(Case::from_embedded(name).unwrap()).await.unwrap()
}

pub(crate) fn client() -> reqwest::Client {
    // Several tests may come here first; the one provider serves all.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(1500)).build().unwrap()
}

/// Status and body; text that is no JSON as a string.
pub(crate) async fn get(url: &str) -> (u16, Value) {
    let response = client().get(url).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The same for what a busy machine may take long to answer.
pub(crate) async fn get_patiently(url: &str) -> Value {
    let response = client().get(url).timeout(Duration::from_secs(20)).send().await.unwrap();
    response.json().await.unwrap()
}

/// The answer, or why there is none.
pub(crate) async fn try_get(url: &str) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let response = client().get(url).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

pub(crate) async fn post(url: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let response = client().post(url).form(form).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) async fn prometheus(world: &World, path: &str) -> Value {
    let (status, body) = get(&format!("{}{path}", world.prometheus_url())).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// The values of an instant query, by the given label.
pub(crate) async fn values(world: &World, query: &str, label: &str) -> Vec<(String, String)> {
    let (_, body) = post(&format!("{}/api/v1/query", world.prometheus_url()), &[("query", query)]).await;
    let series = body["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {body}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut values: Vec<_> = series.iter().map(|one| (text(&one["metric"][label]), text(&one["value"][1]))).collect();
    values.sort();
    values
}

/// The value of a query that gives one series.
pub(crate) async fn value(world: &World, query: &str) -> f64 {
    let values = values(world, query, "job").await;
    assert_eq!(values.len(), 1, "{query}: {values:?}");
    values[0].1.parse().unwrap()
}

/// Names and states of the alerts at the virtual now.
pub(crate) async fn alerts(world: &World) -> Vec<(String, String)> {
    let body = get_patiently(&format!("{}/api/v1/alerts", world.prometheus_url())).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let alerts = body["data"]["alerts"].as_array().unwrap();
    alerts.iter().map(|alert| (text(&alert["labels"]["alertname"]), text(&alert["state"]))).collect()
}

pub(crate) fn firing(name: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), "firing".to_owned())]
}

pub(crate) fn docker(world: &World) -> Docker {
    Docker::connect_with_http(&world.docker_url(), 5, bollard::API_DEFAULT_VERSION).unwrap()
}

pub(crate) async fn restart(world: &World, container: &str) {
    docker(world)
        .restart_container(container, None::<bollard::query_parameters::RestartContainerOptions>)
        .await
        .unwrap();
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A world that nobody recorded.
pub(crate) async fn fleet(ill: &str, illness: Illness) -> World {
    World::start(Case::synthetic(&Synthetic::fleet(ill, illness)).unwrap()).await.unwrap()
}

/// Status and answer of any request.
pub(crate) async fn send(method: &str, url: &str, body: Option<&Value>) -> (u16, Value) {
    let request = client().request(method.parse().unwrap(), url);
    let request = match body {
        Some(body) => request.header("Content-Type", "application/json").body(body.to_string()),
        None => request,
    };
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Names, of those containers of a service that run.
pub(crate) fn running(world: &World, service: &str) -> Vec<String> {
    let containers = world.containers().into_iter();
    containers.filter(|one| one.running && one.service == service).map(|one| one.name).collect()
}
