//! Incidents to read: lists, one, its entries, its report.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, problem::Problem};
use crate::{
    incident::{Entry, Event, IncidentId, Seq},
    journal::Filter,
    report::Report,
};

/// Entries of one answer.
const ENTRIES: usize = 1_000;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    phase: Option<String>,
    service: Option<String>,
    limit: Option<usize>,
}

/// `GET /incidents`.
pub(super) async fn list(
    State(http): State<SharedHttp>,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let most = query.limit.unwrap_or(100).clamp(1, 1_000);
    let filter = Filter { phase: query.phase, service: query.service, most, ..Filter::default() };
    Ok(Json(json!({ "incidents": http.journal.list(filter).await? })))
}

/// `GET /incidents/{id}`.
pub(super) async fn show(State(http): State<SharedHttp>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let (incident, _) = http.journal.incident(number(&id)?).await?;
    let pending: Vec<_> = incident
        .pending_approvals()
        .map(|(state, approval)| {
            json!({
                "call": state.call.id, "tool": state.call.tool, "args": state.call.args, "hash": approval.hash,
                "expires": approval.expires, "wanted": approval.wanted,
                "because": state.verdict.as_ref().map(|verdict| verdict.reason().to_string()),
            })
        })
        .collect();
    let mut value = serde_json::to_value(&incident).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("service".to_owned(), json!(incident.service.service()));
        fields.insert("service_found".to_owned(), json!(incident.service));
        fields.insert("pending_approvals".to_owned(), json!(pending));
    }
    Ok(Json(value))
}

#[derive(Debug, Deserialize)]
pub(super) struct EntriesQuery {
    #[serde(default)]
    after: Seq,
    #[serde(default)]
    raw: bool,
}

/// `GET /incidents/{id}/entries?after=SEQ&raw=true`.
pub(super) async fn entries(
    State(http): State<SharedHttp>,
    Path(id): Path<String>,
    query: Result<Query<EntriesQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let id = number(&id)?;
    let mut entries = http.journal.entries(id, query.after, ENTRIES).await?;
    if entries.is_empty() {
        // Tells an incident without later entries from one that does not exist.
        http.journal.exists(id).await?;
    }
    if !query.raw {
        entries.iter_mut().for_each(without_raw);
    }
    Ok(Json(json!({ "entries": entries })))
}

/// `GET /incidents/{id}/report`, Markdown or JSON by `Accept`.
pub(super) async fn report(
    State(http): State<SharedHttp>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (incident, entries) = http.journal.incident(number(&id)?).await?;
    let report = Report::new(&incident, &entries);
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    if accept.contains("json") {
        return Ok(Json(report).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], report.markdown()).into_response())
}

/// The raw answer of an outside system is large and rarely wanted.
pub(super) fn without_raw(entry: &mut Entry) {
    if let Event::Answered { raw, .. } = &mut entry.event {
        *raw = Value::Null;
    }
}

/// An incident's number out of a path.
pub(super) fn number(id: &str) -> Result<IncidentId, Problem> {
    id.parse().map_err(|_| Problem::not_found(format!("{id:?} is no incident; incidents are numbered from 1")))
}
