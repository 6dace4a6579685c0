//! `forecast` and `slo_status` over a Prometheus that answers as it is told, and over every way in which it can fail.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{
    Catalogue, Failure, Forecast, Origin, Registry, Service, SharedCatalogue, Slo, SloStatus, reach::Prometheus,
};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::{client, clock, half, options};

/// Answers queries by rules: the first part that a query holds decides. A value is one at each moment asked for, by its hours
/// before now.
struct Answers(Vec<(&'static str, Course)>);

/// A value, or none, by the hours before now.
type Course = fn(f64) -> Option<f64>;

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let parameter =
            |name: &str| request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let number = |name: &str| parameter(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        if request.url.path().ends_with("/label/__name__/values") {
            let names = ["process_max_fds", "process_open_fds", "pool_in_use", "pool_max"];
            return success(json!(names));
        }
        let query = parameter("query").unwrap_or_default();
        let value = self.0.iter().find(|(part, _)| query.contains(part)).map(|(_, value)| value);
        let now = clock().now().timestamp() as f64;
        let at =
            |at: f64| value.and_then(|value| value((now - at) / 3_600.0)).map(|value| json!([at, value.to_string()]));
        if request.url.path().ends_with("/query") {
            let result: Vec<_> =
                at(number("time")).map(|value| json!({ "metric": {}, "value": value })).into_iter().collect();
            return success(json!({ "resultType": "vector", "result": result }));
        }
        let (start, step) = (number("start"), number("step"));
        let values: Vec<_> = (0..)
            .map(|index| start + f64::from(index) * step)
            .take_while(|at| *at <= number("end"))
            .filter_map(at)
            .collect();
        let result = if values.is_empty() { json!([]) } else { json!([{ "metric": {}, "values": values }]) };
        success(json!({ "resultType": "matrix", "result": result }))
    }
}

fn success(data: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "status": "success", "data": data }))
}

async fn server(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn registry(url: &str) -> Registry {
    let count = |name: &str| Some(format!("sum(increase({name}[$window]))"));
    let payments = Service {
        prometheus: Some("{job=\"payments\"}".into()),
        slo: Some(Slo::new(0.99, "7d", count("failed_total"), count("all_total")).unwrap()),
        ..Service::named("payments", Origin::Settings)
    };
    let catalogue = SharedCatalogue::new(Catalogue::new([payments, Service::named("bare", Origin::Settings)]));
    let options = tools::reach::HttpOptions { answer_max: 256 * 1024, ..options() };
    let prometheus = Some(Arc::new(Prometheus::new(client(), url, options, clock()).unwrap()));
    Registry::new().0.look(Forecast::new(prometheus.clone(), None, catalogue.clone(), clock())).look(SloStatus::new(
        prometheus,
        catalogue,
        clock(),
    ))
}

async fn read(registry: &Registry, tool: &str, args: Value) -> String {
    registry.run(tool, &args).await.map_or_else(|failure| format!("failure: {failure}"), |answer| answer.text)
}

#[tokio::test]
async fn a_pool_that_fills_and_files_that_do_not_are_told_by_their_urgency() {
    let server = server(Answers(vec![
        ("pool_in_use", |hours| Some(80.0 - hours.min(40.0) * 0.5)),
        ("pool_max", |_| Some(100.0)),
        ("open_fds", |_| Some(120.0)),
        ("max_fds", |_| Some(1024.0)),
    ]))
    .await;
    let registry = registry(&server.uri());
    let told = [
        read(&registry, "forecast", json!({ "service": "payments" })).await,
        read(&registry, "forecast", json!({ "query": "pool_in_use", "capacity_query": "pool_max", "hours_back": 24 }))
            .await,
        read(&registry, "forecast", json!({ "query": "nothing", "capacity": 5 })).await,
        read(&registry, "forecast", json!({ "query": "pool_in_use", "capacity_query": "nothing" })).await,
        read(&registry, "forecast", json!({ "service": "bare" })).await,
    ];
    insta::assert_snapshot!(told.join("\n---\n"), @"
    1 of 2 run full (by the last 72 hours)
    pool: 80 of 100 (80 %); full in 40 h (90 %: 40 h to 40 h), at 11-25 09:38 UTC; +0.5 an hour, fit 1
    process fds: 120 of 1024 (11.7 %); flat, does not run full
    ---
    1 of 1 run full (by the last 24 hours)
    what the query gives: 80 of 100 (80 %); full in 40 h (90 %: 40 h to 40 h), at 11-25 09:38 UTC; +0.5 an hour, fit 1
    ---
    nothing was found that could run full (by the last 72 hours)
    not seen: what the query gives: no series in the last 72 hours
    ---
    nothing was found that could run full (by the last 72 hours)
    not seen: what the query gives: of 1 series no limit is known
    ---
    failure: bare has no selector for Prometheus: set `prometheus` in [services.bare], or ask with `query`
    ");
    let data = registry.run("forecast", &json!({ "service": "payments" })).await.unwrap().data;
    assert_eq!((&data["fills"], &data["resources"][0]["outcome"]), (&json!(1), &json!("fills")));
    assert!((data["soonest_hours"].as_f64().unwrap() - 40.0).abs() < 1.0, "{data}");
}

#[tokio::test]
async fn what_is_used_now_is_told_by_the_newest_samples() {
    let told = async |used: Course, most: Course| {
        let server = server(Answers(vec![("pool_in_use", used), ("pool_max", most), ("_fds", |_| None)])).await;
        let text = read(&registry(&server.uri()), "forecast", json!({ "service": "payments" })).await;
        text.lines().find(|line| line.contains("pool")).unwrap_or_default().to_owned()
    };
    let hundred: Course = |_| Some(100.0);
    let filled = told(|hours| Some(if hours < 0.2 { 100.0 } else { 40.0 }), hundred).await;
    let freed = told(|hours| Some(if hours < 0.2 { 40.0 } else { 100.0 }), hundred).await;
    let stepped = told(|hours| Some(if hours < 2.0 { 99.0 } else { 40.0 }), hundred).await;
    let none = told(|_| Some(0.0), |_| Some(0.0)).await;
    insta::assert_snapshot!([filled, freed, stepped, none].join("\n"), @"
    pool: 100 of 100 (100 %); full now
    pool: 40 of 100 (40 %); flat, does not run full; dropped 1 times
    pool: 99 of 100 (99 %); no clear trend
    not seen: pool: of 1 series no limit is known
    ");
}

#[tokio::test]
async fn counters_that_vanished_and_no_traffic_are_neither_well_nor_ill() {
    let gone = server(Answers(vec![
        ("[5m]", |_| None),
        ("[30m]", |_| None),
        ("failed", |_| Some(1.0)),
        ("all", |_| Some(1_000.0)),
    ]))
    .await;
    let quiet =
        server(Answers(vec![("all_total[5m]", |_| Some(0.0)), ("failed", |_| None), ("all", |_| Some(1_000.0))])).await;
    let wrong = server(Answers(vec![("failed", |_| Some(5.0)), ("all", |_| Some(2.0))])).await;
    let slo = async |server: &MockServer| {
        read(&registry(&server.uri()), "slo_status", json!({ "service": "payments" })).await
    };
    insta::assert_snapshot!([slo(&gone).await, slo(&quiet).await, slo(&wrong).await].join("\n---\n"), @"
    payments: objective 99 % over 7d; 90 % of the error budget left, not being used up
    no burn rate rule holds
    burn rates: 1h 0.1 (0.1 %), 2h 0.1 (0.1 %), 6h 0.1 (0.1 %), 1d 0.1 (0.1 %), 3d 0.1 (0.1 %), 7d 0.1 (0.1 %)
    no data any more, the counters are gone: 5m, 30m
    ---
    payments: objective 99 % over 7d; 100 % of the error budget left, not being used up
    no burn rate rule holds
    burn rates: 30m 0 (0 %), 1h 0 (0 %), 2h 0 (0 %), 6h 0 (0 %), 1d 0 (0 %), 3d 0 (0 %), 7d 0 (0 %)
    no traffic: 5m
    ---
    payments: objective 99 % over 7d; the error budget is not known, nor when it is used up
    no burn rate rule holds
    burn rates: none
    more errors than requests or no number, so `errors` and `total` do not fit: 5m, 30m, 1h, 2h, 6h, 1d, 3d, 7d
    ");
}

#[tokio::test]
async fn a_window_that_cannot_be_asked_is_said_and_the_others_are_told() {
    struct Long;
    impl Respond for Long {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            let long = request.url.query().is_some_and(|query| query.contains("7d"));
            let words = json!({ "status": "error", "errorType": "execution", "error": "query processing would load too many samples" });
            if long {
                ResponseTemplate::new(422).set_body_json(words)
            } else {
                Answers(vec![("", |_| Some(1.0))]).respond(request)
            }
        }
    }
    let server = server(Long).await;
    let told = read(&registry(&server.uri()), "slo_status", json!({ "service": "payments" })).await;
    assert!(told.contains("the error budget is not known"), "{told}");
    assert!(told.contains("not seen: 7d: Prometheus says: query processing would load too many samples"), "{told}");
}

#[tokio::test]
async fn every_way_in_which_prometheus_fails_is_told_and_nothing_is_made_up() {
    let answers = [
        ResponseTemplate::new(500).set_body_string("boom"),
        ResponseTemplate::new(429).insert_header("retry-after", "7"),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200)
            .set_body_string("{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":7}}"),
        ResponseTemplate::new(200).set_body_bytes(vec![b' '; 1 << 20]),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
    ];
    let mut servers = Vec::new();
    for answer in answers {
        servers.push(server(answer).await);
    }
    let mut urls: Vec<_> = servers.iter().map(MockServer::uri).collect();
    urls.extend(["http://127.0.0.1:9".to_owned(), half().await]);
    for url in &urls {
        let registry = registry(url);
        for (tool, args) in [
            ("forecast", json!({ "service": "payments" })),
            ("forecast", json!({ "query": "a", "capacity": 1 })),
            ("slo_status", json!({ "service": "payments" })),
        ] {
            let failure = registry.run(tool, &args).await.unwrap_err();
            assert!(!failure.to_string().contains("s3cret"), "{failure}");
            if url == &urls[1] {
                assert!(
                    matches!(failure, Failure::Unreachable { retry_after: Some(wait), .. } if wait.as_secs() == 7),
                    "{failure:?}"
                );
            }
        }
    }
}
