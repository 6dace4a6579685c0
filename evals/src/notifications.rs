//! Where the world's people are told: an endpoint that takes whatever is posted below `/` and keeps it.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    routing::post,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{time, world::Shared};

/// The most notifications that are kept; the oldest make room.
const MAXIMUM_KEPT: usize = 10_000;

/// A message that people got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// When, on the world's clock.
    pub at: DateTime<Utc>,
    /// The path that it was posted to: by it one destination is told from another.
    pub path: String,
    /// Its headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

/// Serves the receiver; it answers as a Slack webhook does.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().route("/", post(take)).route("/{*path}", post(take)).with_state(shared)
}

async fn take(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> &'static str {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let notification = Notification {
        at: time::from_milliseconds(shared.now()),
        path: uri.path().to_owned(),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut kept = shared.notifications();
    if kept.len() >= MAXIMUM_KEPT {
        kept.remove(0);
    }
    kept.push(notification);
    "ok"
}
