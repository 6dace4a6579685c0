//! Parts that fail on purpose.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use tokio::sync::watch;

use super::{
    call_fault::{Armed, BrokenCall},
    line::Line,
};

/// A part of the world that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Prometheus.
    Prometheus,
    /// Loki.
    Loki,
    /// Docker Engine.
    Docker,
    /// Alertmanager.
    Alertmanager,
    /// The receiver of messages.
    Notifications,
    /// GitHub.
    GitHub,
}

/// How a part fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Refuse,
    /// Every answer has this status; with `Retry-After` in seconds if given.
    Status(u16, Option<u64>),
    /// The answer says that it is JSON, and is not.
    Malformed,
    /// The answer's body is cut in the middle; its length says that there would be more.
    Half,
    /// The answer comes after this real time.
    Slow(std::time::Duration),
    /// The answer never comes.
    Hang,
    /// The answer is that many bytes long.
    Huge(u64),
}

/// What a part fails with now, shared by its listener and its middleware.
pub(super) type Broken = Arc<Faults>;

/// The faults of one part.
#[derive(Debug, Default)]
pub(super) struct Faults {
    part: RwLock<Option<Fault>>,
    calls: Mutex<Armed>,
}

impl Faults {
    pub(super) fn set(&self, fault: Option<Fault>) {
        *self.part.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn current(&self) -> Option<Fault> {
        self.part.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn refuses(&self) -> bool {
        *self.part.read().unwrap_or_else(PoisonError::into_inner) == Some(Fault::Refuse)
    }

    fn armed(&self) -> MutexGuard<'_, Armed> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arm(&self, call: BrokenCall) {
        self.armed().arm(call);
    }

    pub(super) fn disarm(&self) {
        self.armed().disarm();
    }

    pub(super) fn struck(&self) -> u64 {
        self.armed().struck()
    }
}

/// What the middleware needs.
#[derive(Clone)]
pub(super) struct Breaker {
    pub(super) broken: Broken,
    pub(super) closing: watch::Receiver<bool>,
}

/// Answers wrongly while the part is broken, and where a call is to be struck.
pub(super) async fn answer(
    State(breaker): State<Breaker>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(fault) = breaker.broken.current() {
        return fail(fault, &breaker, &line, || next.run(request)).await;
    }
    let struck = breaker.broken.armed().strike(request.method().as_str(), request.uri().path());
    match struck {
        None => next.run(request).await,
        Some((fault, false)) => fail(fault, &breaker, &line, || next.run(request)).await,
        Some((fault, true)) => {
            // It is done, and only its answer is lost.
            let response = next.run(request).await;
            fail(fault, &breaker, &line, || std::future::ready(response)).await
        }
    }
}

async fn fail<F: Future<Output = Response>>(
    fault: Fault,
    breaker: &Breaker,
    line: &Line,
    run: impl FnOnce() -> F,
) -> Response {
    match fault {
        Fault::Refuse => line.cut(),
        Fault::Status(status, retry_after) => failed(status, retry_after),
        Fault::Malformed => ([(header::CONTENT_TYPE, "application/json")], "{\"status\":\"succ").into_response(),
        Fault::Half => half(run().await, line).await,
        Fault::Slow(delay) => {
            tokio::select! {
                () = tokio::time::sleep(delay) => run().await,
                () = closed(breaker.closing.clone()) => line.cut(),
            }
        }
        Fault::Hang => {
            closed(breaker.closing.clone()).await;
            line.cut()
        }
        Fault::Huge(bytes) => huge(bytes),
    }
}

/// Waits until the world shuts down.
pub(crate) async fn closed(mut closing: watch::Receiver<bool>) {
    // An error means that the world is gone, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

fn failed(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, status.canonical_reason().unwrap_or("failed")).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A body that ends before its `Content-Length`, by a closed connection.
pub(crate) fn cut(length: u64) -> Response {
    let error = || Err::<Bytes, io::Error>(io::Error::from(io::ErrorKind::ConnectionReset));
    let mut response = Body::from_stream(stream::once(async move { error() })).into_response();
    if length > 0 {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

async fn half(response: Response, line: &Line) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, 64 << 20).await.unwrap_or_default();
    if whole.is_empty() {
        // Half of nothing is a connection that ends.
        return line.cut();
    }
    let first = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    let broken = async {
        // What was written goes out while the body is waited for.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    };
    let chunks = stream::once(async move { Ok(first) }).chain(stream::once(broken));
    Response::from_parts(parts, Body::from_stream(chunks))
}

fn huge(bytes: u64) -> Response {
    const CHUNK: u64 = 64 << 10;
    let chunks = stream::unfold(bytes, |left| async move {
        let size = left.min(CHUNK);
        let chunk = Bytes::from(vec![b' '; usize::try_from(size).unwrap_or_default()]);
        (size > 0).then(|| (Ok::<_, io::Error>(chunk), left - size))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}
