//! Prometheus's own errors.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error as Prometheus's HTTP API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The request is wrong.
    BadData(String),
    /// The query is right, and could not be evaluated.
    Execution(String),
}

impl ApiError {
    /// A parameter that cannot be read.
    pub(super) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter \"{name}\": {problem}"))
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadData(text) | Self::Execution(text) => formatter.write_str(text),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, kind, text) = match self {
            Self::BadData(text) => (StatusCode::BAD_REQUEST, "bad_data", text),
            Self::Execution(text) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", text),
        };
        (status, Json(json!({ "status": "error", "errorType": kind, "error": text }))).into_response()
    }
}
