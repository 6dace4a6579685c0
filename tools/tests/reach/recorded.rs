use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use tools::{
    ListAlerts, ListMetrics, QueryPrometheus, Registry, SearchLoki,
    reach::{Alertmanager, Loki, Prometheus, expression_of},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header_exists, path},
};

use crate::{catalogue, client, clock, options};

/// A recorded answer as a response: status and body.
fn recorded(text: &str) -> ResponseTemplate {
    let recorded: Value = serde_json::from_str(text).unwrap();
    let status = u16::try_from(recorded["status"].as_u64().unwrap()).unwrap();
    ResponseTemplate::new(status).set_body_json(&recorded["body"])
}

async fn at(routes: &[(&str, ResponseTemplate)]) -> MockServer {
    let server = MockServer::start().await;
    for (route, answer) in routes {
        let mock = Mock::given(path(*route)).and(header_exists("authorization"));
        mock.respond_with(answer.clone()).mount(&server).await;
    }
    server
}

fn prometheus(server: &MockServer) -> Arc<Prometheus> {
    Arc::new(Prometheus::new(client(), &server.uri(), options(), clock()).unwrap())
}

/// The text that a model reads of one call.
async fn read(registry: &Registry, tool: &str, args: Value) -> String {
    registry.run(tool, &args).await.map_or_else(|failure| format!("failure: {failure}"), |answer| answer.text)
}

#[tokio::test]
async fn real_answers_of_prometheus_become_short_text() {
    let server = at(&[
        ("/api/v1/query", recorded(include_str!("fixtures/prometheus-query_vector.json"))),
        ("/api/v1/query_range", recorded(include_str!("fixtures/prometheus-query_range_matrix.json"))),
        (
            "/api/v1/label/__name__/values",
            ResponseTemplate::new(200)
                .set_body_json(json!({ "status": "success", "data": ["go_memstats_other_sys_bytes", "up"] })),
        ),
        ("/api/v1/metadata", recorded(include_str!("fixtures/prometheus-metadata.json"))),
        ("/api/v1/alerts", recorded(include_str!("fixtures/prometheus-alerts.json"))),
    ])
    .await;
    let known = prometheus(&server);
    let registry = Registry::new()
        .0
        .look(QueryPrometheus::new(Some(Arc::clone(&known)), clock()))
        .look(ListMetrics::new(Some(Arc::clone(&known)), catalogue(), clock()))
        .look(ListAlerts::new(None, Some(known), catalogue(), clock()));
    let told = [
        read(&registry, "query_prometheus", json!({ "query": "up" })).await,
        read(
            &registry,
            "query_prometheus",
            json!({ "query": "rate(prometheus_http_requests_total[10s])", "minutes_back": 1 }),
        )
        .await,
        read(&registry, "list_metrics", json!({ "service": "payments" })).await,
        read(&registry, "list_metrics", json!({ "service": "bare" })).await,
        read(&registry, "list_metrics", json!({ "service": "nobody" })).await,
        read(&registry, "list_alerts", json!({})).await,
    ];
    insta::assert_snapshot!(told.join("\n---\n"), @r#"
    up{instance="127.0.0.1:19802", job="prometheus"} = 1
    up{instance="127.0.0.1:19899", job="dead"} = 0
    query: up
    ---
    {code="200", handler="/-/ready", instance="127.0.0.1:19802", job="prometheus"}: 0 → 0, flat (least 0, most 0, 6 points), 5 points missing
    {code="200", handler="/metrics", instance="127.0.0.1:19802", job="prometheus"}: 0.393 → 1, rising (least 0.393, most 1, 5 points), 4 points missing
    query: rate(prometheus_http_requests_total[10s]) (every 1 s)
    ---
    go_memstats_other_sys_bytes (gauge): Number of bytes used for other system allocations.
    up
    ---
    failure: bare has no selector for Prometheus: set `prometheus` in [services.bare]
    ---
    failure: "nobody" is no service of the catalogue; there are: bare, payments
    ---
    2 alerts by Prometheus
    Watchdog {severity="none"} firing since 17:37:38 UTC (41 s): An alert that should always be firing to certify that Alertmanager is working properly.
    TargetDown {instance="127.0.0.1:19899", job="dead", severity="warning"} firing since 17:37:44 UTC (35 s): One or more targets are unreachable.
    "#);
}

#[tokio::test]
async fn infinity_is_text_in_json_and_never_fails() {
    let server = at(&[("/api/v1/query", recorded(include_str!("fixtures/prometheus-query_nan_inf.json")))]).await;
    let registry = Registry::new().0.look(QueryPrometheus::new(Some(prometheus(&server)), clock()));
    let answer = registry.run("query_prometheus", &json!({ "query": "vector(1)/0" })).await.unwrap();
    assert_eq!((&answer.data["series"][0]["last"], &answer.data["value"]), (&json!("inf"), &Value::Null));
}

#[tokio::test]
async fn real_answers_of_loki_become_short_text() {
    let body = |text: &str| ResponseTemplate::new(200).set_body_string(text);
    let streams = at(&[("/loki/api/v1/query_range", body(include_str!("fixtures/loki-streams.json")))]).await;
    let matrix = at(&[("/loki/api/v1/query_range", body(include_str!("fixtures/loki-matrix.json")))]).await;
    let over = |server: &MockServer| {
        let loki = Loki::new(client(), &server.uri(), options(), clock()).unwrap();
        Registry::new().0.look(SearchLoki::new(Some(Arc::new(loki)), catalogue(), clock()))
    };
    let none = Registry::new().0.look(SearchLoki::new(None, catalogue(), clock()));
    let told = [
        read(&over(&streams), "search_loki", json!({ "service": "payments", "containing": "say \"no\"" })).await,
        read(&over(&matrix), "search_loki", json!({ "query": "sum(rate({a=\"b\"}[1m]))" })).await,
        read(&over(&streams), "search_loki", json!({})).await,
        read(&over(&streams), "search_loki", json!({ "service": "bare" })).await,
        read(&none, "search_loki", json!({ "service": "payments" })).await,
    ];
    insta::assert_snapshot!(told.join("\n---\n"), @r#"
    5 lines, 5 of them tell of errors, for {service_name="payments"} |= "say \"no\""
    17:13:26 payments level=error ts=1795454006550939885 msg="connection refused to db:5432" amount=497 status=500 (×5 alike)
    ---
    {level="error", service_name="cart"}: 6 → 10 at 17:12:00, step up (least 6, most 12, 4 points), 9 points missing
    {level="error", service_name="checkout"}: 6 → 10 at 17:12:00, step up (least 6, most 12, 4 points), 9 points missing
    {level="error", service_name="payments"}: 6 → 10 at 17:12:00, step up (least 6, most 12, 4 points), 9 points missing
    {level="info", service_name="cart"}: 15 → 15 at 17:16:00, uneven (least 15, most 30, 11 points), 30 points missing
    {level="info", service_name="checkout"}: 15 → 15 at 17:16:00, uneven (least 15, most 30, 11 points), 30 points missing
    {level="info", service_name="payments"}: 15 → 15 at 17:16:00, uneven (least 15, most 30, 11 points), 30 points missing
    {service_name="checkout"} = 1
    query: sum(rate({a="b"}[1m]))
    ---
    failure: give either `service` or `query`
    ---
    failure: bare has no selector for Loki (`logs` in [services.bare]); use read_container_logs
    ---
    failure: Loki is not configured ([loki] url); use read_container_logs
    "#);
    let starting =
        at(&[("/ready", ResponseTemplate::new(503).set_body_string(include_str!("fixtures/loki-ready-503.txt")))])
            .await;
    let loki = Loki::new(client(), &starting.uri(), options(), clock()).unwrap();
    assert!(loki.ready().await.unwrap_err().to_string().contains("503"));
}

#[tokio::test]
async fn real_alerts_of_alertmanager_are_listed() {
    let body = ResponseTemplate::new(200).set_body_string(include_str!("fixtures/alertmanager-alerts.json"));
    let server = at(&[("/api/v2/alerts", body)]).await;
    let alertmanager = Alertmanager::new(client(), &server.uri(), options(), clock()).unwrap();
    let registry = Registry::new().0.look(ListAlerts::new(Some(Arc::new(alertmanager)), None, catalogue(), clock()));
    insta::assert_snapshot!(read(&registry, "list_alerts", json!({})).await, @r#"
    1 alerts by Alertmanager
    AppErrors {cluster="lab", instance="127.0.0.1:29191", instance_id="i0", job="app", service="svc0", severity="critical"} firing since 17:13:07 UTC (1512 s): errors on svc0/i0
    "#);
    assert_eq!(read(&registry, "list_alerts", json!({ "service": "payments" })).await, "0 alerts by Alertmanager");
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn an_alert_s_own_expression_is_asked_for_that_alert_alone() {
    let server = at(&[
        ("/api/v1/rules", recorded(include_str!("fixtures/prometheus-rules.json"))),
        ("/api/v1/query", recorded(include_str!("fixtures/prometheus-query_vector.json"))),
    ])
    .await;
    let prometheus = prometheus(&server);
    let dead = labels(&[
        ("alertname", "TargetDown"),
        ("instance", "127.0.0.1:19899"),
        ("job", "dead"),
        ("severity", "warning"),
    ]);
    let rule = prometheus.alert_rule("TargetDown", &dead).await.unwrap().unwrap();
    assert_eq!(rule.expr, "up == 0");
    assert_eq!(prometheus.alert_rule("Nothing", &dead).await.unwrap(), None);
    let set: BTreeSet<String> = rule.labels.into_keys().collect();
    let now = clock().now();
    let holds = prometheus.still_holds("up", &set, &dead, now).await.unwrap();
    assert_eq!((holds.holds, holds.found.as_str()), (true, "it still holds, with value 0"));
    let mut other = dead;
    other.insert("instance".into(), "127.0.0.1:1".into());
    let holds = prometheus.still_holds("up", &set, &other, now).await.unwrap();
    assert_eq!(
        (holds.holds, holds.found.as_str()),
        (false, "no series of this alert is left; it still holds for 2 others")
    );
}

#[test]
fn the_expression_stands_in_the_link() {
    let link = "http://vm:29090/graph?g0.expr=app_errors+%3E+0&g0.tab=1";
    assert_eq!(expression_of(link).as_deref(), Some("app_errors > 0"));
    assert_eq!(expression_of("not a link"), None);
    assert_eq!(expression_of("http://vm/graph"), None);
}
