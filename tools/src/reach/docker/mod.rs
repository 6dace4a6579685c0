//! Docker Engine's API, by bollard: bounded, and with errors sorted by who can act.
//!
//! Source: <https://docs.docker.com/reference/api/engine/version/v1.41/>

mod containers;
mod events;
mod images;
mod logs;
mod networks;
mod services;

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, errors::Error};
use futures::{Stream, StreamExt};

use crate::{Failure, System, text};

pub use containers::Container;

pub use images::Image;
pub(crate) use services::{SwarmService, SwarmUpdate};

/// A client of one Docker Engine.
pub struct Docker {
    host: Host,
    timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Unix(String),
    Http(String),
}

/// Why Docker cannot be reached by these settings.
pub type DockerError = Failure;

impl Docker {
    /// A client; asks nothing yet. `host` is `unix://…`, `tcp://…` or `http://…`; empty means Docker's default socket.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `host` is of another form.
    pub fn connect(host: &str, timeout: Duration) -> Result<Self, DockerError> {
        let host = match host.split_once("://") {
            None if host.is_empty() => Host::Unix("/var/run/docker.sock".to_owned()),
            Some(("unix", path)) => Host::Unix(path.to_owned()),
            Some(("tcp" | "http", _)) => Host::Http(host.trim_end_matches('/').to_owned()),
            Some(_) | None => {
                let what = "Docker's host is not understood; right would be \"unix:///var/run/docker.sock\" or \"tcp://host:2375\"";
                return Err(Failure::Tell(what.to_owned()));
            }
        };
        Ok(Self { host, timeout })
    }

    /// Whether it answers, and its version.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub async fn version(&self) -> Result<String, Failure> {
        let version = self.client(self.timeout)?.version().await.map_err(failure)?;
        let (engine, api) = (version.version.unwrap_or_default(), version.api_version.unwrap_or_default());
        Ok(text::clean(&format!("engine {engine}, API {api}")))
    }

    /// How many cores the machine has that Docker runs on.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub(crate) async fn cores(&self) -> Result<u64, Failure> {
        let info = self.client(self.timeout)?.info().await.map_err(failure)?;
        Ok(info.ncpu.and_then(|cores| u64::try_from(cores).ok()).unwrap_or(1).max(1))
    }

    /// The next part of an answer that comes in parts, or that it took too long.
    async fn next<S: Stream + Unpin>(&self, stream: &mut S) -> Result<Option<S::Item>, Failure> {
        let late =
            |_| Failure::unreachable(System::Docker, format!("no answer within {} ms", self.timeout.as_millis()));
        tokio::time::timeout(self.timeout, stream.next()).await.map_err(late)
    }

    /// A connection is made for each request: Docker may come and go while we run.
    fn client(&self, timeout: Duration) -> Result<bollard::Docker, Failure> {
        // bollard counts whole seconds; a shorter time-out must not become none at all.
        let seconds = timeout.as_secs_f64().ceil().max(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of seconds")]
        let seconds = seconds as u64;
        match &self.host {
            Host::Unix(path) => bollard::Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION),
            Host::Http(address) => bollard::Docker::connect_with_http(address, seconds, API_DEFAULT_VERSION),
        }
        .map_err(failure)
    }
}

/// Asked again when the engine said that what was read is no longer so.
/// Whether another was faster; Docker has no status of its own for it.
fn out_of_sequence(message: &str) -> bool {
    message.contains("update out of sequence")
}

fn failure(error: Error) -> Failure {
    if let Error::DockerResponseServerError { status_code, message } = &error {
        let message = text::one_line(&text::clean(message), 300);
        return match status_code {
            400 | 404 | 409 => Failure::Tell(format!("Docker says ({status_code}): {message}")),
            _ => Failure::unreachable(System::Docker, format!("answers {status_code}: {message}")),
        };
    }
    if matches!(error, Error::RequestTimeoutError) {
        return Failure::unreachable(System::Docker, "no answer in time");
    }
    let mut why = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(found) = cause {
        why = found.to_string();
        cause = found.source();
    }
    Failure::unreachable(System::Docker, text::one_line(&text::clean(&why), 300))
}

/// Whether a failure says that there is no such thing.
pub(crate) fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Tell(text) if text.starts_with("Docker says (404)"))
}
