//! A deployment in a Swarm: the engine starts each new task before it stops the old one, and goes back by itself.

use std::time::Duration;

use bollard::models::{
    ServiceSpec, ServiceSpecUpdateConfig, ServiceSpecUpdateConfigFailureActionEnum as OnFailure,
    ServiceSpecUpdateConfigOrderEnum as Order,
};
use serde::{Deserialize, Serialize};

use super::Goal;
use crate::{
    Check, Failure, Replicas, System,
    hand::Hand,
    proof,
    reach::{Docker, SwarmService, SwarmUpdate},
    swarm::{self, Settled},
};

/// How long a task has to stay well before the next one is replaced, in nanoseconds.
const MONITOR: i64 = 5_000_000_000;

/// The service as it was. Its specification may hold secrets: only what a deployment changes of it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Old {
    name: String,
    image: String,
    replicas: u64,
    update_config: Option<ServiceSpecUpdateConfig>,
    /// When the update before this one began: one that began later is of this change.
    update_began: Option<String>,
    /// Whether the engine goes back to its own specification before.
    by_engine: bool,
    /// Whether this image is left because it is not well.
    #[serde(default)]
    goes_back: bool,
}

pub(super) async fn before(docker: &Docker, name: &str, goal: &Goal) -> Result<(Old, String, Replicas), Failure> {
    let found = docker.swarm_service(name).await?;
    let image = swarm::image(&found)?;
    if swarm::same_image(&image, &goal.image) {
        let image = &goal.image;
        return Err(Failure::Tell(format!("the service {name} runs {image} already; nothing is to be deployed")));
    }
    // The engine's own way back goes by the order that the service names, not by ours.
    if let (false, Some(why)) = (goal.by_engine, swarm::cannot_share_volumes(&found)) {
        return Err(Failure::Tell(format!(
            "a new image cannot be deployed without losing requests: {why}. Nothing was changed"
        )));
    }
    let tasks = swarm::running(&docker.tasks(name).await?, None);
    let all = swarm::replicas(&found).unwrap_or(tasks);
    let taken_at_once = if goal.by_engine { swarm::taken_by_rollback(&found, tasks) } else { 0 };
    let spec = found.service.spec.clone().unwrap_or_default();
    let old = Old {
        name: name.to_owned(),
        image,
        replicas: all,
        update_config: spec.update_config,
        update_began: swarm::update_began(&found),
        by_engine: goal.by_engine,
        goes_back: goal.found.is_some(),
    };
    Ok((old, swarm::state(&found, tasks), Replicas { all, well: tasks, taken_at_once }))
}

pub(super) fn says(old: &Old) -> String {
    let Old { name, replicas, .. } = old;
    if old.by_engine {
        return format!("the Swarm goes back with its service {name} ({replicas} tasks) to the specification before");
    }
    format!("the Swarm replaces {replicas} tasks of its service {name}, each new one started before the old one stops")
}

pub(super) fn settles_within(old: &Old) -> Duration {
    let tasks = u32::try_from(old.replicas).unwrap_or(u32::MAX).clamp(1, 10);
    proof::PATIENCE * tasks
}

pub(super) async fn apply(hand: &Hand, image: &str, old: &Old) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let name = &old.name;
    if old.by_engine {
        // A rollback swaps the two specifications: a second one would undo the first.
        if !swarm::same_image(&swarm::image(&docker.swarm_service(name).await?)?, image) {
            docker.update_swarm_service(name, SwarmUpdate::Rollback).await?;
        }
        return match swarm::settled(hand, name, image, settles_within(old)).await? {
            Settled::Completed | Settled::RolledBack => Ok(format!("the service {name} is back at {image}; done")),
            Settled::Paused(why) => Err(Failure::unreachable(System::Docker, format!("the rollback stopped: {why}"))),
        };
    }
    let change = |spec: &mut ServiceSpec| {
        set_image(spec, image);
        swarm::mark(spec, image, old.goes_back.then_some(&*old.image));
        spec.update_config = Some(start_first(spec.update_config.take()));
    };
    docker.update_swarm_service(name, SwarmUpdate::Change(&change)).await?;
    match swarm::settled(hand, name, image, settles_within(old)).await? {
        Settled::Completed => Ok(format!("all {} tasks of the service {name} run {image}; done", old.replicas)),
        Settled::RolledBack => {
            let why = format!("a task of {image} did not become well, and the Swarm went back to {}", old.image);
            Err(Failure::Tell(why))
        }
        Settled::Paused(why) => Err(Failure::Tell(format!("the update stopped: {why}"))),
    }
}

fn set_image(spec: &mut ServiceSpec, image: &str) {
    let container = spec.task_template.get_or_insert_default().container_spec.get_or_insert_default();
    container.image = Some(image.to_owned());
}

/// The service's own way of updating, with what makes it lossless and safe.
fn start_first(own: Option<ServiceSpecUpdateConfig>) -> ServiceSpecUpdateConfig {
    let own = own.unwrap_or_default();
    ServiceSpecUpdateConfig {
        // 0 is all at once.
        parallelism: Some(own.parallelism.unwrap_or(1).max(1)),
        monitor: Some(own.monitor.unwrap_or(MONITOR).max(1)),
        order: Some(Order::START_FIRST),
        failure_action: Some(OnFailure::ROLLBACK),
        ..own
    }
}

pub(super) async fn happened(docker: &Docker, old: &Old) -> Result<Option<String>, Failure> {
    let found = docker.swarm_service(&old.name).await?;
    let image = swarm::image(&found)?;
    let began = swarm::update_began(&found);
    if !swarm::same_image(&image, &old.image) {
        return Ok(Some(format!("the service {} is to run {image}", old.name)));
    }
    let later = began.is_some() && began != old.update_began;
    Ok(later.then(|| format!("an update of the service {} began at {}", old.name, began.unwrap_or_default())))
}

pub(super) async fn verify(docker: &Docker, image: &str, old: &Old) -> Result<Vec<Check>, Failure> {
    let found = docker.swarm_service(&old.name).await?;
    swarm::checks(docker, &found, image).await
}

pub(super) async fn take_back(hand: &Hand, old: &Old) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let name = &old.name;
    let found = docker.swarm_service(name).await?;
    if !swarm::same_image(&swarm::image(&found)?, &old.image) {
        if old.by_engine {
            // The engine's rollback swaps the two specifications: another one is its exact undo.
            docker.update_swarm_service(name, SwarmUpdate::Rollback).await?;
        } else {
            let sick = swarm::image(&found)?;
            let change = |spec: &mut ServiceSpec| {
                set_image(spec, &old.image);
                swarm::mark(spec, &old.image, Some(&sick));
                let careful = start_first(spec.update_config.take());
                spec.update_config =
                    Some(ServiceSpecUpdateConfig { failure_action: Some(OnFailure::PAUSE), ..careful });
            };
            docker.update_swarm_service(name, SwarmUpdate::Change(&change)).await?;
        }
        if let Settled::Paused(why) = swarm::settled(hand, name, &old.image, settles_within(old)).await? {
            return Err(Failure::unreachable(System::Docker, format!("the way back stopped: {why}")));
        }
    }
    let now: SwarmService = docker.swarm_service(name).await?;
    let update_config = now.service.spec.and_then(|spec| spec.update_config);
    if !old.by_engine && update_config != old.update_config {
        let change = |spec: &mut ServiceSpec| spec.update_config = old.update_config.clone();
        docker.update_swarm_service(name, SwarmUpdate::Change(&change)).await?;
    }
    Ok(format!("the service {name} runs {} again", old.image))
}

pub(super) async fn restored(docker: &Docker, old: &Old) -> Result<Vec<Check>, Failure> {
    let found = docker.swarm_service(&old.name).await?;
    let mut checks = swarm::checks(docker, &found, &old.image).await?;
    let now = found.service.spec.and_then(|spec| spec.update_config);
    checks.push(Check {
        name: "its way of updating is as before".to_owned(),
        passed: now == old.update_config,
        found: format!("order {:?}", now.and_then(|config| config.order)),
    });
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_made_lossless_whatever_the_service_says() {
        let own = ServiceSpecUpdateConfig {
            parallelism: Some(0),
            delay: Some(7),
            order: Some(Order::STOP_FIRST),
            failure_action: Some(OnFailure::CONTINUE),
            ..Default::default()
        };
        let made = start_first(Some(own));
        assert_eq!((made.parallelism, made.delay, made.monitor), (Some(1), Some(7), Some(MONITOR)));
        assert_eq!((made.order, made.failure_action), (Some(Order::START_FIRST), Some(OnFailure::ROLLBACK)));
    }
}
