//! HTTP: alerts in, incidents out. Meets the work only in the journal.

mod approvals;
mod auth;
mod chat;
mod events;
mod feedback;
mod incidents;
mod memory;
mod metrics;
mod operations;
mod problem;
mod status;
mod webhook;

use std::{sync::Arc, time::Duration};

use ::memory::Memory;
use axum::{
    Router,
    http::StatusCode,
    middleware,
    response::IntoResponse,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tools::{SharedCatalogue, SharedClock, Spec};
use tower_http::timeout::TimeoutLayer;

pub use auth::{Credential, Credentials, Proof, Role};
pub(crate) use events::follow;
pub use metrics::Metrics;
use problem::Problem;

use crate::{
    alert::Limits,
    guard::SharedPolicy,
    journal::{IntakeOptions, Journal, JournalError},
};

/// What the server needs.
pub struct Http {
    /// Where everything is written and read.
    pub journal: Journal,
    /// The services.
    pub catalogue: SharedCatalogue,
    /// The clock.
    pub clock: SharedClock,
    /// Who may ask.
    pub credentials: Credentials,
    /// Bytes a body may have.
    pub body_limit: usize,
    /// What a notification may hold.
    pub limits: Limits,
    /// How alerts are taken in.
    pub intake: IntakeOptions,
    /// Counters.
    pub metrics: Metrics,
    /// What may be done.
    pub policy: SharedPolicy,
    /// The policy's file; empty: the compiled-in one.
    pub policy_file: String,
    /// What can be asked of the runbooks.
    pub runbooks: Runbooks,
    /// What was learnt; `None` where the settings want none.
    pub memory: Option<Arc<Memory>>,
    /// The tools that change something.
    pub changes: Vec<Spec>,
    /// The models in the order in which they are tried.
    pub models: Vec<String>,
    /// Asks every part how it is.
    pub parts: Box<dyn Fn() -> BoxFuture<'static, Vec<Part>> + Send + Sync>,
    /// When the server started.
    pub started: DateTime<Utc>,
    /// How long a request may take, streams and questions left out.
    pub request_timeout: Duration,
}

/// What can be asked of the runbooks.
pub struct Runbooks {
    /// Reads them again: what came of it, or why they are as before.
    pub reload: Box<dyn Fn() -> Result<Value, String> + Send + Sync>,
    /// Learns from all incidents: what came of each lesson.
    pub learn: Box<dyn Fn() -> BoxFuture<'static, Result<Value, JournalError>> + Send + Sync>,
}

/// How one part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name: journal, Prometheus, Docker, …
    pub name: String,
    /// How it is.
    pub state: PartState,
    /// What was seen.
    pub found: String,
    /// What works without it; empty when it is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub without: String,
    /// The one step that mends it; empty when it is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mend: String,
}

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It works.
    Ok,
    /// It is not configured, and need not be.
    Absent,
    /// It is configured and does not work.
    Failing,
}

/// The server's state, handed around.
pub(crate) type SharedHttp = Arc<Http>;

/// All routes.
pub fn router(http: Http) -> Router {
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, http.request_timeout);
    let http = Arc::new(http);
    // A stream and a question last as long as the investigation.
    let lasting = Router::new()
        .route("/incidents/{id}/events", get(events::stream))
        .route("/v1/chat/completions", post(chat::completions));
    let brief = Router::new()
        .route("/alerts", post(webhook::alerts))
        .route("/webhook/alerts", post(webhook::alerts))
        .route("/incidents", get(incidents::list))
        .route("/incidents/{id}", get(incidents::show))
        .route("/incidents/{id}/entries", get(incidents::entries))
        .route("/incidents/{id}/report", get(incidents::report))
        .route("/incidents/{id}/approvals/{call}", post(approvals::answer))
        .route("/incidents/{id}/feedback", post(feedback::give))
        .route("/incidents/{id}/forget", post(feedback::forget))
        .route("/halt", get(operations::halted).post(operations::halt))
        .route("/resume", post(operations::resume))
        .route("/raise", post(operations::raise))
        .route("/policy", get(operations::policy))
        .route("/policy/reload", post(operations::reload_policy))
        .route("/runbooks/reload", post(operations::reload_runbooks))
        .route("/runbooks/learn", post(operations::learn_runbooks))
        .route("/memory", get(memory::stats))
        .route("/memory/search", get(memory::search))
        .route("/v1/models", get(chat::models))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route("/status", get(status::status))
        .route("/metrics", get(metrics::scrape))
        .layer(timeout);
    lasting
        .merge(brief)
        .fallback(|| async {
            Problem::not_found("there is no such path; see the README for all of them").into_response()
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method").into_response()
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&http), auth::guard))
        .with_state(http)
}
