//! Prometheus's HTTP API.
//!
//! Queries run where the request is served: the samples are in memory, and what a query reads and answers is bounded.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    answer,
    error::ApiError,
    lookup,
    parameters::Parameters,
    rules::{self, Alert},
};
use crate::world::Shared;

/// The largest form.
const MAXIMUM_BODY_BYTES: usize = 1 << 20;

/// Serves Prometheus.
pub(crate) fn router(shared: Shared) -> Router {
    let api = Router::new()
        .route("/query", get(query).post(query))
        .route("/query_range", get(query_range).post(query_range))
        .route("/series", get(series).post(series))
        .route("/labels", get(labels).post(labels))
        .route("/label/{name}/values", get(label_values))
        .route("/metadata", get(metadata))
        .route("/rules", get(all_rules))
        .route("/alerts", get(alerts))
        .route("/targets", get(targets))
        .route("/status/buildinfo", get(build_information));
    Router::new()
        .nest("/api/v1", api)
        .route("/-/ready", get(async || "Prometheus Server is Ready.\n"))
        .route("/-/healthy", get(async || "Prometheus Server is Healthy.\n"))
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found\n"))
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY_BYTES))
        .with_state(shared)
}

fn told(data: Result<impl serde::Serialize, ApiError>) -> Response {
    data.map_or_else(IntoResponse::into_response, answer::success)
}

async fn query(State(shared): State<Shared>, uri: Uri, form: Bytes) -> Response {
    let parameters = Parameters::read(&uri, &form);
    let ask = || {
        let at = parameters.time("time").map_err(in_query)?.unwrap_or_else(|| shared.now());
        let found = shared.engine.instant(parameters.get("query").unwrap_or_default(), at)?;
        Ok::<_, ApiError>(answer::instant(&found, at))
    };
    told(ask())
}

/// An instant query words this one differently.
fn in_query(error: ApiError) -> ApiError {
    match error {
        ApiError::BadData(text) => {
            ApiError::BadData(text.replace("\"time\": ", "\"time\": Invalid time value for 'time': "))
        }
        execution @ ApiError::Execution(_) => execution,
    }
}

async fn query_range(State(shared): State<Shared>, uri: Uri, form: Bytes) -> Response {
    let parameters = Parameters::read(&uri, &form);
    let ask = || {
        let (start, end) = (parameters.required_time("start")?, parameters.required_time("end")?);
        let step = parameters.duration("step")?;
        let found = shared.engine.range(parameters.get("query").unwrap_or_default(), start, end, step)?;
        Ok::<_, ApiError>(answer::matrix(&found))
    };
    told(ask())
}

async fn series(State(shared): State<Shared>, uri: Uri, form: Bytes) -> Response {
    told(lookup::series(&shared.engine, &Parameters::read(&uri, &form), true))
}

async fn labels(State(shared): State<Shared>, uri: Uri, form: Bytes) -> Response {
    told(lookup::labels(&shared.engine, &Parameters::read(&uri, &form)))
}

async fn label_values(State(shared): State<Shared>, Path(name): Path<String>, uri: Uri) -> Response {
    told(lookup::label_values(&shared.engine, &name, &Parameters::read(&uri, &Bytes::new())))
}

async fn metadata(State(shared): State<Shared>, uri: Uri) -> Response {
    let case = shared.state().case().clone();
    answer::success(lookup::metadata(&case, &Parameters::read(&uri, &Bytes::new())))
}

async fn all_rules(State(shared): State<Shared>, uri: Uri) -> Response {
    let parameters = Parameters::read(&uri, &Bytes::new());
    if parameters.get("type") == Some("record") {
        return answer::success(json!({ "groups": [] }));
    }
    let (now, case) = now_and_case(&shared);
    told(rules::group(&shared.engine, &case.rules, now).map(|group| json!({ "groups": [group] })))
}

async fn alerts(State(shared): State<Shared>) -> Response {
    let (now, case) = now_and_case(&shared);
    let all = || {
        let mut all: Vec<Value> = Vec::new();
        for rule in &case.rules {
            all.extend(rules::alerts(&shared.engine, rule, now)?.iter().map(Alert::json));
        }
        Ok::<_, ApiError>(json!({ "alerts": all }))
    };
    told(all())
}

async fn targets(State(shared): State<Shared>) -> Response {
    let now = shared.now();
    answer::success(lookup::targets(&shared.engine, now))
}

async fn build_information() -> Response {
    answer::success(json!({
        "version": "2.42.0",
        "revision": "225c61122d88b01d1f0eaaee0e05b6f3e0567ac0",
        "branch": "HEAD",
        "buildUser": "root@c67d48967507",
        "buildDate": "20230201-07:53:32",
        "goVersion": "go1.19.5",
    }))
}

fn now_and_case(shared: &Shared) -> (i64, std::sync::Arc<crate::case::Case>) {
    let state = shared.state();
    (state.now(), state.case().clone())
}
