//! How the agent itself is.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{PartState, SharedHttp, problem::Problem};

/// `GET /health`: the process lives and answers.
pub(super) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /ready`: whether alerts are taken in, and how each part is. Parts that the agent can do without do not make it unready.
pub(super) async fn ready(State(http): State<SharedHttp>) -> Response {
    let journal = http.journal.counts().await;
    let parts = (http.parts)().await;
    let failing: Vec<_> =
        parts.iter().filter(|part| part.state == PartState::Failing).map(|part| part.name.as_str()).collect();
    let body = json!({
        "ready": journal.is_ok(),
        "journal": journal.as_ref().map_or_else(ToString::to_string, |_| "ok".to_owned()),
        "failing": failing,
        "parts": parts,
    });
    let status = if journal.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body)).into_response()
}

/// `GET /status`: what is going on.
pub(super) async fn status(State(http): State<SharedHttp>) -> Result<Json<Value>, Problem> {
    let counts = http.journal.counts().await?;
    let halted = http.journal.halted().await?;
    let map =
        |pairs: Vec<(String, u64)>| -> Value { pairs.into_iter().map(|(name, count)| (name, json!(count))).collect() };
    let services: Vec<_> = http.catalogue.load().iter().cloned().collect();
    Ok(Json(json!({
        "name": "devops-agent",
        "version": env!("CARGO_PKG_VERSION"),
        "started": http.started,
        "uptime_seconds": (http.clock.now() - http.started).num_seconds(),
        "models": http.models,
        "halted": halted,
        "policy": http.policy.load().hash,
        "incidents": { "by_phase": map(counts.phases), "by_outcome": map(counts.outcomes) },
        "services": services,
    })))
}
