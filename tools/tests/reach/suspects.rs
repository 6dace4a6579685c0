//! `rank_suspects` over a Prometheus that answers as it is told, and over every way in which it can fail.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tools::{Catalogue, Failure, Origin, RankSuspects, Registry, Service, SharedCatalogue, reach::Prometheus};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::{client, clock, half, options};

/// Metrics of a shop: the database became slow five minutes ago, and so the service that asks it.
struct Shop {
    /// Calls in a service graph.
    calls: Vec<(&'static str, &'static str)>,
    /// What fails for one service.
    broken: Option<(&'static str, ResponseTemplate)>,
    /// Series of each metric.
    each: usize,
    /// What is measured; a name that ends in `_native` is a native histogram.
    metrics: &'static [&'static str],
}

impl Shop {
    fn well() -> Self {
        Self { calls: Vec::new(), broken: None, each: 1, metrics: &["request_duration_ms", "heap_bytes", "up"] }
    }

    /// Labels of all series that a query asks for.
    fn labels(&self, query: &str) -> Vec<Value> {
        let named = |name: &str| !query.contains("__name__=~") || query.contains(name);
        let jobs = ["web", "db", "aside"].into_iter().filter(|job| query.contains(&format!("job=\"{job}\"")));
        let of = |job: &'static str| {
            let names = self.metrics.iter().filter(|name| named(name));
            names.flat_map(move |name| {
                (0..self.each)
                    .map(move |index| json!({ "__name__": name, "job": job, "pod": format!("{job}-{index}") }))
            })
        };
        jobs.flat_map(of).collect()
    }
}

impl Respond for Shop {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let parameter =
            |name: &str| request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let number = |name: &str| parameter(name).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        let path = request.url.path();
        let query = parameter("query").or_else(|| parameter("match[]")).unwrap_or_default();
        if let Some((job, answer)) = &self.broken
            && query.contains(&format!("job=\"{job}\""))
        {
            return answer.clone();
        }
        if path.ends_with("/metadata") {
            return success(json!({ "heap_bytes": [{ "type": "gauge", "help": "" }] }));
        }
        if path.ends_with("/series") {
            return success(json!(self.labels(&query)));
        }
        let now = clock().now().timestamp() as f64;
        if path.ends_with("/query") {
            let calls = self.calls.iter().filter(|_| query.contains("(traces_service_graph_request_total)"));
            let one = |(client, server): &(&str, &str)| json!({ "metric": { "client": client, "server": server }, "value": [now, "1"] });
            if query.contains("count_over_time") {
                let result = json!([{ "metric": {}, "value": [now, "40"] }]);
                return success(json!({ "resultType": "vector", "result": result }));
            }
            return success(json!({ "resultType": "vector", "result": calls.map(one).collect::<Vec<_>>() }));
        }
        let (start, step) = (number("start"), number("step"));
        let moments: Vec<f64> =
            (0..).map(|index| start + f64::from(index) * step).take_while(|at| *at <= number("end")).collect();
        let value = |labels: &Value, at: f64| {
            let slow = matches!(labels["job"].as_str(), Some("web" | "db")) && now - at < 300.0;
            // Never the same, and never far.
            let noise = (at * 12.9898).sin() * 2.0;
            match labels["__name__"].as_str() {
                Some("request_duration_ms") => 50.0 + noise + if slow { 200.0 } else { 0.0 },
                Some("heap_bytes") => 1e8 + noise * 1e5,
                Some("lookup_seconds_count") => 10.0 * (at - start),
                Some("lookup_seconds_sum") => {
                    let slower = if slow { 4.5 * (at - now + 300.0) } else { 0.0 };
                    0.5 * (at - start) + noise * 0.05 + slower
                }
                _ => 1.0,
            }
        };
        let series = |labels: Value| {
            if labels["__name__"].as_str().is_some_and(|name| name.ends_with("_native")) {
                let histogram = json!({ "count": "2", "sum": "3", "buckets": [[0, "1", "2", "2"]] });
                return json!({ "metric": labels, "histograms": [[now, histogram]] });
            }
            let values: Vec<_> = moments.iter().map(|at| json!([at, value(&labels, *at).to_string()])).collect();
            json!({ "metric": labels, "values": values })
        };
        let result: Vec<_> = self.labels(&query).into_iter().map(series).collect();
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

fn registry(url: &str, needs: &[&str]) -> Registry {
    let service = |name: &str, needs: &[&str]| Service {
        prometheus: Some(format!("{{job=\"{name}\"}}")),
        depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
        ..Service::named(name, Origin::Settings)
    };
    let services =
        [service("web", needs), service("db", &[]), service("aside", &[]), Service::named("bare", Origin::Settings)];
    let options = tools::reach::HttpOptions { answer_max: 2 << 20, timeout: Duration::from_secs(2), ..options() };
    let prometheus = Some(Arc::new(Prometheus::new(client(), url, options, clock()).unwrap()));
    Registry::new().0.look(RankSuspects::new(prometheus, SharedCatalogue::new(Catalogue::new(services)), clock()))
}

async fn read(registry: &Registry, args: Value) -> (String, Value) {
    let answered = registry.run("rank_suspects", &args).await;
    answered.map_or_else(|failure| (format!("failure: {failure}"), Value::Null), |answer| (answer.text, answer.data))
}

#[tokio::test]
async fn the_dependency_that_became_slow_explains_who_asks_it() {
    let server = server(Shop::well()).await;
    let (text, data) = read(&registry(&server.uri(), &["db"]), json!({ "service": "web" })).await;
    insta::assert_snapshot!(text, @"
    most suspicious: db (score 3.89, 1 metric, since 17:33:35), explains web
    then web (score 0.55, 1 metric, since 17:33:35), explained by db
    db request_duration_ms{pod=db-0} 49.6 → 248, 250 at its worst (106 sigma), since 17:33:35
    web request_duration_ms{pod=web-0} 49.6 → 248, 250 at its worst (106 sigma), since 17:33:35
    2 of 6 metrics of 2 services stand out (by 3.8 sigma or more from 16:23 to 17:23 UTC)
    ");
    assert_eq!((&data["found"], &data["top"]["service"]), (&json!(true), &json!("db")));
    assert_eq!(data["metrics"][0]["metric"], json!("request_duration_ms"));
}

/// As a timer of Micrometer tells it, beside what Prometheus 3 keeps as one sample.
#[tokio::test]
async fn the_mean_of_a_summary_is_looked_at_beside_a_native_histogram() {
    let metrics = &["lookup_seconds_sum", "lookup_seconds_count", "sizes_native"];
    let server = server(Shop { metrics, ..Shop::well() }).await;
    let (text, data) = read(&registry(&server.uri(), &[]), json!({ "service": "web" })).await;
    assert_eq!(
        (&data["found"], &data["metrics"][0]["metric"]),
        (&json!(true), &json!("lookup_seconds mean")),
        "{text}"
    );
    assert!((data["metrics"][0]["peak"].as_f64().unwrap() - 0.5).abs() < 0.05, "{data}");
}

#[tokio::test]
async fn calls_are_read_from_a_service_graph_where_the_catalogue_has_none() {
    let server = server(Shop { calls: vec![("web", "db"), ("web", "mars")], ..Shop::well() }).await;
    let (text, data) = read(&registry(&server.uri(), &[]), json!({ "service": "web", "symptom": "latency" })).await;
    assert_eq!((&data["with_graph"], &data["top"]["service"]), (&json!(true), &json!("db")), "{text}");
}

#[tokio::test]
async fn where_nothing_left_its_past_that_is_said() {
    let server = server(Shop::well()).await;
    let registry = registry(&server.uri(), &[]);
    let (text, data) = read(&registry, json!({ "service": "aside" })).await;
    insta::assert_snapshot!(text, @"
    nothing stands out
    0 of 3 metrics of one service stand out (by 3.8 sigma or more from 16:23 to 17:23 UTC)
    who calls whom is not known: ranked without it
    ");
    assert_eq!((&data["found"], &data["top"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn a_question_that_is_none_is_told_with_what_would_be_right() {
    let server = server(Shop::well()).await;
    let registry = registry(&server.uri(), &[]);
    let mut told = Vec::new();
    for args in [
        json!({ "service": "nobody" }),
        json!({ "service": "bare" }),
        json!({ "service": "web", "minutes_back": 0 }),
        json!({ "service": "web", "minutes_back": 5, "since_minutes_ago": 5 }),
        json!({ "service": "web", "minutes_back": 5_000 }),
    ] {
        told.push(read(&registry, args).await.0);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    failure: "nobody" is no service of the catalogue; there are: aside, bare, db, web
    failure: bare has no selector for Prometheus: set `prometheus` in [services.bare], such as '{job="bare"}'
    failure: `minutes_back` is 0; right would be at least 1, such as 15
    failure: give `minutes_back` or `since_minutes_ago`, not both
    failure: 5000 minutes are too many; at most 1440
    "#);
}

#[tokio::test]
async fn many_series_are_read_in_parts_and_what_is_left_out_is_said() {
    let server = server(Shop { each: 1_200, ..Shop::well() }).await;
    let options = tools::reach::HttpOptions { answer_max: 32 << 20, timeout: Duration::from_secs(60), ..options() };
    let prometheus = Some(Arc::new(Prometheus::new(client(), &server.uri(), options, clock()).unwrap()));
    let aside = Service { prometheus: Some("{job=\"aside\"}".into()), ..Service::named("aside", Origin::Settings) };
    let catalogue = SharedCatalogue::new(Catalogue::new([aside]));
    let registry = Registry::new().0.look(RankSuspects::new(prometheus, catalogue, clock()));
    let (text, data) = read(&registry, json!({ "service": "aside" })).await;
    assert_eq!(data["found"], json!(false), "{text}");
    assert!(text.contains("not seen: 1 metrics of aside with 1200 series"), "{text}");
}

#[tokio::test]
async fn a_neighbour_that_cannot_be_read_is_said_and_the_others_are_told() {
    let broken = Some(("db", ResponseTemplate::new(500).set_body_string("boom \u{1b}[31mred")));
    let server = server(Shop { broken, ..Shop::well() }).await;
    let (text, data) = read(&registry(&server.uri(), &["db"]), json!({ "service": "web" })).await;
    assert!(text.contains("not seen: db: Prometheus could not be reached: answers 500"), "{text}");
    assert_eq!(data["top"]["service"], json!("web"));
}

#[tokio::test]
async fn every_way_in_which_prometheus_fails_is_told_and_nothing_is_made_up() {
    let answers = [
        ResponseTemplate::new(500).set_body_string("boom"),
        ResponseTemplate::new(429).insert_header("retry-after", "7"),
        ResponseTemplate::new(200).set_body_string("<html>"),
        ResponseTemplate::new(200)
            .set_body_string("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":7}}"),
        ResponseTemplate::new(200).set_body_bytes(vec![b' '; 3 << 20]),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(5)),
    ];
    let mut urls = Vec::new();
    let mut servers = Vec::new();
    for answer in answers {
        let server = server(Shop { broken: Some(("web", answer)), ..Shop::well() }).await;
        urls.push(server.uri());
        servers.push(server);
    }
    urls.extend(["http://127.0.0.1:9".to_owned(), half().await]);
    for (place, url) in urls.iter().enumerate() {
        let failure = registry(url, &["db"]).run("rank_suspects", &json!({ "service": "web" })).await.unwrap_err();
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
        if place == 1 {
            assert!(
                matches!(failure, Failure::Unreachable { retry_after: Some(wait), .. } if wait.as_secs() == 7),
                "{failure:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_refused() {
    struct Odd;
    impl Respond for Odd {
        fn respond(&self, request: &Request) -> ResponseTemplate {
            if request.url.path().ends_with("/query_range") {
                return success(json!({ "resultType": "vector", "result": [] }));
            }
            Shop::well().respond(request)
        }
    }
    let server = server(Odd).await;
    let (text, _) = read(&registry(&server.uri(), &["db"]), json!({ "service": "web" })).await;
    assert!(text.contains("answers with result type \"vector\" where series over time were asked for"), "{text}");
}
