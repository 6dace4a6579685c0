//! Alertmanager's API v2 over the world's rules.
//!
//! Source: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use axum::{Json, Router, extract::State, response::IntoResponse, routing::get};
use serde_json::{Value, json};

use crate::{rules, world::SharedStage};

pub(crate) fn router(stage: SharedStage) -> Router {
    Router::new()
        .route("/api/v2/status", get(status))
        .route("/api/v2/alerts", get(alerts))
        .route("/api/v2/silences", get(|| async { Json(json!([])) }))
        .route("/api/v2/receivers", get(|| async { Json(json!([{ "name": "devops-agent" }])) }))
        .route("/-/ready", get(|| async { "OK" }))
        .route("/-/healthy", get(|| async { "OK" }))
        .with_state(stage)
}

async fn status(State(stage): State<SharedStage>) -> impl IntoResponse {
    let started = stage.lock().case.starts_at;
    Json(json!({
        "cluster": { "status": "disabled", "peers": [] }, "config": { "original": "" }, "uptime": started,
        "versionInfo": { "version": "0.25.0", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "" },
    }))
}

/// Alerts that fire; Alertmanager never hears of pending ones.
async fn alerts(State(stage): State<SharedStage>) -> Json<Value> {
    let stage = stage.lock();
    let now = stage.now();
    let active = stage
        .case
        .rules
        .iter()
        .flat_map(|rule| rules::active(rule, &stage.metrics, now))
        .filter(|active| active.firing);
    let told = active.map(|active| {
        let fingerprint = active.labels.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, (name, value)| {
            // FNV-1a, as Prometheus fingerprints label sets.
            let bytes = name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]);
            bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        });
        json!({
            "labels": active.labels, "annotations": active.annotations, "startsAt": active.fires_since, "updatedAt": now,
            "endsAt": now + chrono::TimeDelta::minutes(4), "fingerprint": format!("{fingerprint:016x}"),
            "receivers": [{ "name": "devops-agent" }], "generatorURL": "",
            "status": { "state": "active", "silencedBy": [], "inhibitedBy": [] },
        })
    });
    Json(Value::Array(told.collect()))
}
