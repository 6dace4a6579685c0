//! Ways in which a part of the world can fail, for tests of whoever speaks to it.

use axum::{
    body::{Body, Bytes},
    http::{Response, StatusCode, header},
};
use futures::stream;

/// A part of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Prometheus.
    Prometheus,
    /// Loki.
    Loki,
    /// Docker Engine.
    Docker,
    /// Alertmanager.
    Alertmanager,
}

/// How it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Refuse,
    /// An error status, with Retry-After in seconds where one is given.
    Status(u16, Option<u32>),
    /// 200 with something that is no JSON.
    Malformed,
    /// The answer breaks off in the middle.
    Half,
    /// No answer until the caller gives up.
    Hang,
    /// An answer of so many bytes.
    Huge(usize),
}

impl Fault {
    /// The answer of a part that fails so.
    pub(crate) async fn answer(self) -> Response<Body> {
        let plain = |status: u16, body: Body| {
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
        };
        let broken = |head: &'static str| {
            let parts = [Ok(Bytes::from_static(head.as_bytes())), Err(std::io::Error::other("broken off"))];
            Body::from_stream(stream::iter(parts))
        };
        match self {
            Self::Refuse => plain(200, broken("")),
            Self::Half => plain(200, broken("{\"status\":\"success\",\"data\":{\"resul")),
            Self::Malformed => plain(200, Body::from("<html>not what you asked for</html>")),
            Self::Hang => std::future::pending().await,
            Self::Huge(bytes) => plain(200, Body::from(vec![b' '; bytes])),
            Self::Status(status, retry_after) => {
                let mut response = plain(status, Body::from("out of order"));
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }
}
