//! The number of tasks of a Swarm's service.

use std::time::Duration;

use bollard::models::ServiceSpec;
use serde::{Deserialize, Serialize};

use crate::{
    Check, Failure, Replicas,
    hand::Hand,
    proof,
    reach::{Docker, SwarmUpdate},
    swarm,
};

/// The service as it was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Old {
    name: String,
    image: String,
    was: u64,
    wanted: u64,
}

pub(super) async fn before(docker: &Docker, name: &str, wanted: u64) -> Result<(Old, String, Replicas), Failure> {
    let found = docker.swarm_service(name).await?;
    let Some(was) = swarm::replicas(&found) else {
        return Err(Failure::Tell(format!("the service {name} has one task on every node, so it cannot be scaled")));
    };
    if was == wanted {
        return Err(Failure::Tell(format!("the service {name} has {was} replicas already; nothing is to be changed")));
    }
    // The first one of a service that has none is alone.
    if let (true, Some(why)) = (wanted > was.max(1), swarm::cannot_share_volumes(&found)) {
        return Err(Failure::Tell(format!("{name} cannot have {wanted} replicas: {why}")));
    }
    let running = swarm::running(&docker.tasks(name).await?, None);
    let old = Old { name: name.to_owned(), image: swarm::image(&found)?, was, wanted };
    Ok((old, swarm::state(&found, running), Replicas { all: was, well: running, taken_at_once: 0 }))
}

pub(super) fn says(old: &Old) -> String {
    format!("sets the Swarm's service {} from {} to {} replicas", old.name, old.was, old.wanted)
}

pub(super) fn settles_within(old: &Old) -> Duration {
    proof::PATIENCE * u32::try_from(old.was.max(old.wanted)).unwrap_or(u32::MAX).clamp(1, 10)
}

pub(super) async fn apply(hand: &Hand, old: &Old) -> Result<String, Failure> {
    set(hand, old, old.wanted).await?;
    Ok(format!("the service {} has {} replicas, before {}", old.name, old.wanted, old.was))
}

pub(super) async fn undo(hand: &Hand, old: &Old) -> Result<String, Failure> {
    set(hand, old, old.was).await?;
    Ok(format!("the service {} has {} replicas again", old.name, old.was))
}

async fn set(hand: &Hand, old: &Old, to: u64) -> Result<(), Failure> {
    let docker = hand.docker()?;
    let change = |spec: &mut ServiceSpec| {
        let mode = spec.mode.get_or_insert_default().replicated.get_or_insert_default();
        mode.replicas = i64::try_from(to).ok();
    };
    if swarm::replicas(&docker.swarm_service(&old.name).await?) != Some(to) {
        docker.update_swarm_service(&old.name, SwarmUpdate::Change(&change)).await?;
    }
    swarm::settled(hand, &old.name, &old.image, settles_within(old)).await.map(drop)
}

pub(super) async fn happened(docker: &Docker, old: &Old) -> Result<Option<String>, Failure> {
    let now = swarm::replicas(&docker.swarm_service(&old.name).await?);
    Ok(now.filter(|now| *now != old.was).map(|now| format!("the service {} is to have {now} replicas", old.name)))
}

pub(super) async fn verify(docker: &Docker, old: &Old) -> Result<Vec<Check>, Failure> {
    has(docker, old, old.wanted).await
}

pub(super) async fn restored(docker: &Docker, old: &Old) -> Result<Vec<Check>, Failure> {
    has(docker, old, old.was).await
}

async fn has(docker: &Docker, old: &Old, wanted: u64) -> Result<Vec<Check>, Failure> {
    let found = docker.swarm_service(&old.name).await?;
    let now = swarm::replicas(&found);
    let mut checks = vec![Check {
        name: format!("service {} is to have {wanted} replicas", old.name),
        passed: now == Some(wanted),
        found: now.map_or_else(|| "one on every node".to_owned(), |now| now.to_string()),
    }];
    checks.extend(swarm::checks(docker, &found, &old.image).await?);
    Ok(checks)
}
