//! `GET /memory`: how much was learnt; `GET /memory/search`: what of it is like this.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use memory::{Ask, Collection, Filter, Memory, MemoryError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, problem::Problem};

/// Hits when nothing else is said.
const LIMIT: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    collection: Collection,
    text: String,
    service: Option<String>,
    environment: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn stats(State(http): State<SharedHttp>) -> Result<Json<Value>, Problem> {
    let memory = there(&http)?;
    let collections = memory.stats().await.map_err(|error| problem(&error))?;
    Ok(Json(json!({ "place": memory.place(), "collections": collections })))
}

pub(super) async fn search(
    State(http): State<SharedHttp>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let right = "right would be /memory/search?collection=runbooks&text=disk%20full";
    let Query(Wanted { collection, text, service, environment, limit }) =
        wanted.map_err(|error| Problem::new(error.status(), format!("{}; {right}", error.body_text())))?;
    let filter = Filter { service, environment, general: true, ..Filter::default() };
    let ask = Ask { text, filter, limit: limit.unwrap_or(LIMIT) };
    let found = there(&http)?.search(collection, &ask).await.map_err(|error| problem(&error))?;
    Ok(Json(json!({ "hits": found.hits, "closest": found.closest, "notes": found.notes })))
}

fn there(http: &SharedHttp) -> Result<&Arc<Memory>, Problem> {
    let off = || Problem::new(StatusCode::NOT_FOUND, "there is no memory: [memory] enabled is false".to_owned());
    http.memory.as_ref().ok_or_else(off)
}

fn problem(error: &MemoryError) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}
