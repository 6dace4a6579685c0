//! What Docker refuses, in the words of a real engine (20.10.24, API 1.41): `fixtures/real_docker_refusals.json` holds what it
//! said, with the names of this world in place of those on the engine.

use evals::Illness;
use serde_json::{Value, json};

use crate::support::{fleet, get, send};

#[tokio::test]
async fn what_is_refused_is_refused_as_by_the_real_engine() {
    let world = fleet("web", Illness::Misconfigured).await;
    let url = world.docker_url();
    let body = json!({ "Image": "shop/web:1.4.0", "HostConfig": { "NetworkMode": "shop_default" } });
    let (status, idle) = send("POST", &format!("{url}/containers/create?name=idle"), Some(&body)).await;
    assert_eq!((status, &idle["Warnings"]), (201, &json!([])));
    let (_, running) = get(&format!("{url}/containers/web-1/json")).await;
    let (_, service) = get(&format!("{url}/services/search")).await;
    let (spec, version) = (service["Spec"].to_string(), service["Version"]["Index"].to_string());
    let names = [
        ("\"{spec}\"", spec.as_str()),
        ("{running}", "web-1"),
        ("{idle}", "idle"),
        ("{idle-id}", idle["Id"].as_str().unwrap()),
        ("{id}", running["Id"].as_str().unwrap()),
        ("{network}", "shop_default"),
        ("{service}", "search"),
        ("{service-id}", service["ID"].as_str().unwrap()),
        ("{version}", version.as_str()),
        ("{cpus}", "4"),
    ];
    let filled = |text: &str| names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let recorded: Vec<Value> = serde_json::from_str(include_str!("fixtures/real_docker_refusals.json")).unwrap();
    let before = (world.changes().len(), world.containers());
    let mut wrong = Vec::new();
    for one in &recorded {
        let path = filled(one["path"].as_str().unwrap());
        let body = Some(&one["body"]).filter(|body| !body.is_null()).map(|body| filled(&body.to_string()));
        let body: Option<Value> = body.map(|body| serde_json::from_str(&body).unwrap());
        let method = one["method"].as_str().unwrap();
        let (status, answer) = send(method, &format!("{url}{path}"), body.as_ref()).await;
        let message = one["message"].as_str().map(&filled);
        let told = answer["message"].as_str().map(str::to_owned);
        if one["status"] != status || message != told {
            wrong.push(format!("{method} {path}\n  real   {} {message:?}\n  double {status} {answer}", one["status"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), recorded.len(), wrong.join("\n"));
    assert_eq!((world.changes().len(), world.containers()), before, "nothing that was refused was done");
    world.shutdown().await;
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let world = fleet("web", Illness::Misconfigured).await;
    let url = world.docker_url();
    let client = crate::support::client();
    for (path, body) in [
        ("containers/create?name=bb", "{bad"),
        ("containers/create?name=bb", "[1]"),
        ("containers/web-1/update", "\"x\""),
        ("networks/shop_default/connect", "{"),
        ("services/search/update?version=40", "null"),
    ] {
        let response = client.post(format!("{url}/{path}")).body(body).send().await.unwrap();
        assert_eq!(response.status(), 500, "{path}");
    }
    assert_eq!(send("PUT", &format!("{url}/containers/web-1/start"), None).await.0, 404);
    assert_eq!(send("POST", &format!("{url}/containers/web-1/dance"), None).await.0, 404);
    assert_eq!(send("POST", &format!("{url}/containers/web-1/stop?t=soon"), None).await.0, 400);
    assert_eq!(world.changes(), []);
    world.shutdown().await;
}
