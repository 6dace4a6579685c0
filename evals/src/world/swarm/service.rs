//! A service of the Swarm as it is now.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    replicas,
    task::{Task, TaskState},
};
use crate::{
    case::containers::text,
    time,
    world::container::{Container, SWARM_SERVICE, docker_time},
};

/// How an update stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(super) state: Progress,
    pub(super) started: i64,
    pub(super) completed: Option<i64>,
    pub(super) message: String,
}

/// Docker's states of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Updating,
    Paused,
    Completed,
    RollbackStarted,
    RollbackPaused,
    RollbackCompleted,
}

/// A service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) spec: Value,
    pub(crate) previous: Option<Value>,
    pub(super) version: u64,
    created: Value,
    pub(super) updated: i64,
    endpoint: Value,
    pub(super) update: Option<Update>,
    pub(crate) tasks: Vec<Task>,
    /// The present specification's template, as new tasks take it.
    pub(super) template: Arc<Value>,
    /// From when on a slot may be filled again.
    pub(super) retry: BTreeMap<u64, i64>,
    /// The last task of this specification that failed.
    pub(super) failed: Option<String>,
}

impl Progress {
    fn name(self) -> &'static str {
        match self {
            Self::Updating => "updating",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::RollbackStarted => "rollback_started",
            Self::RollbackPaused => "rollback_paused",
            Self::RollbackCompleted => "rollback_completed",
        }
    }
}

/// The template without what stands for nothing, so that clients which leave that out change nothing by it.
pub(super) fn template(spec: &Value) -> Arc<Value> {
    let mut template = spec.get("TaskTemplate").cloned().unwrap_or(Value::Null);
    prune(&mut template);
    Arc::new(template)
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            let says_default = |name: &str, value: &Value| {
                (name == "Runtime" && value == "container") || (name == "Isolation" && value == "default")
            };
            fields.retain(|name, value| !is_nothing(value) && !says_default(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

impl Service {
    /// The service of an inspect document, with the tasks that its containers show.
    pub(super) fn new<'a>(document: &Value, containers: impl Iterator<Item = &'a Container>) -> Self {
        let name = text(document, "/Spec/Name").to_owned();
        let at = |pointer: &str| time::parse(text(document, pointer)).unwrap_or_default();
        let spec = document.get("Spec").cloned().unwrap_or(Value::Null);
        let template = template(&spec);
        let mut slot = 0;
        let of_service = containers.filter(|container| container.labels().get(SWARM_SERVICE) == Some(&name));
        let tasks = of_service
            .map(|container| {
                slot += 1;
                let task = container.labels().get("com.docker.swarm.task.id");
                Task {
                    id: task.cloned().unwrap_or_else(|| container.id().chars().take(25).collect()),
                    slot,
                    template: Arc::clone(&template),
                    state: if container.running { TaskState::Running } else { TaskState::Shutdown },
                    wanted: container.running,
                    error: String::new(),
                    container: container.id().to_owned(),
                    created: container.started_at,
                    since: container.started_at,
                    version: 20,
                }
            })
            .collect();
        Self {
            id: text(document, "/ID").to_owned(),
            name,
            previous: document.get("PreviousSpec").cloned(),
            version: document.pointer("/Version/Index").and_then(Value::as_u64).unwrap_or(11),
            created: document.get("CreatedAt").cloned().unwrap_or_default(),
            updated: at("/UpdatedAt"),
            endpoint: document.get("Endpoint").cloned().unwrap_or_else(|| json!({ "Spec": {} })),
            update: Self::update_of(document),
            tasks,
            template,
            retry: BTreeMap::new(),
            failed: None,
            spec,
        }
    }

    fn update_of(document: &Value) -> Option<Update> {
        let at = |name: &str| time::parse(text(document, &format!("/UpdateStatus/{name}")));
        let known = [
            Progress::Updating,
            Progress::Paused,
            Progress::Completed,
            Progress::RollbackStarted,
            Progress::RollbackPaused,
            Progress::RollbackCompleted,
        ];
        let state = text(document, "/UpdateStatus/State");
        Some(Update {
            state: known.into_iter().find(|progress| progress.name() == state)?,
            started: at("StartedAt").unwrap_or_default(),
            completed: at("CompletedAt"),
            message: text(document, "/UpdateStatus/Message").to_owned(),
        })
    }

    /// As `/services/{id}` tells it.
    pub(crate) fn json(&self) -> Value {
        let mut document = json!({
            "ID": self.id, "Version": { "Index": self.version }, "CreatedAt": self.created,
            "UpdatedAt": docker_time(self.updated), "Spec": self.spec, "Endpoint": self.endpoint,
        });
        let Some(fields) = document.as_object_mut() else {
            return document;
        };
        if let Some(previous) = &self.previous {
            fields.insert("PreviousSpec".to_owned(), previous.clone());
        }
        if let Some(update) = &self.update {
            let mut status = json!({
                "State": update.state.name(), "StartedAt": docker_time(update.started), "Message": update.message,
            });
            if let (Some(completed), Some(fields)) = (update.completed, status.as_object_mut()) {
                fields.insert("CompletedAt".to_owned(), docker_time(completed).into());
            }
            fields.insert("UpdateStatus".to_owned(), status);
        }
        document
    }

    /// The version that an update has to name.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How many containers it should have.
    pub(crate) fn replicas(&self) -> u64 {
        replicas(&self.spec)
    }

    /// Memory in bytes and processors in billionths; 0 is no limit.
    pub(crate) fn limits(&self) -> (i64, i64) {
        let limit =
            |name: &str| self.spec.pointer("/TaskTemplate/Resources/Limits").and_then(|all| all.get(name)?.as_i64());
        (limit("MemoryBytes").unwrap_or_default(), limit("NanoCPUs").unwrap_or_default())
    }

    /// Whether an update or a rollback is under way.
    pub(super) fn is_updating(&self) -> bool {
        self.update
            .as_ref()
            .is_some_and(|update| matches!(update.state, Progress::Updating | Progress::RollbackStarted))
    }

    /// Whether an update has stopped after a failure.
    pub(super) fn is_paused(&self) -> bool {
        self.update.as_ref().is_some_and(|update| matches!(update.state, Progress::Paused | Progress::RollbackPaused))
    }

    /// A word of how it is updated, such as `Order`.
    pub(super) fn update_word(&self, name: &str) -> &str {
        self.spec.pointer("/UpdateConfig").map_or("", |config| text(config, &format!("/{name}")))
    }

    /// How many tasks are updated side by side.
    pub(super) fn parallelism(&self) -> usize {
        let count = self.spec.pointer("/UpdateConfig/Parallelism").and_then(Value::as_u64).unwrap_or(1);
        // Docker takes 0 as all at once.
        if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) }
    }

    pub(super) fn progress(&mut self, state: Progress, message: String, now: i64) {
        let started = self.update.as_ref().map_or(now, |update| update.started);
        let (begins, ends) = match state {
            Progress::Updating | Progress::RollbackStarted => (true, false),
            Progress::Completed | Progress::RollbackCompleted => (false, true),
            Progress::Paused | Progress::RollbackPaused => (false, false),
        };
        let started = if begins { now } else { started };
        self.update = Some(Update { state, started, completed: ends.then_some(now), message });
        self.updated = now;
    }
}
