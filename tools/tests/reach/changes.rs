//! `list_changes` on Docker's own answers: labels of a deployment, a Swarm service, containers that are gone.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{
    Catalogue, ListChanges, Origin, Registry, Service, SharedCatalogue,
    reach::{Docker, GitHub},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{path, path_regex, query_param},
};

use crate::{client, clock};

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
    // A Swarm is asked by a client that wants a provider of cryptography, as the program installs one.
    drop(client());
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

/// GitHub with one commit that touches a time-out and one that touches words, and what it says of their files.
async fn with_github(files: ResponseTemplate) -> (Registry, [MockServer; 2]) {
    let github = MockServer::start().await;
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let at = |minutes: i64| (clock().now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let commit = |sha: &str, minutes: i64, message: &str| json!({ "sha": sha, "commit": { "message": message, "committer": { "date": at(minutes) } } });
    let commits = json!([commit("aaaaaaaa1", 300, "Tidy up"), commit("bbbbbbbb2", 400, "Tune the reads")]);
    let words = json!({ "files": [{ "filename": "README.md", "patch": "@@\n-Some words\n+Other words" }] });
    for (route, answer) in [
        ("/repos/shop/web", json(json!({ "full_name": "shop/web", "default_branch": "main" }))),
        ("/repos/shop/web/commits", json(commits)),
        ("/repos/shop/web/commits/aaaaaaaa1", json(words)),
        ("/repos/shop/web/commits/bbbbbbbb2", files),
        ("/repos/shop/web/pulls", json(json!([]))),
        ("/repos/shop/web/actions/runs", json(json!({ "workflow_runs": [] }))),
    ] {
        Mock::given(path(route)).respond_with(answer).mount(&github).await;
    }
    let docker = MockServer::start().await;
    Mock::given(path("/containers/json")).respond_with(json(json!([]))).mount(&docker).await;
    Mock::given(path("/events")).respond_with(ResponseTemplate::new(200)).mount(&docker).await;
    let web = Service {
        container: Some("web".into()),
        repository: Some("shop/web".into()),
        ..Service::named("web", Origin::Settings)
    };
    let (client, patience) = (Docker::connect(&docker.uri(), Duration::from_secs(2)).unwrap(), Duration::from_secs(2));
    let known = GitHub::new(&github.uri(), Some("t0ken".to_owned().into()), patience, clock()).unwrap();
    let catalogue = SharedCatalogue::new(Catalogue::new([web]));
    let tool = ListChanges::new(Some(Arc::new(client)), Some(Arc::new(known)), catalogue, clock());
    (Registry::new().0.look(tool), [github, docker])
}

#[tokio::test]
async fn of_an_alert_that_has_fired_for_days_the_time_before_it_is_looked_at() {
    let (registry, _servers) = with_github(ResponseTemplate::new(404)).await;
    let asked = async |minutes: u32| {
        let args = json!({ "service": "web", "onset_minutes_ago": minutes, "hours_back": 1 });
        registry.run("list_changes", &args).await.unwrap().text
    };
    let told = asked(390).await;
    assert!(told.contains("best explained by commit bbbbbbb") && told.contains("in the last 7 hours"), "{told}");
    let told = asked(30 * 24 * 60).await;
    assert!(told.contains("not seen: what changed before it began, over 336 hours ago"), "{told}");
}

fn symptoms() -> Value {
    let said = ["FeatureStoreTimeout: read timed out", "reads of the feature store exceed read_timeout"];
    json!({ "service": "web", "onset_minutes_ago": 5, "symptoms": said })
}

#[tokio::test]
async fn the_commit_whose_diff_speaks_as_the_errors_do_explains_them() {
    let patch = json!({ "files": [{ "filename": "deploy/web.env", "patch": "@@ -1 +1 @@\n-FEATURE_STORE_TIMEOUT=400\n+FEATURE_STORE_TIMEOUT=40" }] });
    let (registry, _servers) = with_github(ResponseTemplate::new(200).set_body_json(patch)).await;
    let answer = registry.run("list_changes", &symptoms()).await.unwrap();
    insta::assert_snapshot!(answer.text, @r#"
    best explained by commit bbbbbbb on main: Tune the reads (touches deploy/web.env) (score 0.45: 395 min before, of the service itself, code, touches what the errors name: feature_store_timeout, reads)
    2 changes in the last 24 hours, newest first
    11-23 12:38:20 (300 min ago) github: commit aaaaaaa on main: Tidy up (touches README.md)
    11-23 10:58:20 (400 min ago) github: commit bbbbbbb on main: Tune the reads (touches deploy/web.env)
    not seen: Docker's containers: Docker knows no container of web: none has the name "web"
    not seen: feature flags that are kept elsewhere than in containers and the repository
    "#);
    assert_eq!(answer.data["best"]["what"], "commit bbbbbbb on main: Tune the reads (touches deploy/web.env)");
    assert_eq!(answer.data["others"], json!([]));
}

#[tokio::test]
async fn files_that_github_does_not_tell_are_said_and_the_commit_stays_on_the_line() {
    let huge = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 9 << 20]);
    for (answer, told) in [
        (ResponseTemplate::new(500), "could not be reached: answers 500"),
        (ResponseTemplate::new(429).insert_header("retry-after", "7"), "could not be reached: answers 429"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "what is not the JSON expected"),
        (huge, "is larger than"),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(9)), "no answer within 2000 ms"),
    ] {
        let (registry, _servers) = with_github(answer).await;
        let answer = registry.run("list_changes", &symptoms()).await.unwrap();
        assert!(answer.text.contains("not seen: GitHub's files of commits (1 of 2): "), "{}", answer.text);
        assert!(answer.text.contains(told) && answer.text.contains("commit bbbbbbb on main"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_deployment_kept_shows_what_it_changed() {
    let server = MockServer::start().await;
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let made = |id: &str, name: &str, minutes: i64, env: &[&str], labels: Value| {
        json!({
            "Id": id, "Name": format!("/{name}"), "Created": (clock().now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339(), "Image": "sha256:1",
            "State": { "Status": "running", "Running": true }, "Config": { "Image": "shop/web:1", "Env": env, "Labels": labels },
        })
    };
    let (old, new) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
    let kept = made(old, "web.before-aaaaaaaaaaaa", 600, &["POOL_SIZE=50", "API_TOKEN=one"], json!({}));
    let serving = made(new, "web", 9, &["POOL_SIZE=5", "API_TOKEN=two"], json!({ "devops-agent.replaces": old }));
    let listed = json!([
        { "Id": old, "Names": ["/web.before-aaaaaaaaaaaa"] },
        { "Id": new, "Names": ["/web"], "Labels": { "devops-agent.replaces": old } },
    ]);
    for (route, answer) in [
        ("/containers/json".to_owned(), json(listed)),
        (format!("/containers/{old}/json"), json(kept)),
        (format!("/containers/{new}/json"), json(serving)),
        ("/events".to_owned(), ResponseTemplate::new(200)),
    ] {
        Mock::given(path(route)).respond_with(answer).mount(&server).await;
    }
    let web = Service { container: Some("web".into()), ..Service::named("web", Origin::Settings) };
    let docker = Arc::new(Docker::connect(&server.uri(), Duration::from_secs(2)).unwrap());
    let catalogue = SharedCatalogue::new(Catalogue::new([web]));
    let registry = Registry::new().0.look(ListChanges::new(Some(docker), None, catalogue, clock()));
    let args = json!({ "service": "web", "onset_minutes_ago": 5, "symptoms": ["pool size exceeded"] });
    let answer = registry.run("list_changes", &args).await.unwrap();
    insta::assert_snapshot!(answer.text, @"
    best explained by web differs from web.before-aaaaaaaaaaaa: API_TOKEN changed; POOL_SIZE 50 became 5 (score 0.96: 4 min before, of the service itself, another configuration, touches what the errors name: pool, size)
    2 changes in the last 24 hours, newest first
    11-23 17:29:20 (9 min ago) docker: web was made with image shop/web:1
    11-23 17:29:20 (9 min ago) docker: web differs from web.before-aaaaaaaaaaaa: API_TOKEN changed; POOL_SIZE 50 became 5
    not seen: GitHub: the catalogue names no repository of web: set `repository` in [services.web]
    not seen: feature flags that are kept elsewhere than in containers and the repository
    ");
    assert!(!answer.text.contains("one") && !answer.data.to_string().contains("two"), "{}", answer.data);
}
