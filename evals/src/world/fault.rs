//! Parts that fail on purpose.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    serve::Listener,
};
use futures::{StreamExt, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
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
pub(super) type Broken = Arc<RwLock<Option<Fault>>>;

pub(super) fn set(broken: &Broken, fault: Option<Fault>) {
    *broken.write().unwrap_or_else(PoisonError::into_inner) = fault;
}

fn current(broken: &Broken) -> Option<Fault> {
    broken.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What the middleware needs.
#[derive(Clone)]
pub(super) struct Breaker {
    pub(super) broken: Broken,
    pub(super) closing: watch::Receiver<bool>,
}

/// Answers wrongly while the part is broken.
pub(super) async fn answer(State(breaker): State<Breaker>, request: Request, next: Next) -> Response {
    match current(&breaker.broken) {
        None => next.run(request).await,
        // The listener closes the connection; a request that slipped through is cut off.
        Some(Fault::Refuse) => cut(0),
        Some(Fault::Status(status, retry_after)) => failed(status, retry_after),
        Some(Fault::Malformed) => ([(header::CONTENT_TYPE, "application/json")], "{\"status\":\"succ").into_response(),
        Some(Fault::Half) => half(next.run(request).await).await,
        Some(Fault::Slow(delay)) => {
            tokio::select! {
                () = tokio::time::sleep(delay) => next.run(request).await,
                () = closed(breaker.closing) => cut(0),
            }
        }
        Some(Fault::Hang) => {
            closed(breaker.closing).await;
            cut(0)
        }
        Some(Fault::Huge(bytes)) => huge(bytes),
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

async fn half(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, 64 << 20).await.unwrap_or_default();
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

/// A listener whose connections end as soon as the part refuses.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) broken: Broken,
}

/// A connection of a [`Door`].
pub(super) struct Connection {
    stream: TcpStream,
    broken: Broken,
}

impl Connection {
    /// Sends small answers at once; a failed setting only makes them later.
    pub(super) fn send_at_once(&self) {
        let _ = self.stream.set_nodelay(true);
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if current(&self.broken) != Some(Fault::Refuse) {
                return (Connection { stream, broken: Arc::clone(&self.broken) }, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() && current(&self.broken) == Some(Fault::Refuse) {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
