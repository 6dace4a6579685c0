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
        Made::noisy("ads", "request_latency_ms", 2, after(252, 22.0)),
        Made::noisy("db", "request_latency_ms", 3, after(QUIET, 60.0)),
    ];
    assert_eq!(first(&unseen, &edges, Some("web")), "db", "a symptom that does not show says less of when it came");
}

#[test]
fn who_shows_nothing_but_is_seen_to_be_slow_comes_next() {
    let calls = [("web", "pay"), ("web", "cart"), ("web", "mail"), ("pay", "cart"), ("pay", "bank")];
    let calm = |service: &str, seed: u64| Made::noisy(service, "server_latency_ms", seed, |_| 0.0);
    let made = |label: &str| {
        [
            calm("web", 1),
            calm("pay", 2),
            calm("cart", 3),
            calm("bank", 4),
            calm("mail", 5),
            Made::noisy("web", "client_latency_ms", 6, |_| 0.0),
            Made::noisy("pay", "client_latency_ms", 7, after(250, 60.0)).label("upstream", label),
        ]
    };
    let names = |made: &[Made]| {
        let services = ranked_along(made, &calls, Some("web")).services;
        services.iter().map(|service| service.service.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&made("cart")), ["pay", "cart"], "a label names it");
    let mut unnamed = made("");
    unnamed[6].labels.clear();
    assert_eq!(names(&unnamed), ["pay", "bank", "cart"], "who is called by others that see nothing comes later");
    unnamed[3] = Made::noisy("bank", "server_latency_ms", 4, after(250, 60.0));
    assert_eq!(names(&unnamed), ["bank", "pay"], "who shows it explains it");
}
