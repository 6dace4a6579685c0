use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpListener};
use tools::{
    Failure, System,
    reach::{Alertmanager, Loki, Prometheus},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{client, clock, options};

/// What each client says to one and the same answer.
async fn told(url: &str) -> Vec<Failure> {
    let prometheus = Prometheus::new(client(), url, options(), clock()).unwrap();
    let loki = Loki::new(client(), url, options(), clock()).unwrap();
    let alertmanager = Alertmanager::new(client(), url, options(), clock()).unwrap();
    let now = clock().now();
    vec![
        prometheus.query("up", now).await.unwrap_err(),
        loki.query_range("{a=\"b\"}", now, now, 10, 1).await.unwrap_err(),
        alertmanager.alerts().await.unwrap_err(),
    ]
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A server that writes these bytes and hangs up.
async fn raw(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(bytes).await;
        }
    });
    url
}

fn unreachable(failure: &Failure) -> (&System, &str, Option<Duration>) {
    match failure {
        Failure::Unreachable { system, why, retry_after } => (system, why, *retry_after),
        Failure::Tell(text) => panic!("told: {text}"),
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_with_the_system_and_without_credentials() {
    let limited =
        |value: &str| ResponseTemplate::new(429).insert_header("retry-after", value).set_body_string("slow down");
    let date = "Tue, 24 Nov 2026 13:38:50 GMT";
    let servers = [
        ("500", server(ResponseTemplate::new(500).set_body_string("boom \u{1b}[31mred")).await),
        ("401", server(ResponseTemplate::new(401).set_body_string("no")).await),
        ("429 in seconds", server(limited("7")).await),
        ("429 until a date", server(limited(date)).await),
        ("redirect", server(ResponseTemplate::new(302).insert_header("location", "http://elsewhere/")).await),
        ("malformed", server(ResponseTemplate::new(200).set_body_string("<html>")).await),
        ("another form", server(ResponseTemplate::new(200).set_body_string("{\"status\":\"success\"}")).await),
        ("slow", server(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await),
    ];
    let mut lines = Vec::new();
    for (name, server) in &servers {
        for failure in told(&server.uri()).await {
            let (system, why, retry_after) = unreachable(&failure);
            lines.push(format!("{name}: {system}: {why} {retry_after:?}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    500: Prometheus: answers 500 Internal Server Error: boom red None
    500: Loki: answers 500 Internal Server Error: boom red None
    500: Alertmanager: answers 500 Internal Server Error: boom red None
    401: Prometheus: answers 401 Unauthorized: no None
    401: Loki: answers 401 Unauthorized: no None
    401: Alertmanager: answers 401 Unauthorized: no None
    429 in seconds: Prometheus: answers 429 Too Many Requests: slow down Some(7s)
    429 in seconds: Loki: answers 429 Too Many Requests: slow down Some(7s)
    429 in seconds: Alertmanager: answers 429 Too Many Requests: slow down Some(7s)
    429 until a date: Prometheus: answers 429 Too Many Requests: slow down Some(72030s)
    429 until a date: Loki: answers 429 Too Many Requests: slow down Some(72030s)
    429 until a date: Alertmanager: answers 429 Too Many Requests: slow down Some(72030s)
    redirect: Prometheus: answers 302 Found:  None
    redirect: Loki: answers 302 Found:  None
    redirect: Alertmanager: answers 302 Found:  None
    malformed: Prometheus: answers what is not the JSON expected: expected value at line 1 column 1 None
    malformed: Loki: answers what is not the JSON expected: expected value at line 1 column 1 None
    malformed: Alertmanager: answers what is not the JSON expected: expected value at line 1 column 1 None
    another form: Prometheus: answers what is not the JSON expected: missing field `data` at line 1 column 20 None
    another form: Loki: answers what is not the JSON expected: missing field `data` at line 1 column 20 None
    another form: Alertmanager: answers in another form: invalid type: map, expected a sequence None
    slow: Prometheus: no answer within 400 ms None
    slow: Loki: no answer within 400 ms None
    slow: Alertmanager: no answer within 400 ms None
    ");
    for url in [
        "http://127.0.0.1:9".to_owned(),
        raw(b"").await,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"st").await,
    ] {
        for failure in told(&url).await {
            let (_, why, _) = unreachable(&failure);
            assert!(!why.is_empty() && !why.contains("s3cret"), "{why}");
        }
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 1 << 20])).await;
    for failure in told(&server.uri()).await {
        let text = failure.to_string();
        assert!(text.contains("is larger than 65536 bytes; ask for less"), "{text}");
    }
}

#[tokio::test]
async fn a_refused_query_is_told_in_the_system_s_own_words() {
    let server = server(ResponseTemplate::new(400).set_body_string(include_str!("fixtures/loki-error.txt"))).await;
    let failure = told(&server.uri()).await.remove(1);
    let words = "Loki says: parse error at line 0, col 22: syntax error: unexpected |=, expecting } or ,";
    assert_eq!(failure, Failure::Tell(words.to_owned()));
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_at_once() {
    for url in ["localhost:9090", "ftp://x", "http://", ""] {
        let refused = Prometheus::new(client(), url, options(), clock()).err().unwrap().to_string();
        assert!(refused.contains("right would be \"http://host:port\""), "{url}: {refused}");
    }
}
