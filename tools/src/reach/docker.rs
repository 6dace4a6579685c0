//! Docker Engine's API, by bollard: bounded, and with errors sorted by who can act.
//!
//! Source: <https://docs.docker.com/reference/api/engine/version/v1.41/>

use std::{collections::HashMap, time::Duration};

use bollard::{
    API_DEFAULT_VERSION,
    container::LogOutput,
    errors::Error,
    models::{ContainerInspectResponse, ContainerStatsResponse, ContainerSummary, EventMessage},
    query_parameters::{
        EventsOptions, InspectContainerOptions, ListContainersOptions, LogsOptions, RestartContainerOptions,
        StartContainerOptions, StatsOptions,
    },
};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};

use crate::{Failure, Service, System, text};

/// Containers of one service that are looked at.
const CONTAINERS: usize = 50;
/// Bytes of a log that are read at most.
const LOG_BYTES: usize = 4 << 20;
/// Events that are read at most.
const EVENTS: usize = 2_000;

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

/// A container of a service: its name and what Docker says of it.
pub type Container = ContainerInspectResponse;

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

    /// All containers, stopped ones among them.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub async fn list(&self) -> Result<Vec<ContainerSummary>, Failure> {
        let options = ListContainersOptions { all: true, ..Default::default() };
        self.client(self.timeout)?.list_containers(Some(options)).await.map_err(failure)
    }

    /// The containers of a service, sorted by name. Names are compared whole: Docker's own filter would match a part.
    ///
    /// # Errors
    /// [`Failure::Tell`] when the service has none, or the catalogue names neither container nor labels.
    pub async fn of_service(&self, service: &Service) -> Result<Vec<Container>, Failure> {
        let name = &service.name;
        if service.container.is_none() && service.labels.is_empty() {
            return Err(Failure::Tell(format!(
                "the catalogue names no container of {name}: set `container` or `labels` in [services.{name}]"
            )));
        }
        let mut found: Vec<_> =
            self.list().await?.into_iter().filter(|container| belongs(container, service)).collect();
        found.sort_by_key(summary_name);
        if found.is_empty() {
            let what = service
                .container
                .as_ref()
                .map_or_else(|| format!("labels {:?}", service.labels), |container| format!("the name {container:?}"));
            return Err(Failure::Tell(format!("Docker knows no container of {name}: none has {what}")));
        }
        let mut containers = Vec::new();
        for summary in found.into_iter().take(CONTAINERS) {
            containers.push(self.inspect(&summary.id.unwrap_or_default()).await?);
        }
        Ok(containers)
    }

    /// One container by its id.
    ///
    /// # Errors
    /// `Tell` when there is none; else `Unreachable`.
    pub async fn inspect(&self, id: &str) -> Result<Container, Failure> {
        self.client(self.timeout)?.inspect_container(id, None::<InspectContainerOptions>).await.map_err(failure)
    }

    /// What a running container uses at this moment; `None` when Docker does not say in time.
    pub async fn usage(&self, id: &str) -> Option<ContainerStatsResponse> {
        let client = self.client(self.timeout).ok()?;
        let options = StatsOptions { stream: false, one_shot: true };
        let mut stats = std::pin::pin!(client.stats(id, Some(options)));
        tokio::time::timeout(Duration::from_millis(500), stats.next()).await.ok()??.ok()
    }

    /// Lines of a container's log since a moment, newest `tail`; each with the stream's name and the moment.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn logs(
        &self,
        id: &str,
        since: DateTime<Utc>,
        tail: usize,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let client = self.client(self.timeout)?;
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            timestamps: true,
            since: i32::try_from(since.timestamp()).unwrap_or(0),
            tail: tail.to_string(),
            ..Default::default()
        };
        let mut lines = Vec::new();
        let mut bytes = 0;
        let mut output = std::pin::pin!(client.logs(id, Some(options)));
        while let Some(part) = self.next(&mut output).await? {
            let (stream, message) = match part.map_err(failure)? {
                LogOutput::StdErr { message } => ("stderr", message),
                LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                    ("stdout", message)
                }
            };
            bytes += message.len();
            lines.extend(String::from_utf8_lossy(&message).lines().map(|line| (stream, line.to_owned())));
            if bytes > LOG_BYTES {
                break;
            }
        }
        Ok(lines)
    }

    /// What the engine says happened to a container between two moments; probes left out.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub async fn events(
        &self,
        id: &str,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<EventMessage>, Failure> {
        let client = self.client(self.timeout)?;
        let options = EventsOptions {
            since: Some(since.timestamp().to_string()),
            until: Some(until.timestamp().to_string()),
            filters: Some(HashMap::from([("container".to_owned(), vec![id.to_owned()])])),
        };
        let mut events = Vec::new();
        let mut output = std::pin::pin!(client.events(Some(options)));
        while let Some(event) = self.next(&mut output).await? {
            let event = event.map_err(failure)?;
            if event.action.as_deref().is_some_and(|action| !action.starts_with("exec_")) {
                events.push(event);
            }
            if events.len() >= EVENTS {
                break;
            }
        }
        Ok(events)
    }

    /// Restarts a container with its own stop signal and time-out; a stopped one is started.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn restart(&self, id: &str, stop_timeout: Duration) -> Result<(), Failure> {
        let client = self.client(self.timeout + stop_timeout)?;
        client.restart_container(id, None::<RestartContainerOptions>).await.map_err(failure)
    }

    /// Starts a stopped container; one that runs is left alone.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn start(&self, id: &str) -> Result<(), Failure> {
        self.client(self.timeout)?.start_container(id, None::<StartContainerOptions>).await.map_err(failure)
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

/// A container's name without the slash that Docker puts before it.
pub(crate) fn summary_name(container: &ContainerSummary) -> String {
    let name = container.names.iter().flatten().next();
    name.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

fn belongs(container: &ContainerSummary, service: &Service) -> bool {
    match &service.container {
        Some(wanted) => {
            container.names.iter().flatten().any(|name| name.trim_start_matches('/') == wanted.trim_start_matches('/'))
        }
        None => service.labels.iter().all(|(key, value)| {
            container.labels.as_ref().and_then(|labels| labels.get(key)).is_some_and(|found| found == value)
        }),
    }
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
