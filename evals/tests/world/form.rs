//! The doubles' answers have the form of the real ones: the same keys with the same kinds of values.

use serde_json::Value;

use crate::support::{get, post, start};

fn recorded(text: &str) -> Value {
    let recorded: Value = serde_json::from_str(text).unwrap();
    // Some recordings are the body alone.
    recorded.get("body").cloned().unwrap_or(recorded)
}

/// Where the double's form is not the real one's. Lists are compared by their first entries, maps from names (labels,
/// annotations, metadata) only by being maps.
fn differences(path: &str, real: &Value, double: &Value) -> Vec<String> {
    const MAPS: [&str; 5] = ["labels", "annotations", "discoveredLabels", "data", "metric"];
    match (real, double) {
        (Value::Object(one), Value::Object(other)) => {
            let name = path.rsplit('.').next().unwrap_or_default();
            let is_map = MAPS.contains(&name) && one.values().chain(other.values()).all(Value::is_string);
            if is_map {
                return Vec::new();
            }
            let missing =
                one.keys().filter(|key| !other.contains_key(*key)).map(|key| format!("{path}.{key} is missing"));
            let more =
                other.keys().filter(|key| !one.contains_key(*key)).map(|key| format!("{path}.{key} is too much"));
            let inner = one
                .iter()
                .filter_map(|(key, value)| Some(differences(&format!("{path}.{key}"), value, other.get(key)?)));
            missing.chain(more).chain(inner.flatten()).collect()
        }
        (Value::Array(one), Value::Array(other)) => match (one.first(), other.first()) {
            (Some(one), Some(other)) => differences(&format!("{path}[0]"), one, other),
            _ => Vec::new(),
        },
        _ if std::mem::discriminant(real) == std::mem::discriminant(double) => Vec::new(),
        _ => vec![format!("{path}: {real} and {double}")],
    }
}

#[tokio::test]
async fn prometheus_and_alertmanager_answer_in_their_real_form() {
    let world = start("container-killed").await;
    let (prometheus, alertmanager) = (world.prometheus_url(), world.alertmanager_url());
    let pairs = [
        (format!("{prometheus}/api/v1/alerts"), recorded(include_str!("fixtures/real_alerts.json"))),
        (format!("{prometheus}/api/v1/rules"), recorded(include_str!("fixtures/real_rules.json"))),
        (format!("{prometheus}/api/v1/targets"), recorded(include_str!("fixtures/real_targets.json"))),
        (format!("{prometheus}/api/v1/status/buildinfo"), recorded(include_str!("fixtures/real_buildinfo.json"))),
        (format!("{prometheus}/api/v1/series?match[]=up"), recorded(include_str!("fixtures/real_series.json"))),
        (format!("{alertmanager}/api/v2/alerts"), recorded(include_str!("fixtures/real_am_alerts.json"))),
        (format!("{alertmanager}/api/v2/alerts/groups"), recorded(include_str!("fixtures/real_am_groups.json"))),
        (format!("{alertmanager}/api/v2/status"), recorded(include_str!("fixtures/real_am_status.json"))),
        (format!("{alertmanager}/api/v2/silences"), recorded(include_str!("fixtures/real_am_silences.json"))),
    ];
    let mut wrong = Vec::new();
    for (url, real) in pairs {
        let (status, double) = get(&url).await;
        assert_eq!(status, 200, "{url}");
        wrong.extend(differences(&url, &real, &double));
    }
    assert_eq!(wrong, Vec::<String>::new());
    world.shutdown().await;
}

#[tokio::test]
async fn a_form_is_as_good_as_an_address() {
    let world = start("container-killed").await;
    let url = format!("{}/api/v1/query_range", world.prometheus_url());
    let (start, end) = ((world.now().timestamp() - 60).to_string(), world.now().timestamp().to_string());
    let form = [("query", "sum(up)"), ("start", &start), ("end", &end), ("step", "30s")];
    let posted = post(&url, &form).await;
    assert_eq!(posted, get(&format!("{url}?query=sum(up)&start={start}&end={end}&step=30")).await);
    assert_eq!(posted.1["data"]["result"][0]["values"].as_array().unwrap().len(), 3);
    world.shutdown().await;
}

#[tokio::test]
async fn metadata_say_what_a_metric_is() {
    let world = start("container-killed").await;
    let (_, body) = get(&format!("{}/api/v1/metadata?metric=http_requests_total", world.prometheus_url())).await;
    assert_eq!(body["data"]["http_requests_total"][0]["type"], "counter");
    assert_eq!(body["data"].as_object().unwrap().len(), 1);
    assert_eq!(get(&format!("{}/-/healthy", world.prometheus_url())).await.0, 200);
    assert_eq!(get(&format!("{}/-/ready", world.alertmanager_url())).await.0, 200);
    assert_eq!(get(&format!("{}/nothing", world.prometheus_url())).await.0, 404);
    world.shutdown().await;
}
