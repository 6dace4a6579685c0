//! The world as it is, for those who check that it is never what it must not be.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{health::Health, state::State, swarm};
use crate::time;

/// A container as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The Compose or Swarm service that it belongs to, or its own name.
    pub service: String,
    /// The image, by the reference it was made from.
    pub image: String,
    /// The image, by id.
    pub image_id: String,
    /// Whether its process runs.
    pub running: bool,
    /// `starting`, `healthy` or `unhealthy`; `None` without a health check.
    pub health: Option<&'static str>,
    /// Whether nothing is wrong with it: it runs, would pass its health check, and answers without many errors.
    pub good: bool,
    /// The memory limit in bytes; 0 is none.
    pub memory: i64,
    /// The CPU limit in billionths; 0 is none.
    pub nano_cpus: i64,
    /// When it was last started; `None` when it never was.
    pub started_at: Option<DateTime<Utc>>,
    /// The networks that it is on, sorted.
    pub networks: Vec<String>,
}

/// A Swarm service as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservedService {
    /// Its name.
    pub name: String,
    /// The image that it should run.
    pub image: String,
    /// The containers that it should have.
    pub replicas: u64,
    /// Those that run.
    pub running: u64,
    /// Those that run and whose health check passes.
    pub healthy: u64,
    /// The memory limit of each in bytes; 0 is none.
    pub memory: i64,
    /// The CPU limit of each in billionths; 0 is none.
    pub nano_cpus: i64,
    /// The version that an update has to name.
    pub version: u64,
}

impl State {
    /// All containers by name.
    pub(super) fn observed(&self) -> Vec<Observed> {
        let now = self.now();
        self.containers()
            .map(|container| Observed {
                name: container.name.clone(),
                id: container.id().to_owned(),
                service: container.service().to_owned(),
                image: container.image().to_owned(),
                image_id: container.image_id().to_owned(),
                running: container.running,
                health: container.health(now).map(Health::name),
                good: container.running && self.is_good(container),
                memory: container.limit("Memory"),
                nano_cpus: container.limit("NanoCpus"),
                started_at: (container.started_at > 0).then(|| time::from_milliseconds(container.started_at)),
                networks: container
                    .networks()
                    .map(|(name, _)| name.clone())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            })
            .collect()
    }

    /// All services of the Swarm by name.
    pub(super) fn observed_services(&self) -> Vec<ObservedService> {
        let now = self.now();
        let services = self.swarm.iter().flat_map(swarm::Swarm::services);
        services
            .map(|service| {
                let running =
                    || self.containers().filter(|container| container.running && container.service() == service.name);
                let healthy = running().filter(|one| matches!(one.health(now), None | Some(Health::Healthy)));
                let (memory, nano_cpus) = service.limits();
                ObservedService {
                    name: service.name.clone(),
                    image: swarm::image(&service.spec).to_owned(),
                    replicas: service.replicas(),
                    running: running().count() as u64,
                    healthy: healthy.count() as u64,
                    memory,
                    nano_cpus,
                    version: service.version(),
                }
            })
            .collect()
    }

    /// The Swarm that the engine manages, if it does.
    pub(crate) fn swarm(&self) -> Option<&swarm::Swarm> {
        self.swarm.as_ref()
    }
}
