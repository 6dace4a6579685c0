//! Services of a Swarm: looked at, changed by their specification, rolled back by the engine itself.

use std::collections::HashMap;

use bollard::{
    models::{Service as EngineService, ServiceSpec, Task},
    query_parameters::{ListTasksOptions, UpdateServiceOptions},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Docker, Host, failure, out_of_sequence};
use crate::{Failure, System, text};

/// Bytes of a service's description that are read at most.
const ANSWER: usize = 4 << 20;

/// A service of a Swarm as the engine describes it. The engine's client leaves out what it was before.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct SwarmService {
    /// As it is now.
    #[serde(flatten)]
    pub service: EngineService,
    /// Its specification before the last update: what a rollback goes back to.
    #[serde(rename = "PreviousSpec", default)]
    pub previous: Option<ServiceSpec>,
}

/// What is asked of the engine for a service.
pub(crate) enum SwarmUpdate<'a> {
    /// Another specification, made from the one that stands.
    Change(&'a (dyn Fn(&mut ServiceSpec) + Send + Sync)),
    /// The specification before.
    Rollback,
}

impl Docker {
    /// A service of the Swarm by its name.
    ///
    /// # Errors
    /// `Tell` when there is none or this engine manages no Swarm; else `Unreachable`.
    pub(crate) async fn swarm_service(&self, name: &str) -> Result<SwarmService, Failure> {
        let wrong = |why: &dyn std::fmt::Display| Failure::unreachable(System::Docker, text::clean(&why.to_string()));
        let (client, base) = match &self.host {
            Host::Unix(path) => (reqwest::Client::builder().unix_socket(path.as_str()), "http://localhost".to_owned()),
            Host::Http(address) => (reqwest::Client::builder(), address.replacen("tcp://", "http://", 1)),
        };
        let client = client.no_proxy().timeout(self.timeout).build().map_err(|error| wrong(&error))?;
        let mut url = url::Url::parse(&base).map_err(|error| wrong(&error))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["services", name]);
        }
        let mut answer = client.get(url).send().await.map_err(|error| wrong(&innermost(&error)))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| wrong(&innermost(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER {
                return Err(wrong(&format!("the service's description is larger than {ANSWER} bytes")));
            }
        }
        let status = answer.status().as_u16();
        if status != 200 {
            let told: Told = serde_json::from_slice(&body).unwrap_or_default();
            return Err(refused(status, &told.message));
        }
        let read = || serde_json::from_value(spelled(serde_json::from_slice(&body)?));
        read().map_err(|error| wrong(&format!("answers what is not the JSON expected: {error}")))
    }

    /// Changes a service of the Swarm; once more with what stands then, when another one was faster.
    ///
    /// # Errors
    /// As [`Docker::swarm_service`]; `Tell` as well when the engine refuses the specification.
    pub(crate) async fn update_swarm_service(&self, name: &str, update: SwarmUpdate<'_>) -> Result<(), Failure> {
        let mut tries = 2;
        loop {
            tries -= 1;
            let now = self.swarm_service(name).await?.service;
            let mut spec = now.spec.unwrap_or_default();
            let mut options = UpdateServiceOptions {
                version: now.version.and_then(|version| version.index?.try_into().ok()).unwrap_or_default(),
                registry_auth_from: "spec".to_owned(),
                rollback: None,
            };
            match &update {
                SwarmUpdate::Change(change) => change(&mut spec),
                SwarmUpdate::Rollback => options.rollback = Some("previous".to_owned()),
            }
            match self.client(self.timeout)?.update_service(name, spec, options, None).await {
                Ok(_) => return Ok(()),
                Err(error) if out_of_sequence(&error) && tries > 0 => {}
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// The tasks of a service of the Swarm; old ones among them, as far as the Swarm remembers them.
    ///
    /// # Errors
    /// As [`Docker::swarm_service`].
    pub(crate) async fn tasks(&self, name: &str) -> Result<Vec<Task>, Failure> {
        let filters = HashMap::from([("service".to_owned(), vec![name.to_owned()])]);
        let options = ListTasksOptions { filters: Some(filters) };
        self.client(self.timeout)?.list_tasks(Some(options)).await.map_err(failure)
    }
}

/// The engine writes `Healthcheck`, and its client knows `HealthCheck` alone: read as it comes, a service would lose its health check
/// with the next update. The engine takes both.
fn spelled(mut service: Value) -> Value {
    for specification in ["Spec", "PreviousSpec"] {
        let found = service.pointer_mut(&format!("/{specification}/TaskTemplate/ContainerSpec"));
        if let Some(container) = found.and_then(Value::as_object_mut)
            && let Some(check) = container.remove("Healthcheck")
        {
            container.insert("HealthCheck".to_owned(), check);
        }
    }
    service
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    message: String,
}

fn refused(status: u16, message: &str) -> Failure {
    let message = text::one_line(&text::clean(message), 300);
    match status {
        // 503: this engine manages no Swarm, and will not for being asked again.
        400 | 404 | 409 | 503 => Failure::Tell(format!("Docker says ({status}): {message}")),
        _ => Failure::unreachable(System::Docker, format!("answers {status}: {message}")),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        why = found.to_string();
        cause = found.source();
    }
    text::one_line(&why, 300)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_keeps_its_health_check_on_the_way_back() {
        let check = json!({ "Test": ["CMD", "/check"], "Interval": 1_000_000_000 });
        let answer = json!({
            "ID": "x",
            "Spec": { "TaskTemplate": { "ContainerSpec": { "Image": "web:2", "Healthcheck": check } } },
            "PreviousSpec": { "TaskTemplate": { "ContainerSpec": { "Image": "web:1", "Healthcheck": check } } },
        });
        let found: SwarmService = serde_json::from_value(spelled(answer)).unwrap();
        for spec in [found.service.spec.unwrap(), found.previous.unwrap()] {
            let sent = serde_json::to_value(spec).unwrap();
            assert_eq!(sent["TaskTemplate"]["ContainerSpec"]["HealthCheck"]["Test"], check["Test"], "{sent}");
        }
    }
}
