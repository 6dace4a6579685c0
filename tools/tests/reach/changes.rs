//! `list_changes` on Docker's own answers: labels of a deployment, a Swarm service, containers that are gone.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{Catalogue, ListChanges, Origin, Registry, Service, SharedCatalogue, reach::Docker};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{path, path_regex, query_param},
};

use crate::clock;

fn event(kind: &str, seconds: i64, action: &str, attributes: Value) -> String {
    let at = clock().now().timestamp() - seconds;
    let event = json!({
        "Type": kind,
        "Action": action,
        "Actor": { "ID": "ab12", "Attributes": attributes },
        "time": at,
        "timeNano": at * 1_000_000_000,
    });
    format!("{event}\n")
}

fn container() -> Value {
    json!({
        "Id": "ab12",
        "Name": "/web.1",
        "Created": "2026-11-23T17:00:00Z",
        "State": { "Status": "running", "Running": true, "StartedAt": "2026-11-23T17:30:00Z", "FinishedAt": "0001-01-01T00:00:00Z" },
        "Config": {
            "Image": "shop/web:2",
            "Labels": {
                "devops-agent.previous-image": "shop/web:1",
                "devops-agent.deployed": "2026-11-23T17:29:58Z",
                "com.docker.swarm.service.name": "web",
            },
        },
    })
}

async fn registry(containers: Value, events: String, swarm: ResponseTemplate) -> (Registry, MockServer) {
    let server = MockServer::start().await;
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path("/containers/json")).respond_with(json(containers)).mount(&server).await;
    Mock::given(path_regex("^/containers/ab12/json$")).respond_with(json(container())).mount(&server).await;
    let of_service = r#"{"service":["web"],"type":["service"]}"#;
    let turned = r#"{"type":["service"],"service":["web"]}"#;
    for filters in [of_service, turned] {
        let mock = Mock::given(path("/events")).and(query_param("filters", filters));
        mock.respond_with(swarm.clone()).with_priority(1).mount(&server).await;
    }
    let answer = ResponseTemplate::new(200).set_body_raw(events, "application/json");
    Mock::given(path("/events")).respond_with(answer).mount(&server).await;
    let mut web = Service::named("web", Origin::Containers);
    web.labels.insert("com.docker.swarm.service.name".into(), "web".into());
    let catalogue = SharedCatalogue::new(Catalogue::new([web]));
    let docker = Arc::new(Docker::connect(&server.uri(), Duration::from_secs(2)).unwrap());
    (Registry::new().0.look(ListChanges::new(Some(docker), None, catalogue, clock())), server)
}

async fn read(registry: &Registry) -> (String, Value) {
    let answer = registry.run("list_changes", &json!({ "service": "web", "hours_back": 12 })).await.unwrap();
    (answer.text, answer.data)
}

#[tokio::test]
async fn a_deployment_tells_both_images_and_a_start_is_told_once() {
    let listed = json!([{ "Id": "ab12", "Names": ["/web.1"], "Labels": { "com.docker.swarm.service.name": "web" } }]);
    let name = json!({ "name": "web.1", "image": "shop/web:2" });
    let events = [
        event("container", 900, "create", name.clone()),
        event("container", 898, "exec_start: probe", name.clone()),
        event("container", 500, "health_status: unhealthy", name.clone()),
        event("container", 400, "oom", json!({ "name": "web.\u{202e}1" })),
        event("container", 399, "die", json!({ "name": "web.1", "exitCode": "137" })),
    ]
    .concat();
    let swarm =
        event("service", 901, "update", json!({ "name": "web", "image.new": "shop/web:2", "image.old": "shop/web:1" }));
    let swarm = ResponseTemplate::new(200).set_body_raw(swarm, "application/json");
    let (registry, _server) = registry(listed, events, swarm).await;
    let (text, data) = read(&registry).await;
    insta::assert_snapshot!(text, @"
    7 changes in the last 12 hours, newest first
    11-23 17:31:41 (6 min ago) docker: web.1 die (exit code 137)
    11-23 17:31:40 (6 min ago) docker: web.1 oom
    11-23 17:30:00 (8 min ago) docker: web.1 was started
    11-23 17:30:00 (8 min ago) docker: web.1 health_status: unhealthy
    11-23 17:29:58 (8 min ago) docker: web.1 was deployed with image shop/web:2, before that shop/web:1
    11-23 17:23:20 (15 min ago) docker: web.1 create (image shop/web:2)
    11-23 17:23:19 (15 min ago) docker: web update (image shop/web:1 became shop/web:2)
    not seen: GitHub: the catalogue names no repository of web: set `repository` in [services.web]
    ");
    assert_eq!(data["newest_minutes_ago"], 6);
    assert_eq!(data["newest_deployment_minutes_ago"], 8);
}

#[tokio::test]
async fn what_happened_to_a_container_that_is_gone_is_told_and_what_fails_is_said() {
    let events = event("container", 60, "destroy", json!({ "name": "web.1" }));
    let (registry, _server) = registry(json!([]), events, ResponseTemplate::new(500).set_body_string("no")).await;
    let (text, _) = read(&registry).await;
    insta::assert_snapshot!(text, @r#"
    1 changes in the last 12 hours, newest first
    11-23 17:37:20 (1 min ago) docker: web.1 destroy
    not seen: Docker's events of the Swarm service: Docker could not be reached: answers 500: no
    not seen: Docker's containers: Docker knows no container of web: none has labels {"com.docker.swarm.service.name": "web"}
    not seen: GitHub: the catalogue names no repository of web: set `repository` in [services.web]
    "#);
}
