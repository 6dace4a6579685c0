//! The same over the logs of containers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tools::{Catalogue, Failure, LogPatterns, Origin, Registry, Service, SharedCatalogue, reach::Docker};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::path_regex};

use super::{SECOND, every, server, told};
use crate::{clock, half};

/// A log as frames, each a stream, a length and a line, of which Docker gives the last `tail`.
pub(super) struct Frames(Vec<Vec<u8>>);

impl Respond for Frames {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let parameters: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let tail: usize = parameters["tail"].parse().unwrap();
        let body = self.0[self.0.len().saturating_sub(tail)..].concat();
        ResponseTemplate::new(200).set_body_raw(body, "application/vnd.docker.multiplexed-stream")
    }
}

pub(super) fn frames(lines: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Frames {
    let frame = |(seconds_ago, line): (i64, Vec<u8>)| {
        let at = clock().now() - chrono::TimeDelta::seconds(seconds_ago);
        let mut text = format!("{} ", at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)).into_bytes();
        text.extend(line);
        text.push(b'\n');
        [&[1, 0, 0, 0], &(text.len() as u32).to_be_bytes()[..], &text].concat()
    };
    Frames(lines.into_iter().map(frame).collect())
}

/// One line each `step` seconds, as [`every`], oldest first.
pub(super) fn steady(step: i64, from: i64, to: i64, line: impl Fn(i64) -> String) -> Vec<(i64, Vec<u8>)> {
    every(step, from, to, line).into_iter().rev().map(|(at, line)| (at / SECOND, line.into_bytes())).collect()
}

/// A Docker whose containers of one service have these logs.
pub(super) async fn docker(logs: Vec<Box<dyn Respond>>) -> (Registry, MockServer) {
    made(1_000_000, logs).await
}

/// The same, with containers that were made so many seconds ago.
async fn made(seconds_ago: i64, logs: Vec<Box<dyn Respond>>) -> (Registry, MockServer) {
    let created = (clock().now() - chrono::TimeDelta::seconds(seconds_ago)).to_rfc3339();
    let server = MockServer::start().await;
    let labels = json!({ "devops-agent.service": "web" });
    let listed: Vec<_> = (0..logs.len())
        .map(|at| json!({ "Id": format!("ab{at}"), "Names": [format!("/web-{at}")], "Labels": labels }))
        .collect();
    for (at, log) in logs.into_iter().enumerate() {
        let shown = json!({ "Id": format!("ab{at}"), "Name": format!("/web-{at}"), "Created": created, "Config": { "Labels": labels }, "State": {} });
        Mock::given(path_regex(format!("/containers/ab{at}/json$")))
            .respond_with(ResponseTemplate::new(200).set_body_json(shown))
            .mount(&server)
            .await;
        Mock::given(path_regex(format!("/containers/ab{at}/logs$"))).respond_with(Boxed(log)).mount(&server).await;
    }
    let ok = ResponseTemplate::new(200).set_body_json(listed);
    Mock::given(path_regex("/containers/json$")).respond_with(ok).mount(&server).await;
    (by_docker(&server.uri()), server)
}

struct Boxed(Box<dyn Respond>);

impl Respond for Boxed {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.respond(request)
    }
}

fn by_docker(url: &str) -> Registry {
    let labels = BTreeMap::from([("devops-agent.service".to_owned(), "web".to_owned())]);
    let web = Service { labels, ..Service::named("web", Origin::Settings) };
    let docker = Arc::new(Docker::connect(url, Duration::from_secs(2)).unwrap());
    let catalogue = SharedCatalogue::new(Catalogue::new([web]));
    Registry::new().0.look(LogPatterns::new(None, Some(docker), catalogue, clock()))
}

#[tokio::test]
async fn of_a_container_that_writes_too_much_the_newest_lines_are_read() {
    let wide = "y".repeat(2_000);
    let mut log = steady(1, 4_499, 900, |at| format!("INFO served {at} {wide}"));
    log.extend(steady(1, 30, 0, |at| format!("ERROR no route to 10.0.0.{at}")));
    let (registry, _server) = docker(vec![Box::new(frames(log))]).await;
    let (text, data) = told(&registry, json!({ "service": "web" })).await;
    assert_eq!((&data["lines"], &data["new_errors"]), (&json!(30), &json!(1)), "{text}");
    assert!(text.contains("older lines than") && text.contains("no route to"), "{text}");
}

#[tokio::test]
async fn a_container_that_was_made_of_late_does_not_say_everything_more_often() {
    let log = steady(1, 1_200, 0, |at| format!("INFO served {at}"));
    let (registry, _server) = made(1_200, vec![Box::new(frames(log))]).await;
    let (text, data) = told(&registry, json!({ "service": "web" })).await;
    assert_eq!((&data["found"], &data["more"]), (&json!(false), &json!(0)), "{text}");
    assert!(text.contains("its containers were made at 17:18:20"), "{text}");
}

#[tokio::test]
async fn of_many_containers_one_that_writes_far_too_much_is_asked_for_less_and_the_others_are_measured_alike() {
    let wide = "y".repeat(4_000);
    let mut chatty: Vec<_> = (0..3_600).rev().map(|at| (at, format!("INFO served {at} {wide}").into_bytes())).collect();
    chatty.push((0, b"ERROR no route to 10.0.0.7".to_vec()));
    let mut logs: Vec<Box<dyn Respond>> = vec![Box::new(frames(chatty))];
    for _ in 1..40 {
        logs.push(Box::new(frames(steady(60, 4_500, 0, |at| format!("INFO still here after {at} s")))));
    }
    let (registry, server) = docker(logs).await;
    let (text, data) = told(&registry, json!({ "service": "web", "minutes_back": 1 })).await;
    assert_eq!((&data["new_errors"], &data["vanished"], &data["less"]), (&json!(1), &json!(0), &json!(0)), "{text}");
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.iter().filter(|request| request.url.path().ends_with("/containers/ab0/logs")).count(), 2);
}

#[tokio::test]
async fn a_million_lines_at_once_are_bounded_whatever_was_asked_for() {
    let line = frames([(30, b"INFO served".to_vec())]).0.concat();
    let all =
        ResponseTemplate::new(200).set_body_raw(line.repeat(1_000_000), "application/vnd.docker.multiplexed-stream");
    let (registry, _server) = docker(vec![Box::new(all)]).await;
    let (text, data) = told(&registry, json!({ "service": "web" })).await;
    assert!((20_000..=60_000).contains(&data["lines"].as_u64().unwrap()), "{data}");
    assert!(text.contains("older lines than"), "{text}");
}

/// A Docker that hangs up in the middle of a log.
async fn half_a_log() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = frames(steady(1, 60, 0, |at| format!("INFO served {at}"))).0.concat();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let path = String::from_utf8_lossy(&request[..read]).into_owned();
            let (body, more) = if path.contains("/logs?") {
                (log.clone(), 1_000)
            } else if path.contains("/containers/json") {
                let listed = r#"[{"Id": "ab0", "Labels": {"devops-agent.service": "web"}, "Names": ["/web"]}]"#;
                (listed.into(), 0)
            } else {
                (br#"{"Id": "ab0", "Name": "/web", "State": {}, "Config": {}}"#.to_vec(), 0)
            };
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len() + more);
            let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
        }
    });
    url
}

#[tokio::test]
async fn a_docker_that_fails_is_told_and_never_taken_for_silence() {
    let answers: Vec<(&str, Box<dyn Respond>)> = vec![
        ("500", Box::new(ResponseTemplate::new(500).set_body_string("{\"message\":\"boom token=hunter2hunter2\"}"))),
        ("429", Box::new(ResponseTemplate::new(429).set_body_string("slow down"))),
        ("slow", Box::new(ResponseTemplate::new(200).set_delay(Duration::from_secs(20)))),
    ];
    for (name, answer) in answers {
        let (registry, _server) = docker(vec![answer]).await;
        let failure = registry.run("log_patterns", &json!({ "service": "web" })).await.unwrap_err();
        let text = failure.to_string();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{name}: {text}");
        assert!(!text.contains("hunter2") && text.len() < 500, "{name}: {text}");
    }
    let malformed = server(ResponseTemplate::new(200).set_body_string("<html>")).await;
    for url in ["http://127.0.0.1:9".to_owned(), half().await, half_a_log().await, malformed.uri()] {
        let failure = by_docker(&url).run("log_patterns", &json!({ "service": "web" })).await.unwrap_err();
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure}");
    }
}
