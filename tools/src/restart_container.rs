//! `restart_container`: the first remedy, and often enough the right one.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Check, Failure, Permit, Service, SharedCatalogue, SharedClock, Target, Undo,
    check_health::ask,
    container::{ContainerView, stop_timeout},
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
}

/// The containers before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    containers: Vec<BeforeContainer>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BeforeContainer {
    id: String,
    name: String,
    running: bool,
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
        Self { docker, catalogue, clock, client, health_timeout }
    }

    fn service(&self, args: &RestartContainerArgs) -> Result<Service, Failure> {
        service::known(&self.catalogue, &args.service)
    }
}

impl Change for RestartContainer {
    const NAME: &'static str = "restart_container";
    type Args = RestartContainerArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let found = service::docker(&self.docker)?.of_service(&self.service(args)?).await?;
        let all_well = found.iter().all(|container| ContainerView::of(container).well());
        let containers = found.iter().map(|container| {
            let view = ContainerView::of(container);
            BeforeContainer {
                id: container.id.clone().unwrap_or_default(),
                // The only container is what the caller means, however well it looks from outside.
                chosen: all_well || found.len() == 1 || !view.well(),
                running: view.running,
                started_at: view.started_at,
                restarts: view.restarts,
                image_id: view.image_id,
                stop_timeout: stop_timeout(container),
                name: view.name,
            }
        });
        Ok(Before { containers: containers.collect() })
    }

    async fn apply(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<String, Failure> {
        let docker = service::docker(&self.docker)?;
        let begun = self.clock.now();
        let mut names = Vec::new();
        for container in before.containers.iter().filter(|container| container.chosen) {
            docker.restart(&container.id, container.stop_timeout).await?;
            names.push(container.name.as_str());
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
            let again = now.restarts - container.restarts;
            let restarted =
                if again > 0 { format!(", {again} times restarted by its policy since") } else { String::new() };
            checks.push(Check {
                name: format!("container {} runs", container.name),
                // Docker sets the count back at a restart by hand: a higher one is a new crash.
                passed: now.running && again <= 0,
                found: if now.running {
                    format!("running{restarted}")
                } else {
                    format!("{}, exit code {}{restarted}", now.state, now.exit_code)
                },
            });
            if now.health != "none" {
                checks.push(Check {
                    name: format!("container {} passes its health check", container.name),
                    passed: now.health == "healthy",
                    found: now.health,
                });
            }
        }
        if let Some(url) = &service.health_url {
            let health = ask(&self.client, url, self.health_timeout).await;
            checks.push(Check {
                name: format!("{} answers its health URL", service.name),
                passed: health.ok,
                found: health.to_string(),
            });
        }
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
}
