//! `rollback_service`: back to the image that ran well before, with no request lost.

use std::{sync::Arc, time::Duration};

use reqwest::Client;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Change, Check, Effect, Failure, Permit, Releases, SharedCatalogue, SharedClock, Target, Touches, Undo,
    deployment::{self, Before},
    hand::Hand,
    reach::Docker,
    releases,
};

/// Goes back to the image that the service ran well with before, with no request lost: the same way as `deploy_service`. In a Swarm
/// it is the engine's own rollback. Which image that is, is found out; where nobody remembers one it is refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "reason": "errors began when 1.4.2 was deployed"}]))]
pub struct RollbackServiceArgs {
    /// A service of the catalogue.
    pub service: String,
    /// Why, in one sentence: people read it.
    pub reason: String,
}

/// Goes back to earlier images.
pub struct RollbackService {
    hand: Hand,
    releases: Option<Arc<dyn Releases>>,
}

impl RollbackService {
    /// A tool over this Docker; without one every call says so. `releases` remembers longer than the engine does.
    pub fn new(
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
        client: Client,
        health_timeout: Duration,
        releases: Option<Arc<dyn Releases>>,
    ) -> Self {
        Self { hand: Hand::new(docker, catalogue, clock, client, health_timeout), releases }
    }
}

impl Change for RollbackService {
    const NAME: &'static str = "rollback_service";
    const TOUCHES: Touches = Touches::Service;
    type Args = RollbackServiceArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        let service = self.hand.service(&args.service)?;
        let goal = releases::before_this(&self.hand, &service, self.releases.as_deref()).await?;
        deployment::before(&self.hand, &service, goal).await
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
