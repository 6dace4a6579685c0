//! `deploy_service`: a new image, with no request lost.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Change, Check, Effect, Failure, Permit, SharedCatalogue, SharedClock, Target, Touches, Undo,
    deployment::{self, Before, Goal},
    hand::Hand,
    reach::Docker,
};

/// Deploys another image of a service with no request lost: each replica is started anew of that image beside the old one, gets
/// traffic only when it is well, and the old one is stopped after that with its own stop signal and time-out. The old containers are
/// kept, stopped, until the change is proven. Where new and old cannot run at the same time it is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "image": "registry.example/payments:1.4.2", "reason": "1.4.1 leaks memory, and 1.4.2 holds the fix"}]))]
pub struct DeployServiceArgs {
    /// A service of the catalogue.
    pub service: String,
    /// The image, by reference with a tag or digest.
    pub image: String,
    /// Why, in one sentence: people read it.
    pub reason: String,
}

/// Deploys images.
pub struct DeployService {
    hand: Hand,
}

impl DeployService {
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

impl Change for DeployService {
    const NAME: &'static str = "deploy_service";
    const TOUCHES: Touches = Touches::Service;
    type Args = DeployServiceArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let goal = Goal { image: args.image.clone(), found: None, by_engine: false };
        deployment::before(&self.hand, &self.hand.service(&args.service)?, goal).await
    }

    fn effect(&self, args: &Self::Args, before: &Before) -> Effect {
        deployment::effect(&args.service, before)
    }

    async fn apply(&self, _: Permit, args: &Self::Args, before: &Before) -> Result<String, Failure> {
        deployment::apply(&self.hand, &self.hand.service(&args.service)?, before).await
    }

    fn settles_within(&self, before: &Before) -> Duration {
        deployment::settles_within(before)
    }

    async fn happened(&self, _: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        deployment::happened(&self.hand, before).await
    }

    async fn verify(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        deployment::verify(&self.hand, &self.hand.service(&args.service)?, before).await
    }

    async fn undo(&self, _: Permit, _: &Self::Args, before: &Before) -> Result<Undo, Failure> {
        deployment::undo(&self.hand, before).await
    }

    async fn restored(&self, _: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        deployment::restored(&self.hand, before).await
    }
}
