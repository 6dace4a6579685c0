//! Another image for a service, with no request lost: what `deploy_service` and `rollback_service` have in common.
//!
//! On a plain engine each replica is replaced beside the old one, which is kept, stopped, so that undo is to start it again. In a
//! Swarm the engine does the same by its own means.

mod plain;
mod swarm;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Check, Effect, Failure, Replicas, Service, Undo,
    deploying::deploying,
    hand::{self, Hand},
    reach::Docker,
    text,
};

/// Everything that was before, enough to go back to it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    /// The image that is to run, as it was asked for.
    pub(crate) image: String,
    /// Its id, where the engine has it already.
    image_id: Option<String>,
    /// Why this image, where it was found and not asked for.
    found: Option<String>,
    state: String,
    deploying: Option<String>,
    replicas: Replicas,
    on: On,
}

/// Where the service runs, and how it stood there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum On {
    Plain(Vec<plain::Old>),
    Swarm(swarm::Old),
}

/// An image to go to.
pub(crate) struct Goal {
    /// By reference, as people and policies know it, or by id.
    pub(crate) image: String,
    /// Where it was found, when it was not asked for.
    pub(crate) found: Option<String>,
    /// Whether a Swarm is to go back by itself: its own specification before the last one holds this image.
    pub(crate) by_engine: bool,
}

/// Reads the state before and whether this deployment is possible at all.
///
/// # Errors
/// `Tell` when it is not, and why.
pub(crate) async fn before(hand: &Hand, service: &Service, goal: Goal) -> Result<Before, Failure> {
    let docker = hand.docker()?;
    let image_id = match docker.image(&goal.image).await? {
        Some(image) => image.id,
        // A Swarm that goes back by itself has its nodes fetch what they need.
        None if goal.by_engine => None,
        None => docker.offered(&goal.image).await.map(|()| None)?,
    };
    let deploying = deploying(docker, service).await?;
    let (on, state, replicas) = match service.swarm() {
        Some(name) => {
            let (old, state, replicas) = swarm::before(docker, name, &goal).await?;
            (On::Swarm(old), state, replicas)
        }
        None => {
            let containers = docker.of_service(service).await?;
            let old = plain::before(&containers, &goal.image, image_id.as_deref())?;
            (On::Plain(old), hand::state(&containers), hand::counted(&containers, 0))
        }
    };
    Ok(Before { image: goal.image, image_id, found: goal.found, state, deploying, replicas, on })
}

/// What it would do.
pub(crate) fn effect(service: &str, before: &Before) -> Effect {
    let image = text::clean(&before.image);
    let why = before.found.as_ref().map(|found| format!(" ({found})")).unwrap_or_default();
    let how = match &before.on {
        On::Plain(old) => plain::says(old),
        On::Swarm(old) => swarm::says(old),
    };
    Effect {
        replicas: Some(before.replicas),
        image: Some(before.image.clone()),
        ..hand::effect(
            format!("{service} gets the image {image}{why}: {how}"),
            &before.state,
            before.deploying.as_ref(),
        )
    }
}

/// Does it.
///
/// # Errors
/// When a new container does not become well, or Docker refuses; the old ones serve as before then, as far as that can be done.
pub(crate) async fn apply(hand: &Hand, service: &Service, before: &Before) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let begun = hand.clock.now();
    let done = match &before.on {
        On::Plain(old) => {
            here(docker, before).await?;
            plain::apply(hand, service, &before.image, old).await?
        }
        On::Swarm(old) => swarm::apply(hand, &before.image, old).await?,
    };
    let seconds = (hand.clock.now() - begun).as_seconds_f64();
    Ok(format!("{done} in {seconds:.1} s"))
}

/// Pulls the image where the engine has it not; what was judged is what is started, even if its name has moved on since.
async fn here(docker: &Docker, before: &Before) -> Result<(), Failure> {
    let Before { image, image_id, .. } = before;
    match (docker.image(image).await?.and_then(|found| found.id), image_id) {
        (None, _) => docker.pull(image).await,
        (Some(now), Some(was)) if now != *was => Err(Failure::Tell(format!(
            "{image} means another image now ({now}) than when this was judged ({was}); nothing was changed"
        ))),
        (Some(_), _) => Ok(()),
    }
}

/// For how long the engine may still be at it when whoever asked is gone.
pub(crate) fn settles_within(before: &Before) -> Duration {
    match &before.on {
        On::Plain(old) => plain::settles_within(old),
        On::Swarm(old) => swarm::settles_within(old),
    }
}

/// Whether anything of it has happened, whole or in part.
///
/// # Errors
/// When Docker cannot be asked.
pub(crate) async fn happened(hand: &Hand, before: &Before) -> Result<Option<String>, Failure> {
    let docker = hand.docker()?;
    match &before.on {
        On::Plain(old) => plain::happened(docker, old).await,
        On::Swarm(old) => swarm::happened(docker, old).await,
    }
}

/// Whether every replica runs the image and is well.
///
/// # Errors
/// When Docker cannot be asked.
pub(crate) async fn verify(hand: &Hand, service: &Service, before: &Before) -> Result<Vec<Check>, Failure> {
    let docker = hand.docker()?;
    let mut checks = match &before.on {
        On::Plain(old) => plain::verify(docker, &before.image, old).await?,
        On::Swarm(old) => swarm::verify(docker, &before.image, old).await?,
    };
    checks.extend(hand.url(service).await);
    Ok(checks)
}

/// Takes it back: the old image serves again.
///
/// # Errors
/// When a container that was before is gone, or does not become well again.
pub(crate) async fn undo(hand: &Hand, before: &Before) -> Result<Undo, Failure> {
    let done = match &before.on {
        On::Plain(old) => plain::take_back(hand, old).await?,
        On::Swarm(old) => swarm::take_back(hand, old).await?,
    };
    Ok(Undo::Done(done))
}

/// Whether what was before stands again.
///
/// # Errors
/// When Docker cannot be asked.
pub(crate) async fn restored(hand: &Hand, before: &Before) -> Result<Vec<Check>, Failure> {
    let docker = hand.docker()?;
    match &before.on {
        On::Plain(old) => plain::restored(docker, old).await,
        On::Swarm(old) => swarm::restored(docker, old).await,
    }
}
