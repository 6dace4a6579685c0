//! `log_patterns` over a Loki that answers as it is told, and over every way in which it can fail.

mod docker;
mod hostile;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{
    Failure, LogPatterns, Registry,
    reach::{HttpOptions, Loki},
};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::{catalogue, client, clock, half, options};

/// A Loki with these lines of one stream, each with how many nanoseconds before now it was written, and how many it gives at once.
struct Loaded(Vec<(i64, String)>, usize);

const SECOND: i64 = 1_000_000_000;

fn now() -> i64 {
    clock().now().timestamp_nanos_opt().unwrap()
}

impl Respond for Loaded {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let parameters: BTreeMap<_, _> = request.url.query_pairs().into_owned().collect();
        let number = |name: &str| parameters[name].parse::<i64>().unwrap();
        let (start, end, limit) = (number("start"), number("end"), number("limit") as usize);
        if limit > self.1 {
            let words =
                format!("max entries limit per query exceeded, limit > max_entries_limit ({limit} > {})", self.1);
            return ResponseTemplate::new(400).set_body_string(words);
        }
        let mut found: Vec<_> = self.0.iter().map(|(ago, line)| (now() - ago, line)).collect();
        found.retain(|(at, _)| *at >= start && *at < end);
        found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let values: Vec<_> = found.into_iter().take(limit).map(|(at, line)| json!([at.to_string(), line])).collect();
        let streams = json!([{ "stream": { "service_name": "payments" }, "values": values }]);
        ResponseTemplate::new(200).set_body_json(json!({ "data": { "resultType": "streams", "result": streams } }))
    }
}

async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn loaded(lines: Vec<(i64, String)>) -> Loaded {
    Loaded(lines, 5_000)
}

fn by_loki(url: &str, options: HttpOptions) -> Registry {
    let loki = Loki::new(client(), url, options, clock()).unwrap();
    Registry::new().0.look(LogPatterns::new(Some(Arc::new(loki)), None, catalogue(), clock()))
}

fn patient() -> HttpOptions {
    HttpOptions { timeout: Duration::from_secs(20), ..HttpOptions::default() }
}

/// One line each `step` seconds, from `from` to `to` seconds before now.
fn every(step: i64, from: i64, to: i64, line: impl Fn(i64) -> String) -> Vec<(i64, String)> {
    (to / step + 1..=from / step).map(|at| (at * step * SECOND, line(at))).collect()
}

async fn told(registry: &Registry, args: Value) -> (String, Value) {
    let answer = registry.run("log_patterns", &args).await.unwrap();
    (answer.text, answer.data)
}

#[tokio::test]
async fn what_is_new_and_what_vanished_is_told_with_an_example_and_without_secrets() {
    let mut lines = every(1, 4_500, 0, |at| format!("level=info msg=\"served request {at}\""));
    lines.extend(every(10, 4_500, 900, |at| format!("level=info msg=\"cache refreshed {at}\"")));
    lines.extend(every(20, 300, 0, |at| {
        format!("level=error msg=\"no connection to 10.0.0.{at} \u{1b}[31mpassword=hunter2hunter2\"")
    }));
    let server = server(loaded(lines)).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    insta::assert_snapshot!(text, @r#"
    log of payments: the last 15 min (915 lines) against the 60 min before (3960 lines)
    new ERROR (15 times): no connection to 10.0.0.15 password=[masked]
    vanished (0 times, 90.0 expected): cache refreshed <*>
    see more: search_loki {"service": "payments", "containing": "no connection to"}
    "#);
    assert!(!data.to_string().contains("hunter2"));
    let flat = |name: &str| data[name].clone();
    assert_eq!(
        ["found", "new", "new_errors", "vanished", "more", "less", "quiet_lines"].map(flat),
        [json!(true), json!(1), json!(1), json!(1), json!(0), json!(0), json!(3_960)]
    );
}

#[tokio::test]
async fn what_to_look_for_next_stands_in_the_lines_as_they_were_written() {
    let mut lines = every(1, 4_500, 0, |at| format!("level=info msg=\"served request {at}\""));
    let image =
        |at| format!(r#"{{"level":"error","msg":"no image \"shop/{at}\" in the registry (tried {at} times)"}}"#);
    lines.extend(every(20, 300, 0, image));
    let server = server(loaded(lines)).await;
    let (text, _) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert!(text.ends_with(r#""containing": "in the registry (tried"}"#), "{text}");
}

#[tokio::test]
async fn a_log_that_goes_on_as_before_has_nothing_to_tell() {
    let server = server(loaded(every(1, 4_500, 0, |at| format!("INFO served request {at}")))).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert_eq!((&data["found"], &data["top"]), (&json!(false), &Value::Null));
    assert!(text.ends_with("it says what it said before"), "{text}");
}

#[tokio::test]
async fn pages_lose_no_line_and_too_many_lines_are_left_out_and_said_so() {
    // Each moment has seven lines, which no page of 5,000 holds to the last.
    let bursts = |count: i64| (1..=count).map(|at| (at / 7 * SECOND / 4, format!("INFO served {at}"))).collect();
    let few = server(loaded(bursts(12_003))).await;
    let (_, data) = told(&by_loki(&few.uri(), patient()), json!({ "service": "payments" })).await;
    let count = |data: &Value| data["lines"].as_u64().unwrap() + data["quiet_lines"].as_u64().unwrap();
    assert_eq!(count(&data), 12_003 - 6, "those of this very moment are not in it");
    let many = server(loaded(bursts(100_000))).await;
    let (text, data) = told(&by_loki(&many.uri(), patient()), json!({ "service": "payments" })).await;
    assert!((59_000..=60_000).contains(&count(&data)), "{data}");
    assert!(text.contains("older ones are left out"), "{text}");
}

#[tokio::test]
async fn a_moment_with_more_lines_than_a_page_ends() {
    let mut lines: Vec<_> = (0..5_500).map(|at| (60 * SECOND, format!("INFO burst {at}"))).collect();
    lines.extend(every(1, 3_000, 61, |at| format!("INFO served {at}")));
    let server = server(loaded(lines)).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert_eq!(data["quiet_lines"], json!(2_100), "what is older is read all the same");
    assert!(text.contains("than can be read at once are of one moment"), "{text}");
}

#[tokio::test]
async fn thousands_of_different_lines_stay_short() {
    let word = |at: i64| (0..6).map(|place| char::from(b'a' + (at / 26_i64.pow(place) % 26) as u8)).collect::<String>();
    let odd =
        every(1, 900, 0, move |at| format!("ERROR {} {} {}", word(at * 7_919), word(at * 104_729), "x".repeat(900)));
    let server = server(loaded(odd)).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert!(text.len() < 1_600, "{} bytes: {text}", text.len());
    assert_eq!(data["new"], json!(900));
}

#[tokio::test]
async fn a_loki_that_fails_is_told_and_never_taken_for_silence() {
    let answers = [
        ("500", ResponseTemplate::new(500).set_body_string("boom token=hunter2hunter2")),
        ("429", ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_string("slow down")),
        ("malformed", ResponseTemplate::new(200).set_body_string("<html>")),
        (
            "another form",
            ResponseTemplate::new(200).set_body_json(json!({ "data": { "resultType": "streams", "result": 1 } })),
        ),
        ("refused query", ResponseTemplate::new(400).set_body_string("parse error at line 1 token=hunter2hunter2")),
        ("slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(20))),
        ("huge", ResponseTemplate::new(200).set_body_bytes(vec![b' '; 1 << 20])),
        (
            "a metric",
            ResponseTemplate::new(200).set_body_json(json!({ "data": { "resultType": "matrix", "result": [] } })),
        ),
    ];
    let mut urls = vec![("refused", "http://127.0.0.1:9".to_owned()), ("half", half().await)];
    let mut servers = Vec::new();
    for (name, answer) in answers {
        let server = server(answer).await;
        urls.push((name, server.uri()));
        servers.push(server);
    }
    for (name, url) in urls {
        let failure =
            by_loki(&url, options()).run("log_patterns", &json!({ "service": "payments" })).await.unwrap_err();
        let text = failure.to_string();
        assert!(!text.contains("hunter2") && !text.contains("s3cret") && text.len() < 500, "{name}: {text}");
        match (name, &failure) {
            ("huge" | "a metric" | "refused query", Failure::Tell(_)) => {}
            ("429", Failure::Unreachable { retry_after, .. }) => assert_eq!(*retry_after, Some(Duration::from_secs(7))),
            (_, Failure::Unreachable { .. }) => {}
            (_, Failure::Tell(_)) => panic!("{name} is told: {text}"),
        }
    }
}

#[tokio::test]
async fn a_selector_that_loki_does_not_understand_is_asked_once() {
    let server = server(ResponseTemplate::new(400).set_body_string("parse error at line 0, col 22: x")).await;
    let failure = by_loki(&server.uri(), options()).run("log_patterns", &json!({ "service": "payments" })).await;
    assert!(failure.unwrap_err().to_string().contains("parse error at line 0"));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_source_the_missing_key_is_named() {
    let loki = Loki::new(client(), "http://127.0.0.1:9", options(), clock()).unwrap();
    let none = Registry::new().0.look(LogPatterns::new(None, None, catalogue(), clock()));
    let bare = Registry::new().0.look(LogPatterns::new(Some(Arc::new(loki)), None, catalogue(), clock()));
    let say = async |registry: &Registry, name: &str| {
        registry.run("log_patterns", &json!({ "service": name })).await.unwrap_err().to_string()
    };
    assert!(say(&none, "payments").await.contains("neither Loki nor Docker is configured"));
    assert!(say(&bare, "bare").await.contains("`logs` in [services.bare]"));
    assert!(say(&bare, "payment").await.contains("payments"));
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    let wide = "y".repeat(4_000);
    let server = server(loaded(every(1, 4_500, 0, |at| format!("INFO served {at} {wide}")))).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert_eq!(
        (&data["found"], &data["lines"], &data["quiet_lines"]),
        (&json!(false), &json!(900), &json!(3_600)),
        "{text}"
    );
}

#[tokio::test]
async fn a_loki_that_gives_fewer_lines_at_once_is_asked_more_often() {
    let server = server(Loaded(every(1, 4_500, 0, |at| format!("INFO served {at}")), 1_000)).await;
    let (text, data) = told(&by_loki(&server.uri(), patient()), json!({ "service": "payments" })).await;
    assert_eq!((&data["lines"], &data["quiet_lines"]), (&json!(900), &json!(3_600)), "{text}");
}

#[tokio::test]
async fn rare_new_patterns_and_forgotten_ones_are_counted_in_few_words() {
    let word = |at: i64| (0..4).map(|place| char::from(b'a' + (at / 26_i64.pow(place) % 26) as u8)).collect::<String>();
    let rare = server(loaded(every(60, 4_500, 0, move |at| format!("{} happened", word(at))))).await;
    let (text, data) = told(&by_loki(&rare.uri(), patient()), json!({ "service": "payments" })).await;
    assert_eq!((&data["found"], &data["odd"], &data["dropped"]), (&json!(false), &json!(15), &json!(0)), "{text}");
    assert!(text.ends_with("it says what it said before\n[15 rare patterns are new; may be chance]"), "{text}");
    let many =
        server(loaded((1..=9_000).map(|at| (at * SECOND / 2, format!("{} happened", word(at)))).collect())).await;
    let (text, data) = told(&by_loki(&many.uri(), patient()), json!({ "service": "payments" })).await;
    let dropped = data["dropped"].as_u64().unwrap();
    assert!(dropped >= 9_000 - 4_096 - 2, "{data}");
    assert!(
        text.contains(&format!("[too many patterns, {dropped} forgotten: new and vanished are less sure]")),
        "{text}"
    );
}
