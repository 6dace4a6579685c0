//! A container as it is at the virtual now.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::health::Health;
use crate::{
    case::{Behaviour, Reply, Silence, containers},
    time,
};

pub(crate) const COMPOSE_SERVICE: &str = "com.docker.compose.service";
pub(crate) const SWARM_SERVICE: &str = "com.docker.swarm.service.name";

/// A container: what is fixed as inspected, and what changes.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) name: String,
    id: String,
    /// The Compose or Swarm service that it belongs to; its own name when it is of none.
    service: String,
    labels: BTreeMap<String, String>,
    /// The inspect document, but for its state.
    pub(super) document: Value,
    pub(crate) running: bool,
    pub(crate) exit_code: i64,
    pub(crate) oom_killed: bool,
    process: u64,
    /// Milliseconds since 1970; 0 when it has never been started.
    pub(crate) started_at: i64,
    /// Milliseconds since 1970; `None` when it has never ended.
    pub(crate) finished_at: Option<i64>,
    pub(crate) behaviour: Behaviour,
    /// When the behaviour began, in milliseconds.
    pub(super) behaves_since: i64,
    /// What of its health was told as an event last.
    pub(super) told: Option<Health>,
}

impl Container {
    /// The container of an inspect document.
    pub(super) fn new(document: &Value) -> Self {
        let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let finished_at = time::parse(containers::text(document, "/State/FinishedAt")).filter(|at| *at > 0);
        let labels = labels(document);
        let name = containers::name(document).to_owned();
        let service = [COMPOSE_SERVICE, SWARM_SERVICE].iter().find_map(|label| labels.get(*label));
        Self {
            id: containers::text(document, "/Id").to_owned(),
            service: service.unwrap_or(&name).clone(),
            name,
            labels,
            document: document.clone(),
            running: containers::text(document, "/State/Status") == "running",
            exit_code: number("/State/ExitCode"),
            oom_killed: document.pointer("/State/OOMKilled").and_then(Value::as_bool).unwrap_or_default(),
            process: u64::try_from(number("/State/Pid")).unwrap_or_default(),
            started_at: time::parse(containers::text(document, "/State/StartedAt")).unwrap_or_default().max(0),
            finished_at,
            behaviour: Behaviour::default(),
            behaves_since: 0,
            told: None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// The image as it was asked for.
    pub(crate) fn image(&self) -> &str {
        containers::text(&self.document, "/Config/Image")
    }

    pub(crate) fn image_id(&self) -> &str {
        containers::text(&self.document, "/Image")
    }

    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// A number of its limits, such as `Memory`; 0 is none.
    pub(crate) fn limit(&self, name: &str) -> i64 {
        self.document.pointer("/HostConfig").and_then(|host| host.get(name)?.as_i64()).unwrap_or_default()
    }

    /// The networks that it is on, with its endpoint there.
    pub(crate) fn networks(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.document.pointer("/NetworkSettings/Networks").and_then(Value::as_object).into_iter().flatten()
    }

    /// Its address on the first of its networks that gave it one.
    pub(crate) fn address(&self) -> Option<&str> {
        self.networks()
            .map(|(_, endpoint)| containers::text(endpoint, "/IPAddress"))
            .find(|address| !address.is_empty())
    }

    /// Sets a field below one of the document's own, such as `HostConfig`.
    pub(super) fn set(&mut self, below: &str, field: &str, value: Value) {
        if let Some(fields) = self.document.pointer_mut(below).and_then(Value::as_object_mut) {
            fields.insert(field.to_owned(), value);
        }
    }

    pub(super) fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.name);
        self.set("", "Name", format!("/{name}").into());
    }

    /// Behaves so from now on; one that it has already goes on.
    pub(super) fn behave(&mut self, behaviour: Behaviour, since: i64) {
        if self.behaviour != behaviour {
            self.behaviour = behaviour;
            self.behaves_since = since;
        }
    }

    pub(super) fn start(&mut self, now: i64) {
        self.running = true;
        self.exit_code = 0;
        self.oom_killed = false;
        self.process = 1000 + self.process * 7 % 30_011;
        self.started_at = now;
    }

    pub(super) fn end(&mut self, now: i64, exit_code: i64) {
        self.running = false;
        self.exit_code = exit_code;
        self.finished_at = Some(now);
    }

    /// What it answers over HTTP at `now`.
    pub(crate) fn reply(&self, path: &str, now: i64) -> Reply {
        if !self.running || now < self.ready_at() {
            return Reply::None(Silence::Refuse);
        }
        let http = &self.behaviour.http;
        let well = || Reply::Answer { status: 200, body: r#"{"status":"ok"}"#.to_owned() };
        http.get(path).or_else(|| http.get("/")).cloned().unwrap_or_else(well)
    }

    /// The inspect document, whose state is not the present one.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Docker's word for its state.
    pub(crate) fn status(&self) -> &'static str {
        match (self.running, self.started_at) {
            (true, _) => "running",
            (false, 0) => "created",
            (false, _) => "exited",
        }
    }

    /// The inspect document at `now`.
    pub(crate) fn inspect(&self, now: i64) -> Value {
        let mut document = self.document.clone();
        let moment = |at: Option<i64>| at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), docker_time);
        let mut state = json!({
            "Status": self.status(),
            "Running": self.running,
            "Paused": false,
            "Restarting": false,
            "OOMKilled": self.oom_killed,
            "Dead": false,
            "Pid": if self.running { self.process } else { 0 },
            "ExitCode": self.exit_code,
            "Error": "",
            "StartedAt": moment(Some(self.started_at).filter(|at| *at > 0)),
            "FinishedAt": moment(self.finished_at),
        });
        if let Some(health) = self.health(now)
            && let Some(fields) = state.as_object_mut()
        {
            fields.insert("Health".to_owned(), self.health_document(health, now));
        }
        if let Some(fields) = document.as_object_mut() {
            fields.insert("State".to_owned(), state);
        }
        document
    }
}

fn labels(document: &Value) -> BTreeMap<String, String> {
    let labels = document.pointer("/Config/Labels").and_then(Value::as_object);
    let pairs = labels.into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Docker writes nanoseconds.
pub(crate) fn docker_time(milliseconds: i64) -> String {
    time::rfc3339_nanoseconds(milliseconds.saturating_mul(1_000_000))
}
