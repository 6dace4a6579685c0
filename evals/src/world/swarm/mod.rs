//! The Swarm: services, their tasks, and how one specification takes the place of another.

mod begin;
mod orchestrate;
mod service;
mod task;
mod update;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use service::Service;
pub(crate) use task::Task;

use super::container::{Container, docker_time};
use crate::case::{Case, containers::text, short_id};

/// Milliseconds before a task that failed is replaced.
const RESTART_DELAY: i64 = 5_000;
/// Ended tasks that are remembered for each slot.
const HISTORY: usize = 5;

/// The services of a Swarm of one node, by name.
#[derive(Debug)]
pub(crate) struct Swarm {
    services: BTreeMap<String, Service>,
    /// The version of what was changed last.
    version: u64,
    node: String,
    begun: i64,
}

impl Swarm {
    /// The Swarm of a case; `None` for an engine that manages none.
    pub(super) fn new<'a>(case: &Case, containers: impl Iterator<Item = &'a Container> + Clone) -> Option<Self> {
        let documents = case.containers.swarm.as_ref()?;
        let services = documents.iter().map(|document| Service::new(document, containers.clone()));
        let services: BTreeMap<String, Service> = services.map(|service| (service.name.clone(), service)).collect();
        let version = services.values().map(|service| service.version).max().unwrap_or(10);
        Some(Self { services, version, node: short_id("node-1"), begun: case.now - 30 * 24 * 3_600_000 })
    }

    /// All services by name.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// The service of that name, of that id, or of an id that begins so.
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        self.services
            .get(name)
            .or_else(|| self.services.values().find(|known| name.len() >= 4 && known.id.starts_with(name)))
    }

    /// The id of the one node.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// As `/swarm` tells it, without join tokens: nobody has any business with them.
    pub(crate) fn json(&self) -> Value {
        json!({
            "ID": short_id("cluster"), "Version": { "Index": 10 }, "CreatedAt": docker_time(self.begun),
            "UpdatedAt": docker_time(self.begun),
            "Spec": {
                "Name": "default", "Labels": {}, "Orchestration": { "TaskHistoryRetentionLimit": HISTORY },
                "Raft": { "SnapshotInterval": 10_000, "KeepOldSnapshots": 0, "LogEntriesForSlowFollowers": 500, "ElectionTick": 10, "HeartbeatTick": 1 },
                "Dispatcher": { "HeartbeatPeriod": 5_000_000_000_i64 }, "CAConfig": { "NodeCertExpiry": 7_776_000_000_000_000_i64 },
                "TaskDefaults": {}, "EncryptionConfig": { "AutoLockManagers": false },
            },
            "RootRotationInProgress": false, "DefaultAddrPool": null, "SubnetSize": 24, "DataPathPort": 4789,
        })
    }

    /// As `/nodes` tells them.
    pub(crate) fn nodes(&self) -> Value {
        json!([{
            "ID": self.node, "Version": { "Index": 9 }, "CreatedAt": docker_time(self.begun), "UpdatedAt": docker_time(self.begun),
            "Spec": { "Labels": {}, "Role": "manager", "Availability": "active" },
            "Description": {
                "Hostname": "node-1", "Platform": { "Architecture": "x86_64", "OS": "linux" },
                "Resources": { "NanoCPUs": super::PROCESSORS * 1_000_000_000, "MemoryBytes": 8_589_934_592_i64 },
                "Engine": { "EngineVersion": "20.10.24+dfsg1" },
            },
            "Status": { "State": "ready", "Addr": "127.0.0.1" },
            "ManagerStatus": { "Leader": true, "Reachability": "reachable", "Addr": "127.0.0.1:2377" },
        }])
    }

    /// What `/info` tells of it.
    pub(crate) fn information(&self) -> Value {
        json!({
            "NodeID": self.node, "NodeAddr": "127.0.0.1", "LocalNodeState": "active", "ControlAvailable": true, "Error": "",
            "RemoteManagers": [{ "NodeID": self.node, "Addr": "127.0.0.1:2377" }], "Nodes": 1, "Managers": 1,
        })
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }
}

/// The replicas of a specification.
pub(super) fn replicas(spec: &Value) -> u64 {
    spec.pointer("/Mode/Replicated/Replicas").and_then(Value::as_u64).unwrap_or(1)
}

/// The image of a specification.
pub(super) fn image(spec: &Value) -> &str {
    text(spec, "/TaskTemplate/ContainerSpec/Image")
}
