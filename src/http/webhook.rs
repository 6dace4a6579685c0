//! Alertmanager's webhook: answered after its events are on disk, and not before.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::json;

use super::{Http, SharedHttp, problem::Problem};
use crate::alert::Notification;

/// `POST /alerts`, `POST /webhook/alerts`.
pub(super) async fn alerts(State(http): State<SharedHttp>, headers: HeaderMap, body: Body) -> Response {
    match take(&http, &headers, body).await {
        Ok(response) => response,
        Err(problem) => {
            http.metrics.refused();
            problem.into_response()
        }
    }
}

async fn take(http: &Http, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    let body = read(headers, body, http.body_limit).await?;
    let notification =
        Notification::parse(&body, &http.limits).map_err(|refused| Problem::bad_request(refused.to_string()))?;
    let alerts = notification.alerts.len();
    let taken = http.journal.take(notification, http.catalogue.load(), http.intake.clone()).await?;
    http.metrics.taken(alerts, &taken);
    if !taken.opened.is_empty() {
        tracing::info!(incidents = ?taken.opened, alerts, "alerts taken in");
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "taken": taken }))).into_response())
}

/// Reads a body up to the limit; a larger one is refused without reading it whole.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes ([http] body_limit)");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut read = Vec::with_capacity(length.unwrap_or(0));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Problem::bad_request(format!("the body broke off: {error}")))?;
        if read.len() + chunk.len() > limit {
            return Err(too_large());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.into())
}
