//! `scale_service`: more or fewer equal containers.

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
    reach::Docker,
};

/// Sets how many replicas a service has. New ones are equal to those that there are and get traffic only when they are well; of those
/// that go, the ones that are not well go first, each stopped with its own stop signal and time-out. A service that can have only one
/// container (by its name, a fixed port or an unshared volume) cannot be scaled, and it is said why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "replicas": 4, "reason": "two replicas are at their CPU limit, and requests wait"}]))]
pub struct ScaleServiceArgs {
    /// A service of the catalogue.
    pub service: String,
    /// How many replicas there are to be.
    pub replicas: u64,
    /// Why, in one sentence: people read it.
    pub reason: String,
}

/// Sets the number of replicas.
pub struct ScaleService {
    hand: Hand,
}

/// The replicas before.
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
    Plain(plain::Old),
    Swarm(of_swarm::Old),
}

impl ScaleService {
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

impl Change for ScaleService {
    const NAME: &'static str = "scale_service";
    const TOUCHES: Touches = Touches::Service;
    type Args = ScaleServiceArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let (docker, service) = (self.hand.docker()?, self.hand.service(&args.service)?);
        let deploying = deploying(docker, &service).await?;
        if let Some(name) = service.swarm() {
            let (old, state, replicas) = of_swarm::before(docker, name, args.replicas).await?;
            return Ok(Before { state, deploying, replicas, on: On::Swarm(old) });
        }
        let containers = docker.of_service(&service).await?;
        let names = docker.names().await?;
        let old = plain::before(&service, &containers, &names, args.replicas)?;
        let (state, replicas) = (hand::state(&containers), hand::counted(&containers, 0));
        Ok(Before { state, deploying, replicas, on: On::Plain(old) })
    }

    fn effect(&self, args: &Self::Args, before: &Before) -> Effect {
        let says = match &before.on {
            On::Plain(old) => plain::says(old),
            On::Swarm(old) => of_swarm::says(old),
        };
        Effect {
            replicas: Some(before.replicas),
            scale: Some((before.replicas.all, args.replicas)),
            ..hand::effect(says, &before.state, before.deploying.as_ref())
        }
    }

    async fn apply(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<String, Failure> {
        match &before.on {
            On::Plain(old) => plain::apply(&self.hand, old).await,
            On::Swarm(old) => of_swarm::apply(&self.hand, old).await,
        }
    }

    fn settles_within(&self, before: &Before) -> Duration {
        match &before.on {
            On::Plain(old) => plain::settles_within(old),
            On::Swarm(old) => of_swarm::settles_within(old),
        }
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let docker = self.hand.docker()?;
        match &before.on {
            On::Plain(old) => plain::happened(docker, old).await,
            On::Swarm(old) => of_swarm::happened(docker, old).await,
        }
    }

    async fn verify(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (docker, service) = (self.hand.docker()?, self.hand.service(&args.service)?);
        let mut checks = match &before.on {
            On::Plain(old) => plain::verify(docker, &service, old, args.replicas).await?,
            On::Swarm(old) => of_swarm::verify(docker, old).await?,
        };
        checks.extend(self.hand.url(&service).await);
        Ok(checks)
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        match &before.on {
            On::Plain(old) => plain::undo(&self.hand, old).await.map(Undo::Done),
            On::Swarm(old) => of_swarm::undo(&self.hand, old).await.map(Undo::Done),
        }
    }

    async fn restored(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (docker, service) = (self.hand.docker()?, self.hand.service(&args.service)?);
        match &before.on {
            On::Plain(old) => plain::restored(docker, &service, old).await,
            On::Swarm(old) => of_swarm::restored(docker, old).await,
        }
    }
}
