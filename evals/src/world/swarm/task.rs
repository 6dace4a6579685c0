//! A task of a service: one container, from its beginning to its end.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::world::container::docker_time;

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// Its container runs, and its health check has not passed yet.
    Starting,
    /// Its container runs.
    Running,
    /// It was ended, since it was not wanted any more.
    Shutdown,
    /// Its container ended, or its health check failed.
    Failed,
    /// Its container could not be made.
    Rejected,
}

/// A task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) slot: u64,
    /// What it was made from.
    pub(super) template: Arc<Value>,
    pub(super) state: TaskState,
    /// Whether it should run.
    pub(super) wanted: bool,
    pub(super) error: String,
    /// The container's id; empty when there never was one.
    pub(crate) container: String,
    pub(super) created: i64,
    /// When its state became what it is.
    pub(super) since: i64,
    pub(super) version: u64,
}

impl TaskState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running | Self::Failed => "started",
            Self::Shutdown => "shutdown",
            Self::Rejected => "preparing",
        }
    }
}

impl Task {
    /// Docker's word for what it should be.
    pub(crate) fn desired(&self) -> &'static str {
        if self.wanted { "running" } else { "shutdown" }
    }

    /// Whether it has come to its end.
    pub(super) fn ended(&self) -> bool {
        matches!(self.state, TaskState::Shutdown | TaskState::Failed | TaskState::Rejected)
    }

    pub(super) fn turn(&mut self, state: TaskState, now: i64) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// As `/tasks` tells it.
    pub(crate) fn json(&self, service: &str, node: &str, exit_code: i64) -> Value {
        let mut status = json!({
            "Timestamp": docker_time(self.since), "State": self.state.name(), "Message": self.state.message(), "PortStatus": {},
        });
        if let Some(fields) = status.as_object_mut() {
            if !self.error.is_empty() {
                fields.insert("Err".to_owned(), self.error.clone().into());
            }
            if !self.container.is_empty() {
                let container = json!({
                    "ContainerID": self.container, "PID": if self.ended() { 0 } else { 4_000 + self.slot }, "ExitCode": exit_code,
                });
                fields.insert("ContainerStatus".to_owned(), container);
            }
        }
        json!({
            "ID": self.id, "Version": { "Index": self.version }, "CreatedAt": docker_time(self.created),
            "UpdatedAt": docker_time(self.since), "Labels": {}, "Spec": *self.template, "ServiceID": service, "Slot": self.slot,
            "NodeID": node, "Status": status, "DesiredState": self.desired(),
        })
    }
}
