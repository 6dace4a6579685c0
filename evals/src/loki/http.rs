//! Loki's HTTP API over a [`LogStore`].
//!
//! Queries run where the request is served: the store is in memory, and all that a query reads and answers is bounded.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::error::LokiError;
use super::log_query::{self, LogRequest};
use super::metric::{self, Times};
use super::parameters::{Bounds, Parameters};
use super::store::LogStore;
use super::syntax::Query;
use super::units;
use super::{answer, lookup, parser, push};

/// Loki's own bound on the lines of an answer.
const MAXIMUM_ENTRIES: usize = 5000;
/// Loki's own bound on a query's length, in milliseconds.
const MAXIMUM_LENGTH: i64 = 721 * 3600 * 1000;
/// The largest request body.
const MAXIMUM_BODY_BYTES: usize = 8 << 20;

#[derive(Clone)]
struct Loki {
    store: Arc<RwLock<LogStore>>,
    now: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// Serves the store as Loki. `now` says the time in nanoseconds since 1970: lines after it are not seen, and queries
/// that name no time end there and begin one hour before.
pub fn router(store: Arc<RwLock<LogStore>>, now: Arc<dyn Fn() -> i64 + Send + Sync>) -> Router {
    Router::new()
        .route("/ready", get(async || answer::text(StatusCode::OK, "ready\n".into())))
        .route("/loki/api/v1/status/buildinfo", get(build_information))
        .route("/loki/api/v1/query_range", get(query_range).post(query_range))
        .route("/loki/api/v1/query", get(query).post(query))
        .route("/loki/api/v1/labels", get(labels).post(labels))
        .route("/loki/api/v1/label", get(labels).post(labels))
        .route("/loki/api/v1/label/{name}/values", get(label_values).post(label_values))
        .route("/loki/api/v1/series", get(series).post(series))
        .route("/loki/api/v1/index/stats", get(statistics).post(statistics))
        .route("/loki/api/v1/push", post(push_lines))
        .fallback(async || answer::text(StatusCode::NOT_FOUND, "404 page not found\n".into()))
        .layer(DefaultBodyLimit::max(MAXIMUM_BODY_BYTES))
        .with_state(Loki { store, now })
}

impl Loki {
    /// Asks the store at the present time.
    fn ask(&self, question: impl FnOnce(&LogStore, i64) -> Result<Response, LokiError>) -> Response {
        let now = (self.now)();
        // Invariant: no push leaves the store half changed in a way that a reader would notice, so poison is no harm.
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        question(&store, now).unwrap_or_else(IntoResponse::into_response)
    }
}

fn parameters(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Parameters {
    let mut parameters = Parameters::default();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A form's values come first, as Go has it.
    if kind.starts_with("application/x-www-form-urlencoded") {
        parameters.add(&String::from_utf8_lossy(body));
    }
    parameters.add(uri.query().unwrap_or_default());
    parameters
}

async fn build_information() -> Response {
    answer::status_json(&json!({
        "version": "", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "go1.26.6"
    }))
}

async fn query_range(State(loki): State<Loki>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    let flags = headers.get("X-Loki-Response-Encoding-Flags").and_then(|flags| flags.to_str().ok()).unwrap_or_default();
    let categorize = flags.split(',').any(|flag| flag.trim() == "categorize-labels");
    loki.ask(|store, now| answer_range(store, &parameters, categorize, now))
}

fn answer_range(store: &LogStore, parameters: &Parameters, categorize: bool, now: i64) -> Result<Response, LokiError> {
    let bounds = parameters.ordered_bounds(now)?;
    let limit = parameters.limit()?;
    let backward = parameters.backward()?;
    let step = parameters.step(bounds)?;
    let query = parser::parse(parameters.get("query"))?;
    check_length(bounds)?;
    match query {
        Query::Log(_) if limit > MAXIMUM_ENTRIES => Err(LokiError::Refused(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAXIMUM_ENTRIES})"
        ))),
        Query::Log(selector) => {
            let end = bounds.end.min(now.saturating_add(1));
            let request = LogRequest { start: bounds.start, end, limit, backward, categorize };
            let (streams, looked_at) = log_query::run(store, &selector, request);
            Ok(answer::streams(streams, looked_at, categorize))
        }
        Query::Metric(metric) => {
            // Loki splits queries by time, and for that begins and ends them on whole steps.
            let start = bounds.start - bounds.start.rem_euclid(step);
            let end = bounds.end.saturating_add((step - bounds.end.rem_euclid(step)) % step);
            let times = Times { start, end, step, visible: now };
            metric::range(store, &metric, times).map(|series| answer::matrix(&series))
        }
    }
}

fn check_length(bounds: Bounds) -> Result<(), LokiError> {
    let milliseconds = bounds.end.div_euclid(1_000_000) - bounds.start.div_euclid(1_000_000);
    if milliseconds > MAXIMUM_LENGTH {
        let length = units::format_go_duration(milliseconds);
        let text = format!("the query time range exceeds the limit (query length: {length}, limit: 30d1h)");
        return Err(LokiError::Refused(text));
    }
    Ok(())
}

async fn query(State(loki): State<Loki>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    loki.ask(|store, now| {
        parameters.limit()?;
        let at = parameters.time(now)?;
        parameters.backward()?;
        match parser::parse(parameters.get("query"))? {
            Query::Metric(metric) => metric::instant(store, &metric, at, now).map(|moment| answer::moment(moment, at)),
            Query::Log(_) => Err(LokiError::Refused(
                "log queries are not supported as an instant query type, please change your query to a range query type".into(),
            )),
        }
    })
}

async fn labels(State(loki): State<Loki>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    loki.ask(|store, now| lookup::labels(store, &parameters, now))
}

async fn label_values(
    State(loki): State<Loki>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    loki.ask(|store, now| lookup::label_values(store, &name, &parameters, now))
}

async fn series(State(loki): State<Loki>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    loki.ask(|store, now| lookup::series(store, &parameters, now))
}

async fn statistics(State(loki): State<Loki>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let parameters = parameters(&uri, &headers, &body);
    loki.ask(|store, now| lookup::statistics(store, &parameters, now))
}

async fn push_lines(State(loki): State<Loki>, body: Bytes) -> Response {
    let now = (loki.now)();
    let mut store = loki.store.write().unwrap_or_else(PoisonError::into_inner);
    match push::push(&mut store, &body, now) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}
