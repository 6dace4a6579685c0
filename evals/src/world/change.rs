//! What is done to containers that are there: started, stopped, killed, restarted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{container::Container, event::Event, refusal::Refusal, state::State};
use crate::case::{Action, Cause, Effect};

/// Something that was done to the world, with what a limit on changes can be about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorldChange {
    /// Which one it is of all that were done, from 1.
    pub number: u64,
    /// When, on the world's clock.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: Action,
    /// To which container, by its name before; empty for what is done to no container.
    pub container: String,
    /// The Compose or Swarm service that it belongs to, or the container's own name; empty for a pull.
    pub service: String,
    /// The image, by reference: the container's, the pulled one's, the service's new one.
    pub image: Option<String>,
    /// The memory limit in bytes that holds from then on; 0 is none.
    pub memory: Option<i64>,
    /// The CPU limit in billionths that holds from then on; 0 is none.
    pub nano_cpus: Option<i64>,
    /// The replicas that a Swarm service is to have from then on.
    pub replicas: Option<u64>,
    /// The network joined or left, or the new name.
    pub with: Option<String>,
    /// What came of it.
    pub effect: Effect,
}

/// A call that was done, before it is known what came of it.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub(super) action: Action,
    pub(super) container: String,
    pub(super) service: String,
    pub(super) image: Option<String>,
    pub(super) memory: Option<i64>,
    pub(super) nano_cpus: Option<i64>,
    pub(super) replicas: Option<u64>,
    pub(super) with: Option<String>,
}

impl Deed {
    /// Something done to a container.
    pub(super) fn on(action: Action, container: &Container) -> Self {
        Self {
            action,
            container: container.name.clone(),
            service: container.service().to_owned(),
            image: Some(container.image().to_owned()),
            memory: Some(container.limit("Memory")),
            nano_cpus: Some(container.limit("NanoCpus")),
            replicas: None,
            with: None,
        }
    }
}

/// How long Docker waits before it kills what it stops, in the world's milliseconds: ours end at once.
const STOPPING: i64 = 300;

impl State {
    /// Does something to a container; `signal` is what `kill` sends.
    pub(crate) fn act(&mut self, name: &str, action: Action, signal: i64) -> Result<(), Refusal> {
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        let running = container.running;
        match Cause::of(action) {
            Some(Cause::Start) if running => return Err(Refusal::already()),
            Some(Cause::Stop) if !running => return Err(Refusal::already()),
            Some(Cause::Kill) if !running => {
                let text = format!("Cannot kill container: {name}: Container {} is not running", container.id());
                return Err(Refusal::new(409, text));
            }
            Some(Cause::Start | Cause::Stop | Cause::Kill | Cause::Restart) => (),
            Some(Cause::Scale | Cause::UpdateResources | Cause::Deploy | Cause::Rollback) | None => {
                return Err(Refusal::new(404, "page not found"));
            }
        }
        self.play();
        let before = self.facts(container.service());
        self.happens(&container.name, action, signal);
        self.done(&before, Deed::on(action, &container));
        Ok(())
    }

    /// The container's own state, what is scraped of it, and Docker's events.
    pub(super) fn happens(&mut self, name: &str, action: Action, signal: i64) {
        let now = self.now();
        let Some(container) = self.container_mut(name) else {
            return;
        };
        let ending = |signal: i64| {
            [
                ("kill", BTreeMap::from([("signal".to_owned(), signal.to_string())])),
                ("die", BTreeMap::from([("exitCode".to_owned(), (128 + signal).to_string())])),
            ]
        };
        let was_running = container.running;
        let mut told: Vec<(&str, BTreeMap<String, String>)> = Vec::new();
        let mut tell = |actions: &[&'static str]| told.extend(actions.iter().map(|action| (*action, BTreeMap::new())));
        let restart = action == Action::Restart;
        let (ends, starts) = match action {
            Action::Restart => (was_running.then_some(15), true),
            Action::Start => (None, true),
            Action::Stop | Action::Remove => (Some(15), false),
            Action::Kill => (Some(signal), false),
            Action::Create
            | Action::Update
            | Action::Rename
            | Action::Connect
            | Action::Disconnect
            | Action::Pull
            | Action::ServiceUpdate
            | Action::ServiceRollback => (None, false),
        };
        match (ends, starts) {
            (Some(_), true) => tell(&["stop", "start", "restart"]),
            (None, true) if restart => tell(&["start", "restart"]),
            (None, true) => tell(&["start"]),
            (Some(_), false) if action == Action::Stop => tell(&["stop"]),
            (Some(_) | None, false) => (),
        }
        if let Some(signal) = ends {
            told.splice(0..0, ending(signal));
            container.end(now, 128 + signal);
        }
        if starts {
            container.start(if ends.is_some() { now + STOPPING } else { now });
        }
        let container = container.clone();
        for (action, more) in told {
            self.tell(Event::new(&container, now, action, more));
        }
        if starts {
            self.comes_up(&container);
        } else if ends.is_some() {
            self.goes_down(&container);
        }
    }
}
