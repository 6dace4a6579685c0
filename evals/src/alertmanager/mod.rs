//! Alertmanager's API v2, over the case's rules at the virtual now, with silences that hold.

mod http;
mod matcher;
mod silences;

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use http::{Refused, filters, pairs};
use matcher::Matcher;
pub(crate) use silences::Silences;
pub use silences::{SilenceAction, SilenceChange, SilenceState, WorldSilence};

use crate::{
    case::{Case, Labels},
    prometheus::{
        Engine,
        rules::{self, Alert},
    },
    time::rfc3339,
    world::{self, Shared},
};

/// After how long without being told anew an alert is taken as resolved, in milliseconds.
const RESOLVE_AFTER: i64 = 4 * 60 * 1000;
const RECEIVER: &str = "devops-agent";
const CONFIGURATION: &str = "route:\n  receiver: devops-agent\n  group_by:\n  - alertname\n  - service\n  continue: false\n  \
    group_wait: 0s\n  group_interval: 1s\n  repeat_interval: 1h\nreceivers:\n- name: devops-agent\n  webhook_configs:\n  \
    - send_resolved: true\n    url: http://127.0.0.1:8080/alerts\n    max_alerts: 0\ntemplates: []\n";

/// Serves Alertmanager.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/-/ready", get(async || "OK"))
        .route("/-/healthy", get(async || "OK"))
        .route("/api/v2/status", get(status))
        .route("/api/v2/alerts", get(alerts))
        .route("/api/v2/alerts/groups", get(groups))
        .route("/api/v2/receivers", get(async || Json(json!([{ "name": RECEIVER }]))))
        .route("/api/v2/silences", get(http::list).post(http::post))
        .route("/api/v2/silence/{id}", get(http::get).delete(http::expire))
        .with_state(shared)
}

async fn status(State(shared): State<Shared>) -> Response {
    let begun = shared.state().case().now - 86_400_000;
    Json(json!({
        "cluster": { "peers": [], "status": "disabled" },
        "config": { "original": CONFIGURATION },
        "uptime": rfc3339(begun),
        "versionInfo": {
            "branch": "HEAD",
            "buildDate": "20221222-14:51:36",
            "buildUser": "root@abe866dd5717",
            "goVersion": "go1.19.4",
            "revision": "258fab7cdd551f2cf251ed0348f0ad7289aee789",
            "version": "0.25.0",
        },
    }))
    .into_response()
}

/// Which alerts are asked for: those that are silenced and those that are not, and by their labels.
struct Wanted {
    active: bool,
    silenced: bool,
    filters: Vec<Matcher>,
}

impl Wanted {
    fn of(query: Option<&str>) -> Result<Self, Refused> {
        let pairs = pairs(query);
        let yes = |name: &str| !pairs.iter().any(|(given, value)| given == name && value == "false");
        Ok(Self { active: yes("active"), silenced: yes("silenced"), filters: filters(query)? })
    }

    fn takes(&self, alert: &Alert, silenced: bool) -> bool {
        let asked = if silenced { self.silenced } else { self.active };
        asked && self.filters.iter().all(|filter| filter.matches(&alert.labels))
    }
}

/// All that fires, as Prometheus told it last, in the order of the fingerprints.
fn firing(shared: &Shared, wanted: &Wanted) -> Vec<Value> {
    let (now, case) = {
        let state = shared.state();
        (state.now(), state.case().clone())
    };
    let told = rules::last_evaluation(now);
    let silences = shared.silences();
    let documents = firing_of(&shared.engine, &case, now).into_iter().filter_map(|alert| {
        let by = silences.of_alert(&alert.labels, now);
        let document = wanted.takes(&alert, !by.is_empty()).then(|| document(&alert, told, &by))?;
        Some((fingerprint(&alert.labels), document))
    });
    let sorted: BTreeMap<_, _> = documents.collect();
    sorted.into_values().collect()
}

fn firing_of(engine: &Engine, case: &Case, now: i64) -> Vec<Alert> {
    let of_rule = |rule| rules::alerts(engine, rule, now).unwrap_or_default();
    case.rules.iter().flat_map(of_rule).filter(|alert| alert.state == rules::State::Firing).collect()
}

/// The webhook's body when a made-up case begins: the first alert of the service that fires; `None` when none does.
pub(crate) fn webhook(case: &Case, service: &str) -> Option<Value> {
    let engine = world::engine_at_first(case)?;
    let of_service = |alert: &Alert| alert.labels.get("service").is_some_and(|found| found == service);
    let all = firing_of(&engine, case, case.now);
    let alert = all.iter().find(|alert| of_service(alert))?;
    let name = alert.labels.get("alertname").map_or("", String::as_str);
    let group = json!({ "alertname": name, "service": service });
    Some(json!({
        "receiver": RECEIVER,
        "status": "firing",
        "alerts": [{
            "status": "firing",
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": rfc3339(alert.fired_at),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": generator(&alert.expression),
            "fingerprint": fingerprint(&alert.labels),
        }],
        "groupLabels": group,
        "commonLabels": alert.labels,
        "commonAnnotations": alert.annotations,
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": format!("{{}}:{{alertname=\"{name}\", service=\"{service}\"}}"),
        "truncatedAlerts": 0,
    }))
}

fn document(alert: &Alert, told: i64, silenced_by: &[&str]) -> Value {
    let state = if silenced_by.is_empty() { "active" } else { "suppressed" };
    json!({
        "annotations": alert.annotations,
        "endsAt": rfc3339(told + RESOLVE_AFTER),
        "fingerprint": fingerprint(&alert.labels),
        "receivers": [{ "name": RECEIVER }],
        "startsAt": rfc3339(alert.fired_at),
        "status": { "inhibitedBy": [], "silencedBy": silenced_by, "state": state },
        "updatedAt": rfc3339(told),
        "generatorURL": generator(&alert.expression),
        "labels": alert.labels,
    })
}

/// Prometheus's address of an expression's graph.
fn generator(expression: &str) -> String {
    let query: String = expression.bytes().map(escaped).collect();
    format!("http://prometheus:9090/graph?g0.expr={query}&g0.tab=1")
}

/// As Go escapes a query's value.
fn escaped(byte: u8) -> String {
    match byte {
        b' ' => "+".to_owned(),
        b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// Alertmanager's fingerprint of a label set: FNV-1a over names and values in order, each followed by 255.
fn fingerprint(labels: &Labels) -> String {
    let bytes = labels.iter().flat_map(|(name, value)| [name, value]).flat_map(|text| text.bytes().chain([255]));
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

async fn alerts(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    Ok(Json(firing(&shared, &Wanted::of(query.as_deref())?)).into_response())
}

async fn groups(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let mut groups: BTreeMap<Labels, Vec<Value>> = BTreeMap::new();
    for alert in firing(&shared, &Wanted::of(query.as_deref())?) {
        let label =
            |name: &str| Some((name.to_owned(), alert.pointer(&format!("/labels/{name}"))?.as_str()?.to_owned()));
        let labels = ["alertname", "service"].into_iter().filter_map(label).collect();
        groups.entry(labels).or_default().push(alert);
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(labels, alerts)| json!({ "alerts": alerts, "labels": labels, "receiver": { "name": RECEIVER } }))
        .collect();
    Ok(Json(groups).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_one_that_alertmanager_gave() {
        let labels = [
            ("alertname", "AppErrors"),
            ("cluster", "lab"),
            ("instance", "127.0.0.1:29191"),
            ("instance_id", "i0"),
            ("job", "app"),
            ("service", "svc0"),
            ("severity", "critical"),
        ];
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(fingerprint(&labels), "af439c5737d2c7cc");
    }

    #[test]
    fn an_expression_is_escaped_as_prometheus_escapes_it() {
        assert_eq!(generator("app_errors > 0"), "http://prometheus:9090/graph?g0.expr=app_errors+%3E+0&g0.tab=1");
    }
}
