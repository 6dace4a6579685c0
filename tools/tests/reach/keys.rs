//! A private key in a log, one line after another: no line of it comes through.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{
    Answer, Catalogue, Origin, ReadContainerLogs, Registry, SearchLoki, Service, SharedCatalogue,
    reach::{Docker, Loki},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use crate::{catalogue, client, clock, options};

const LOG: [&str; 6] = [
    "reading the key",
    "-----BEGIN PRIVATE KEY-----",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "-----END PRIVATE KEY-----",
    "ready",
];

fn nothing_of_the_key_is_told(answer: &Answer) {
    let raw = answer.raw.to_string();
    for told in [&answer.text, &answer.data.to_string(), &raw] {
        assert!(!told.contains("MII") && !told.contains("BKcw") && !told.contains("PRIVATE KEY"), "{told}");
        assert!(told.contains("reading the key") && told.contains("[masked]") && told.contains("ready"), "{told}");
    }
}

async fn docker() -> MockServer {
    let server = MockServer::start().await;
    let labels = json!({"devops-agent.service": "web"});
    let list = json!([{"Id": "c1", "Names": ["/web-1"], "Labels": labels}]);
    let container = json!({"Id": "c1", "Name": "/web-1", "Config": {"Labels": labels}, "State": {"Running": true}});
    for (at, answer) in [("/containers/json", list), ("/containers/c1/json", container)] {
        Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
    }
    let frame = |stream: u8, second: usize, text: &str| {
        let line = format!("2026-11-23T17:00:{second:02}.000000000Z {text}\n");
        [&[stream, 0, 0, 0][..], &u32::try_from(line.len()).unwrap().to_be_bytes(), line.as_bytes()].concat()
    };
    // Another stream writes between the lines of the key.
    let log = LOG.iter().enumerate().flat_map(|(at, line)| [frame(2, at, line), frame(1, at, "GET /health 200")]);
    let body = log.collect::<Vec<_>>().concat();
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/vnd.docker.multiplexed-stream");
    Mock::given(path("/containers/c1/logs")).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn of_a_container() {
    let server = docker().await;
    let web = Service {
        labels: BTreeMap::from([("devops-agent.service".to_owned(), "web".to_owned())]),
        ..Service::named("web", Origin::Settings)
    };
    let engine = Some(Arc::new(Docker::connect(&server.uri(), Duration::from_secs(1)).unwrap()));
    let tool = ReadContainerLogs::new(engine, SharedCatalogue::new(Catalogue::new([web])), clock());
    let registry = Registry::new().0.look(tool);
    let answer = registry.run("read_container_logs", &json!({"service": "web"})).await.unwrap();
    nothing_of_the_key_is_told(&answer);
    assert!(answer.text.contains("! ready"), "{}", answer.text);
    let wanted = json!({"service": "web", "containing": "BKcw"});
    let answer = registry.run("read_container_logs", &wanted).await.unwrap();
    assert_eq!((&answer.data["matched"], &answer.raw), (&json!(0), &json!([])));
}

#[tokio::test]
async fn of_loki() {
    let server = MockServer::start().await;
    let start = 1_795_455_000_000_000_000_u64;
    let stream = |container: &str, lines: &[&str]| {
        let value = |(at, line): (usize, &&str)| json!([(start + at as u64).to_string(), line]);
        let values: Vec<_> = lines.iter().enumerate().map(value).rev().collect();
        json!({"stream": {"container": container}, "values": values})
    };
    let result: [Value; 2] = [stream("web", &LOG), stream("proxy", &["GET /health 200"; 6])];
    let answer = json!({"status": "success", "data": {"resultType": "streams", "result": result}});
    Mock::given(path("/loki/api/v1/query_range"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let loki = Loki::new(client(), &server.uri(), options(), clock()).unwrap();
    let registry = Registry::new().0.look(SearchLoki::new(Some(Arc::new(loki)), catalogue(), clock()));
    nothing_of_the_key_is_told(&registry.run("search_loki", &json!({"service": "payments"})).await.unwrap());
}
