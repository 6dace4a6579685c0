//! `update_resources`: other limits of memory and CPU, while the service runs.

mod of_swarm;
mod plain;

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Check, Effect, Failure, Permit, Replicas, SharedCatalogue, SharedClock, Target, Touches, Undo,
    deploying::deploying,
    hand::{self, Hand},
    limits::Limits,
    reach::Docker,
};

/// Docker's own least.
const LEAST_MIB: u64 = 6;

/// Sets the limits of memory and CPU of a service: of running containers at once and without a restart, in a Swarm by new tasks.
/// What is not given stays as it is. A memory limit below what a container uses now is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "memory_mib": 512, "reason": "it was killed at 256 MiB, and needs 300 at this load"}]))]
pub struct UpdateResourcesArgs {
    /// A service of the catalogue.
    pub service: String,
    /// The memory limit of each container, in MiB.
    #[serde(default)]
    pub memory_mib: Option<u64>,
    /// The CPU limit of each container, in cores, such as 1.5.
    #[serde(default)]
    pub cpus: Option<f64>,
    /// Why, in one sentence: people read it.
    pub reason: String,
}

/// Sets limits.
pub struct UpdateResources {
    hand: Hand,
}

/// The limits before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    state: String,
    deploying: Option<String>,
    replicas: Replicas,
    on: On,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum On {
    Plain(Vec<plain::Limited>),
    Swarm(of_swarm::Old),
}

/// What is asked for, in Docker's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    memory: Option<i64>,
    millicpus: Option<i64>,
}

impl UpdateResources {
    /// A tool over this Docker; without one every call says so.
    pub fn new(
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
        client: Client,
        health_timeout: Duration,
    ) -> Self {
        Self { hand: Hand::new(docker, catalogue, clock, client, health_timeout) }
    }
}

fn asked(args: &UpdateResourcesArgs) -> Result<Asked, Failure> {
    let UpdateResourcesArgs { memory_mib, cpus, .. } = args;
    if memory_mib.is_none() && cpus.is_none() {
        return Err(Failure::Tell(
            "neither memory_mib nor cpus is given; right would be at least one of them".to_owned(),
        ));
    }
    if let Some(mib) = memory_mib.filter(|mib| *mib < LEAST_MIB || *mib > 1 << 32) {
        return Err(Failure::Tell(format!("memory_mib is {mib}; right would be a number of MiB from {LEAST_MIB} on")));
    }
    if let Some(cpus) = cpus.filter(|cpus| !(0.01..=10_000.0).contains(cpus)) {
        return Err(Failure::Tell(format!(
            "cpus is {cpus}; right would be a number of cores from 0.01 on, such as 1.5"
        )));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be from 0.01 to 10,000")]
    let millicpus = cpus.map(|cpus| (cpus * 1_000.0).round() as i64);
    let memory = memory_mib.and_then(|mib| i64::try_from(mib << 20).ok());
    Ok(Asked { memory, millicpus })
}

impl Asked {
    fn on(self, was: Limits) -> Limits {
        let with = self.memory.map_or(was, |memory| was.with_memory(memory));
        self.millicpus.map_or(with, |millicpus| with.with_millicpus(millicpus))
    }
}

impl Change for UpdateResources {
    const NAME: &'static str = "update_resources";
    const TOUCHES: Touches = Touches::Service;
    type Args = UpdateResourcesArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let asked = asked(args)?;
        let (docker, service) = (self.hand.docker()?, self.hand.service(&args.service)?);
        let deploying = deploying(docker, &service).await?;
        if let Some(name) = service.swarm() {
            let (old, state, replicas) = of_swarm::before(docker, &service, name, asked).await?;
            return Ok(Before { state, deploying, replicas, on: On::Swarm(old) });
        }
        let containers = docker.of_service(&service).await?;
        let all = plain::before(docker, &containers, asked).await?;
        let (state, replicas) = (hand::state(&containers), hand::counted(&containers, 0));
        Ok(Before { state, deploying, replicas, on: On::Plain(all) })
    }

    fn effect(&self, args: &Self::Args, before: &Before) -> Effect {
        // `before` was made from the same arguments, so they are right.
        let asked = asked(args).unwrap_or(Asked { memory: None, millicpus: None });
        let says = match &before.on {
            On::Plain(all) => plain::says(all),
            On::Swarm(old) => of_swarm::says(old),
        };
        Effect {
            replicas: Some(before.replicas),
            memory: asked.memory.and_then(|bytes| u64::try_from(bytes).ok()),
            millicpus: asked.millicpus.and_then(|millicpus| u64::try_from(millicpus).ok()),
            ..hand::effect(says, &before.state, before.deploying.as_ref())
        }
    }

    async fn apply(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<String, Failure> {
        let docker = self.hand.docker()?;
        match &before.on {
            On::Plain(all) => plain::apply(docker, all).await,
            On::Swarm(old) => of_swarm::apply(&self.hand, old).await,
        }
    }

    fn settles_within(&self, before: &Before) -> Duration {
        match &before.on {
            On::Plain(_) => Duration::ZERO,
            On::Swarm(old) => of_swarm::settles_within(old),
        }
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let docker = self.hand.docker()?;
        match &before.on {
            On::Plain(all) => plain::happened(docker, all).await,
            On::Swarm(old) => of_swarm::happened(docker, old).await,
        }
    }

    async fn verify(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (docker, service) = (self.hand.docker()?, self.hand.service(&args.service)?);
        let mut checks = match &before.on {
            On::Plain(all) => plain::verify(docker, all).await?,
            On::Swarm(old) => of_swarm::verify(docker, old).await?,
        };
        checks.extend(self.hand.url(&service).await);
        Ok(checks)
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        let docker = self.hand.docker()?;
        match &before.on {
            On::Plain(all) => plain::undo(docker, all).await.map(Undo::Done),
            On::Swarm(old) => of_swarm::undo(&self.hand, old).await.map(Undo::Done),
        }
    }

    async fn restored(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let docker = self.hand.docker()?;
        match &before.on {
            On::Plain(all) => plain::restored(docker, all).await,
            On::Swarm(old) => of_swarm::restored(docker, old).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(memory_mib: Option<u64>, cpus: Option<f64>) -> UpdateResourcesArgs {
        UpdateResourcesArgs { service: "web".into(), memory_mib, cpus, reason: "it needs it".into() }
    }

    #[test]
    fn what_is_asked_for_is_checked() {
        let right = asked(&args(Some(64), Some(1.5))).unwrap();
        assert_eq!(right, Asked { memory: Some(64 << 20), millicpus: Some(1_500) });
        for wrong in [
            args(None, None),
            args(Some(0), None),
            args(Some(5), None),
            args(Some(u64::MAX), None),
            args(None, Some(0.0)),
            args(None, Some(-1.0)),
            args(None, Some(f64::NAN)),
            args(None, Some(f64::INFINITY)),
        ] {
            let told = asked(&wrong).unwrap_err().to_string();
            assert!(told.contains("right would be"), "{told}");
        }
    }
}
