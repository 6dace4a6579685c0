//! Services of a Swarm: looked at, changed by their specification, rolled back by the engine itself.

use std::collections::HashMap;

use bollard::{
    models::{Service as EngineService, ServiceSpec, Task},
    query_parameters::ListTasksOptions,
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
    /// Its specification as it came: the engine's client does not know every field of it.
    #[serde(skip)]
    whole: Value,
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
        let (status, body) = self.asked(reqwest::Method::GET, &["services", name], &[], None).await?;
        if status != 200 {
            return Err(refused(status, &body));
        }
        let read = || -> serde_json::Result<SwarmService> {
            let answer: Value = serde_json::from_slice(&body)?;
            let whole = answer.get("Spec").cloned().unwrap_or_default();
            Ok(SwarmService { whole, ..serde_json::from_value(spelled(answer))? })
        };
        read().map_err(|error| wrong(&format!("answers what is not the JSON expected: {error}")))
    }

    /// One request without the engine's client, which would leave out the fields that it does not know.
    async fn asked(
        &self,
        method: reqwest::Method,
        path: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let (client, base) = match &self.host {
            Host::Unix(path) => (reqwest::Client::builder().unix_socket(path.as_str()), "http://localhost".to_owned()),
            Host::Http(address) => (reqwest::Client::builder(), address.replacen("tcp://", "http://", 1)),
        };
        let client = client.no_proxy().timeout(self.timeout).build().map_err(|error| wrong(&error))?;
        let mut url = url::Url::parse(&base).map_err(|error| wrong(&error))?;
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.clear().extend(path);
        }
        let mut request = client.request(method, url).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let mut answer = request.send().await.map_err(|error| wrong(&innermost(&error)))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| wrong(&innermost(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER {
                return Err(wrong(&format!("the answer is larger than {ANSWER} bytes")));
            }
        }
        Ok((answer.status().as_u16(), body))
    }

    /// Changes a service of the Swarm; once more with what stands then, when another one was faster.
    ///
    /// # Errors
    /// As [`Docker::swarm_service`]; `Tell` as well when the engine refuses the specification.
    pub(crate) async fn update_swarm_service(&self, name: &str, update: SwarmUpdate<'_>) -> Result<(), Failure> {
        let mut tries = 2;
        loop {
            tries -= 1;
            let SwarmService { service, whole, .. } = self.swarm_service(name).await?;
            let version = service.version.and_then(|version| version.index).unwrap_or_default();
            let mut query = vec![("version", version.to_string()), ("registryAuthFrom", "spec".to_owned())];
            let before = service.spec.unwrap_or_default();
            let mut after = before.clone();
            match &update {
                SwarmUpdate::Change(change) => change(&mut after),
                SwarmUpdate::Rollback => query.push(("rollback", "previous".to_owned())),
            }
            let sent = changed(whole, &before, &after).map_err(|error| wrong(&error))?;
            let path = ["services", name, "update"];
            let (status, body) = self.asked(reqwest::Method::POST, &path, &query, Some(&sent)).await?;
            match status {
                200 => return Ok(()),
                _ if out_of_sequence(&message(&body)) && tries > 0 => {}
                _ => return Err(refused(status, &body)),
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

/// The specification as it came, with just what was changed of what the engine's client knows.
fn changed(mut whole: Value, before: &ServiceSpec, after: &ServiceSpec) -> serde_json::Result<Value> {
    merge(&mut whole, &serde_json::to_value(before)?, &serde_json::to_value(after)?);
    Ok(whole)
}

fn merge(whole: &mut Value, before: &Value, after: &Value) {
    if before == after {
        return;
    }
    let (Value::Object(fields), Value::Object(was), Value::Object(is)) = (&mut *whole, before, after) else {
        *whole = after.clone();
        return;
    };
    fields.retain(|name, _| is.contains_key(name) || !was.contains_key(name));
    for (name, value) in is {
        match (fields.get_mut(name), was.get(name)) {
            (Some(field), Some(before)) => merge(field, before, value),
            (None, Some(before)) if before == value => {}
            (Some(_) | None, _) => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    message: String,
}

fn message(body: &[u8]) -> String {
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    text::one_line(&text::clean(&told.message), 300)
}

fn refused(status: u16, body: &[u8]) -> Failure {
    let message = message(body);
    match status {
        // 503: this engine manages no Swarm, and will not for being asked again.
        400 | 404 | 409 | 503 => Failure::Tell(format!("Docker says ({status}): {message}")),
        _ => Failure::unreachable(System::Docker, format!("answers {status}: {message}")),
    }
}

fn wrong(why: &dyn std::fmt::Display) -> Failure {
    Failure::unreachable(System::Docker, text::clean(&why.to_string()))
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
    fn what_the_client_does_not_know_of_a_service_is_kept_on_the_way_back() {
        let check = json!({ "Test": ["CMD", "/check"], "Interval": 1_000_000_000 });
        let container = json!({ "Image": "web:1", "Healthcheck": check, "OomScoreAdj": 7, "Env": ["A=1"] });
        let answer = json!({
            "ID": "x",
            "Spec": {
                "TaskTemplate": { "ContainerSpec": container, "ForceUpdate": 3 },
                "Mode": { "Replicated": { "Replicas": 4 } },
                "NewOfLate": { "Kept": true },
            },
        });
        let whole = answer["Spec"].clone();
        let found: SwarmService = serde_json::from_value(spelled(answer)).unwrap();
        let before = found.service.spec.unwrap();
        let mut after = before.clone();
        let container = after.task_template.as_mut().unwrap().container_spec.as_mut().unwrap();
        (container.image, container.env) = (Some("web:2".to_owned()), None);
        let sent = changed(whole.clone(), &before, &after).unwrap();

        let mut wanted = whole.clone();
        wanted["TaskTemplate"]["ContainerSpec"]["Image"] = json!("web:2");
        wanted["TaskTemplate"]["ContainerSpec"].as_object_mut().unwrap().remove("Env");
        assert_eq!(sent, wanted);
        assert_eq!(changed(whole.clone(), &before, &before).unwrap(), whole);
    }
}
