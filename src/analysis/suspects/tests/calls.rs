//! What calls between services explain, and what they do not.

use super::*;

fn first(made: &[Made], edges: &[(&str, &str)], alerting: Option<&str>) -> String {
    let ranking = ranked_along(made, edges, alerting);
    ranking.services.first().map(|service| service.service.clone()).unwrap_or_default()
}

#[test]
fn a_full_processor_is_not_explained_by_those_that_are_called() {
    let made = [
        Made::noisy("web", "request_latency_ms", 1, after(250, 60.0)),
        Made::noisy("api", "cpu_usage", 2, after(250, 200.0)),
        Made::noisy("db", "request_latency_ms", 3, after(250, 60.0)),
    ];
    assert_eq!(first(&made, &[("web", "api"), ("api", "db")], Some("web")), "api");
}

#[test]
fn a_metric_of_many_instances_counts_once() {
    let mut made = vec![Made::noisy("db", "request_latency_ms", 1, after(250, 60.0))];
    for seed in 2..8 {
        made.push(
            Made::noisy("web", "request_latency_ms", seed, after(250, 40.0)).label("instance", &seed.to_string()),
        );
    }
    assert_eq!(first(&made, &[], None), "db");
}

#[test]
fn what_began_with_the_time_asked_about_may_bring_a_symptom_soon_after() {
    let made = |symptom: usize| {
        [
            Made::noisy("web", "request_latency_ms", 1, after(symptom, 60.0)),
            Made::noisy("ads", "request_latency_ms", 2, after(252, 30.0)),
            Made::noisy("db", "request_latency_ms", 3, after(QUIET, 60.0)),
        ]
    };
    let edges = [("web", "ads"), ("web", "db")];
    assert_eq!(first(&made(QUIET + 5), &edges, Some("web")), "db");
    assert_eq!(first(&made(QUIET + 20), &edges, Some("web")), "ads", "what was away long before it is less suspicious");
    let unseen = [
        Made::noisy("ads", "request_latency_ms", 2, after(252, 30.0)),
        Made::noisy("db", "request_latency_ms", 3, after(QUIET, 60.0)),
    ];
    assert_eq!(first(&unseen, &edges, Some("web")), "db", "nothing is known of when a symptom came that does not show");
}
