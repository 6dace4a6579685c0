//! Tasks that begin, and their containers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    RESTART_DELAY, Service, image,
    task::{Task, TaskState},
};
use crate::{
    case::{Action, containers::text, id_of, short_id},
    world::{
        container::{Container, SWARM_SERVICE},
        document::{self, Made},
        health::Health,
        state::State,
    },
};

impl State {
    /// Begins a task of the present template in a slot.
    pub(super) fn begin_task(&mut self, service: &mut Service, slot: u64, version: u64) {
        let now = self.now();
        service.retry.remove(&slot);
        let id = short_id(&format!("task {}", self.serial()));
        let mut task = Task {
            id,
            slot,
            template: Arc::clone(&service.template),
            state: TaskState::Starting,
            wanted: true,
            error: String::new(),
            container: String::new(),
            created: now,
            since: now,
            version,
        };
        match self.task_container(service, &task) {
            Ok(container) => {
                task.container = container.id().to_owned();
                self.happens(&container.name, Action::Start, 0);
                let health = self.by_id(&task.container).and_then(|container| container.health(now));
                if health != Some(Health::Starting) {
                    task.turn(TaskState::Running, now);
                }
            }
            Err(why) => {
                task.state = TaskState::Rejected;
                task.wanted = false;
                task.error = why;
                service.retry.insert(slot, now + RESTART_DELAY);
                service.failed = Some(task.id.clone());
            }
        }
        service.tasks.push(task);
    }

    /// Makes a task's container.
    fn task_container(&mut self, service: &Service, task: &Task) -> Result<Container, String> {
        let reference = image(&service.spec);
        if self.images.find(reference).is_none() {
            if !self.images.is_offered(reference) {
                return Err(format!("No such image: {reference}"));
            }
            self.fetch(reference);
        }
        let image = self.images.find(reference).cloned().ok_or_else(|| format!("No such image: {reference}"))?;
        let id = id_of(&format!("container {}", self.serial()));
        let name = format!("{}.{}.{}", service.name, task.slot, task.id);
        let (memory, nano_cpus) = service.limits();
        let config = configuration(service, task, &name, self.swarm_node());
        let sibling = self.containers().find(|other| other.service() == service.name);
        let network =
            sibling.and_then(|other| Some(other.networks().next()?.0.clone())).unwrap_or_else(|| "bridge".to_owned());
        let aliases = json!({ "Aliases": [service.name] });
        let endpoint = self.endpoint(&network, &id, &aliases).map_err(|refusal| refusal.message)?;
        let command = document::command(&config, &image).ok_or("No command specified")?;
        let made = Made { id: &id, name: &name, at: self.now(), command, networks: [endpoint].into_iter().collect() };
        let host = json!({ "NetworkMode": "default", "Memory": memory, "NanoCpus": nano_cpus });
        Ok(self.add_new(&document::document(&made, &config, &host, &image)))
    }

    fn swarm_node(&self) -> String {
        short_id("node-1")
    }
}

/// A task's container as a request to make one would say it.
fn configuration(service: &Service, task: &Task, name: &str, node: String) -> Value {
    let of_spec = service.spec.pointer("/TaskTemplate/ContainerSpec").cloned().unwrap_or_default();
    let field = |name: &str| of_spec.get(name).cloned().unwrap_or(Value::Null);
    let mut labels = of_spec.get("Labels").filter(|labels| labels.is_object()).cloned().unwrap_or_else(|| json!({}));
    if let Some(labels) = labels.as_object_mut() {
        for (label, value) in [
            ("com.docker.swarm.node.id", node.as_str()),
            ("com.docker.swarm.service.id", &service.id),
            (SWARM_SERVICE, &service.name),
            ("com.docker.swarm.task", ""),
            ("com.docker.swarm.task.id", &task.id),
            ("com.docker.swarm.task.name", name),
        ] {
            labels.insert(label.to_owned(), value.into());
        }
    }
    json!({
        "Image": text(&of_spec, "/Image"), "Entrypoint": field("Command"), "Cmd": field("Args"), "Env": field("Env"),
        "Healthcheck": field("Healthcheck"), "User": field("User"), "WorkingDir": field("Dir"), "Labels": labels,
    })
}
