//! What every change on a service's containers works with.

use std::{sync::Arc, time::Duration};

use reqwest::Client;

use crate::{
    Check, Effect, Failure, Replicas, Service, SharedCatalogue, SharedClock,
    container::ContainerView,
    proof,
    reach::{Container, Docker},
    service,
};

/// Docker, the catalogue, the time, and how long to be patient.
pub(crate) struct Hand {
    pub(crate) docker: Option<Arc<Docker>>,
    pub(crate) catalogue: SharedCatalogue,
    pub(crate) clock: SharedClock,
    pub(crate) client: Client,
    pub(crate) health_timeout: Duration,
    /// How long a container that was started has to become well before it counts as failed.
    pub(crate) patience: Duration,
}

impl Hand {
    pub(crate) fn new(
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
        client: Client,
        health_timeout: Duration,
    ) -> Self {
        Self { docker, catalogue, clock, client, health_timeout, patience: proof::PATIENCE }
    }

    pub(crate) fn docker(&self) -> Result<&Docker, Failure> {
        service::docker(&self.docker)
    }

    pub(crate) fn service(&self, name: &str) -> Result<Service, Failure> {
        service::known(&self.catalogue, name)
    }

    /// Whether the service answers its health URL; nothing where it has none.
    pub(crate) async fn url(&self, service: &Service) -> Option<Check> {
        proof::of_url(&self.client, service, self.health_timeout).await
    }
}

/// How many there are, how many of them are well, and how many well ones a change takes out of service at once.
pub(crate) fn counted(containers: &[Container], taken_at_once: u64) -> Replicas {
    let well = containers.iter().filter(|container| ContainerView::of(container).well()).count();
    Replicas { all: containers.len() as u64, well: well as u64, taken_at_once }
}

/// The target as a person's approval holds for it: what runs, of which image, with which limits, and whether it is well.
pub(crate) fn state(containers: &[Container]) -> String {
    let told = containers.iter().map(|container| {
        let view = ContainerView::of(container);
        let word = if view.well() { "well" } else { "not well" };
        let image = view.image_id;
        format!("{} ({}) {word} of {image}, memory {}, CPU {}", view.name, view.id, view.memory_limit, view.cpu_limit)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// An effect that says nothing but its words, the state, and what is under way.
pub(crate) fn effect(says: String, state: &str, deploying: Option<&String>) -> Effect {
    Effect { says, state: state.to_owned(), deploying: deploying.cloned(), ..Effect::default() }
}
