//! `restart_container`: the first remedy, and often enough the right one.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Check, Effect, Failure, Permit, Replicas, Service, SharedCatalogue, SharedClock, Target, Touches, Undo,
    container::{ContainerView, stop_timeout},
    deploying::deploying,
    proof,
    reach::Docker,
    service,
};

/// Restarts the containers of a service, with their own stop signal and time-out; a stopped one is started. Of several replicas
/// only those that are not well are restarted, one after another; if all are well, all of them, one after another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "reason": "it has stopped with exit code 137"}]))]
pub struct RestartContainerArgs {
    /// A service of the catalogue.
    pub service: String,
    /// Why, in one sentence: people read it.
    pub reason: String,
}

/// Restarts containers.
pub struct RestartContainer {
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
    client: Client,
    health_timeout: Duration,
    /// How long a restarted replica has to become well before the next one is touched.
    patience: Duration,
}

/// The containers before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    containers: Vec<BeforeContainer>,
    #[serde(default)]
    deploying: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BeforeContainer {
    id: String,
    name: String,
    running: bool,
    well: bool,
    started_at: Option<DateTime<Utc>>,
    restarts: i64,
    image_id: String,
    /// How long Docker waits for it to stop before it kills it, with a margin for the start.
    stop_timeout: Duration,
    /// Whether this call restarts it.
    chosen: bool,
}

impl RestartContainer {
    /// A tool over this Docker; without one every call says so.
    pub fn new(
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
        client: Client,
        health_timeout: Duration,
    ) -> Self {
        Self { docker, catalogue, clock, client, health_timeout, patience: proof::PATIENCE }
    }

    fn service(&self, args: &RestartContainerArgs) -> Result<Service, Failure> {
        service::known(&self.catalogue, &args.service)
    }
}

impl BeforeContainer {
    fn state(&self) -> String {
        let word = if self.well { "well" } else { "not well" };
        format!("{} {} of {}", self.name, word, self.image_id)
    }
}

/// How often the policy has restarted it since. Docker counts from 0 again after a restart by hand, so a lower number is all new.
fn again(before: i64, now: i64) -> i64 {
    if now < before { now } else { now - before }
}

impl Change for RestartContainer {
    const NAME: &'static str = "restart_container";
    const TOUCHES: Touches = Touches::Service;
    type Args = RestartContainerArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let (docker, service) = (service::docker(&self.docker)?, self.service(args)?);
        let deploying = deploying(docker, &service).await?;
        let found = docker.of_service(&service).await?;
        let all_well = found.iter().all(|container| ContainerView::of(container).well());
        let containers = found.iter().map(|container| {
            let view = ContainerView::of(container);
            BeforeContainer {
                id: container.id.clone().unwrap_or_default(),
                // The only container is what the caller means, however well it looks from outside.
                chosen: all_well || found.len() == 1 || !view.well(),
                running: view.running,
                well: view.well(),
                started_at: view.started_at,
                restarts: view.restarts,
                image_id: view.image_id,
                stop_timeout: stop_timeout(container),
                name: view.name,
            }
        });
        Ok(Before { containers: containers.collect(), deploying })
    }

    fn effect(&self, _: &Self::Args, before: &Before) -> Effect {
        let chosen = before.containers.iter().filter(|container| container.chosen).count();
        let names: Vec<_> = before.containers.iter().filter(|one| one.chosen).map(|one| one.name.as_str()).collect();
        let taken = before.containers.iter().any(|container| container.chosen && container.well);
        Effect {
            says: format!("restarts {chosen} of {} containers: {}", before.containers.len(), names.join(", ")),
            state: before.containers.iter().map(BeforeContainer::state).collect::<Vec<_>>().join("; "),
            replicas: Some(Replicas {
                all: before.containers.len() as u64,
                well: before.containers.iter().filter(|container| container.well).count() as u64,
                // One after another: the next waits until the one before is well again.
                taken_at_once: u64::from(taken),
            }),
            deploying: before.deploying.clone(),
            ..Effect::default()
        }
    }

    async fn apply(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<String, Failure> {
        let docker = service::docker(&self.docker)?;
        let begun = self.clock.now();
        let mut names = Vec::new();
        let chosen: Vec<_> = before.containers.iter().filter(|container| container.chosen).collect();
        for (index, container) in chosen.iter().enumerate() {
            docker.restart(&container.id, container.stop_timeout).await?;
            names.push(container.name.as_str());
            if index + 1 < chosen.len() {
                proof::until_well(docker, &container.id, self.patience, &self.clock).await?;
            }
        }
        let seconds = (self.clock.now() - begun).as_seconds_f64();
        Ok(format!("restarted {} in {seconds:.1} s", names.join(", ")))
    }

    fn settles_within(&self, before: &Before) -> Duration {
        before.containers.iter().filter(|container| container.chosen).map(|container| container.stop_timeout).sum()
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let docker = service::docker(&self.docker)?;
        for container in before.containers.iter().filter(|container| container.chosen) {
            let now = ContainerView::of(&docker.inspect(&container.id).await?);
            if now.started_at > container.started_at {
                let at = now.started_at.map(|at| at.format("%H:%M:%S UTC").to_string()).unwrap_or_default();
                return Ok(Some(format!("{} was started at {at}, after the change had begun", container.name)));
            }
        }
        Ok(None)
    }

    async fn verify(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (docker, service) = (service::docker(&self.docker)?, self.service(args)?);
        let mut checks = Vec::new();
        for container in &before.containers {
            let now = ContainerView::of(&docker.inspect(&container.id).await?);
            checks.extend(proof::of_container(&now, again(container.restarts, now.restarts)));
        }
        checks.extend(proof::of_url(&self.client, &service, self.health_timeout).await);
        Ok(checks)
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        let docker = service::docker(&self.docker)?;
        let mut started = Vec::new();
        for container in before.containers.iter().filter(|container| container.running) {
            if !ContainerView::of(&docker.inspect(&container.id).await?).running {
                docker.start(&container.id).await?;
                started.push(container.name.as_str());
            }
        }
        Ok(if started.is_empty() {
            Undo::Nothing(
                "a restart leaves image, configuration and data as they were, so there is no other state to go back to"
                    .to_owned(),
            )
        } else {
            Undo::Done(format!("started {}, which ran before", started.join(", ")))
        })
    }

    async fn restored(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let docker = service::docker(&self.docker)?;
        let mut checks = Vec::new();
        for container in before.containers.iter().filter(|container| container.running) {
            let now = ContainerView::of(&docker.inspect(&container.id).await?);
            checks.push(Check {
                name: format!("container {} runs, as before", container.name),
                passed: now.running,
                found: now.state,
            });
        }
        Ok(checks)
    }
}
