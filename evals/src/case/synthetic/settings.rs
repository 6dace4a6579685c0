//! What the agent and Prometheus are told of a made-up service.

use std::collections::BTreeMap;

use super::SyntheticService;
use crate::case::{Rule, metrics::Family};

/// `[services.<name>]` in the agent's settings format.
pub(super) fn entry(service: &SyntheticService) -> toml::Value {
    let name = &service.name;
    let mut entry = toml::Table::new();
    let mut set = |key: &str, value: toml::Value| drop(entry.insert(key.to_owned(), value));
    if service.replicas == 1 && !service.swarm {
        set("container", format!("{name}-1").into());
    } else {
        let label = if service.swarm { "com.docker.swarm.service.name" } else { "com.docker.compose.service" };
        set("labels", toml::Table::from_iter([(label.to_owned(), name.clone().into())]).into());
    }
    set("health_url", format!("{{{{world}}}}/services/{name}/health").into());
    set("prometheus", format!("{{job=\"{name}\"}}").into());
    set("logs", format!("{{service=\"{name}\"}}").into());
    set("environment", "production".into());
    set("error_rate", error_rate(name).into());
    set("latency", latency(name).into());
    set("depends_on", service.depends_on.clone().into());
    if service.protected {
        set("protected", true.into());
    }
    if let Some(autonomy) = &service.autonomy {
        set("autonomy", autonomy.clone().into());
    }
    entry.into()
}

fn error_rate(name: &str) -> String {
    format!(
        "sum by (job) (rate(http_requests_total{{job=\"{name}\",status=~\"5..\"}}[1m])) \
         / sum by (job) (rate(http_requests_total{{job=\"{name}\"}}[1m]))"
    )
}

fn latency(name: &str) -> String {
    format!(
        "sum by (job) (rate(http_request_duration_seconds_sum{{job=\"{name}\"}}[1m])) \
         / sum by (job) (rate(http_request_duration_seconds_count{{job=\"{name}\"}}[1m]))"
    )
}

/// A rule for containers that are down, and one for errors.
pub(super) fn rules(service: &SyntheticService) -> [Rule; 2] {
    let name = &service.name;
    let map = |pairs: [(&str, &str); 2]| pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    [
        Rule {
            alert: "ServiceDown".to_owned(),
            expr: format!("up{{job=\"{name}\"}} == 0"),
            hold: 30,
            labels: map([("service", name), ("severity", "critical")]),
            annotations: map([
                ("summary", "{{ $labels.job }} is down."),
                ("description", "Prometheus cannot scrape {{ $labels.instance }} of {{ $labels.job }}."),
            ]),
        },
        Rule {
            alert: "HighErrorRate".to_owned(),
            expr: format!("{} > 0.05", error_rate(name)),
            hold: 60,
            labels: map([("service", name), ("severity", "warning")]),
            annotations: map([
                ("summary", "{{ $labels.job }} answers over 5% of requests with errors."),
                ("description", "{{ $value | humanizePercentage }} of the requests to {{ $labels.job }} failed."),
            ]),
        },
    ]
}

/// The metrics that made-up services have.
pub(super) fn families() -> BTreeMap<String, Family> {
    let families = [
        ("up", "gauge", "Whether the last scrape of the target succeeded."),
        ("http_requests_total", "counter", "Requests answered, by status."),
        ("http_request_duration_seconds", "histogram", "How long requests took."),
        ("http_requests_in_flight", "gauge", "Requests that are being worked on."),
        ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
        ("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."),
        ("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds."),
    ];
    let family = |(name, kind, help): (&str, &str, &str)| {
        (name.to_owned(), Family { kind: kind.to_owned(), help: help.to_owned() })
    };
    families.into_iter().map(family).collect()
}
