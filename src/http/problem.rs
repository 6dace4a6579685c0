//! Errors as RFC 9457 problem details.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::journal::JournalError;

/// A refusal that a machine can read and a person understands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip)]
    retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { kind: "about:blank", title, status: status.as_u16(), detail: detail.into(), retry_after: None }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let detail = error.to_string();
        match error {
            JournalError::NoSuchIncident(_) => Self::not_found(detail),
            JournalError::Conflict(_) => Self::new(StatusCode::CONFLICT, detail),
            JournalError::Full { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(30),
            JournalError::Busy | JournalError::Closed => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
            }
            JournalError::Storage { .. }
            | JournalError::InUse(_)
            | JournalError::Version { .. }
            | JournalError::LeaseLost(_) => {
                tracing::error!(%detail, "the journal failed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"devops-agent\", Basic realm=\"devops-agent\""),
            );
        }
        response
    }
}
