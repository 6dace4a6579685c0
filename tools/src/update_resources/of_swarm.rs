//! Limits of a Swarm's service: the engine replaces its tasks by ones with the new limits, in the service's own way.

use std::time::Duration;

use bollard::models::{Limit, ServiceSpec};
use serde::{Deserialize, Serialize};

use super::{Asked, plain::used_more};
use crate::{
    Check, Failure, Replicas, Service,
    hand::Hand,
    proof,
    reach::{Docker, SwarmUpdate},
    swarm::{self, Settled},
};

/// The service as it was.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Old {
    name: String,
    image: String,
    tasks: u64,
    was: Limit,
    wanted: Limit,
}

pub(super) async fn before(
    docker: &Docker,
    service: &Service,
    name: &str,
    asked: Asked,
) -> Result<(Old, String, Replicas), Failure> {
    let found = docker.swarm_service(name).await?;
    let running = swarm::running(&docker.tasks(name).await?, None);
    let was = swarm::limits(&found);
    if let Some(memory) = asked.memory.filter(|memory| was.memory_bytes.is_none_or(|had| had <= 0 || *memory < had)) {
        let here = docker.of_service(service).await?;
        let running_here = here.iter().filter(|one| one.state.as_ref().and_then(|state| state.running) == Some(true));
        if (running_here.count() as u64) < running {
            let what =
                "some of its tasks run on other machines, so it cannot be told whether a lower limit would end them";
            return Err(Failure::Tell(format!("{name}: {what}")));
        }
        for container in &here {
            used_more(docker, container, memory).await?;
        }
    }
    let wanted = Limit {
        memory_bytes: asked.memory.or(was.memory_bytes),
        nano_cpus: asked.millicpus.map(|millicpus| millicpus.saturating_mul(1_000_000)).or(was.nano_cpus),
        pids: was.pids,
    };
    if wanted == was {
        return Err(Failure::Tell(format!("the service {name} has these limits already; nothing is to be changed")));
    }
    let all = swarm::replicas(&found).unwrap_or(running);
    let replicas = Replicas { all, well: running, taken_at_once: swarm::taken_by_update(&found, running) };
    let old = Old { name: name.to_owned(), image: swarm::image(&found)?, tasks: all, was, wanted };
    Ok((old, swarm::state(&found, running), replicas))
}

fn told(limit: &Limit) -> String {
    let memory = limit.memory_bytes.filter(|bytes| *bytes > 0).map(|bytes| format!("{} MiB", bytes >> 20));
    let cpus =
        limit.nano_cpus.filter(|nano| *nano > 0).map(|nano| format!("{} thousandths of a core", nano / 1_000_000));
    let none = || "no limit".to_owned();
    format!("memory {}, CPU {}", memory.unwrap_or_else(none), cpus.unwrap_or_else(none))
}

pub(super) fn says(old: &Old) -> String {
    let Old { name, tasks, was, wanted, .. } = old;
    format!("the Swarm replaces {tasks} tasks of its service {name}: from {} to {}", told(was), told(wanted))
}

pub(super) fn settles_within(old: &Old) -> Duration {
    proof::PATIENCE * u32::try_from(old.tasks).unwrap_or(u32::MAX).clamp(1, 10)
}

pub(super) async fn apply(hand: &Hand, old: &Old) -> Result<String, Failure> {
    set(hand, old, &old.wanted).await?;
    Ok(format!("the service {} has {}", old.name, told(&old.wanted)))
}

pub(super) async fn undo(hand: &Hand, old: &Old) -> Result<String, Failure> {
    set(hand, old, &old.was).await?;
    Ok(format!("the service {} has {} again", old.name, told(&old.was)))
}

async fn set(hand: &Hand, old: &Old, to: &Limit) -> Result<(), Failure> {
    let docker = hand.docker()?;
    if swarm::limits(&docker.swarm_service(&old.name).await?) == *to {
        return Ok(());
    }
    let change = |spec: &mut ServiceSpec| {
        let task = spec.task_template.get_or_insert_default();
        task.resources.get_or_insert_default().limits = Some(to.clone());
    };
    docker.update_swarm_service(&old.name, SwarmUpdate::Change(&change)).await?;
    match swarm::settled(hand, &old.name, &old.image, settles_within(old)).await? {
        Settled::Completed => Ok(()),
        Settled::RolledBack => {
            let why = format!("a task with {} did not become well, and the Swarm went back", told(to));
            Err(Failure::Tell(why))
        }
        Settled::Paused(why) => Err(Failure::Tell(format!("the update stopped: {why}"))),
    }
}

pub(super) async fn happened(docker: &Docker, old: &Old) -> Result<Option<String>, Failure> {
    let now = swarm::limits(&docker.swarm_service(&old.name).await?);
    Ok((now != old.was).then(|| format!("the service {} has {}", old.name, told(&now))))
}

pub(super) async fn verify(docker: &Docker, old: &Old) -> Result<Vec<Check>, Failure> {
    has(docker, old, &old.wanted).await
}

pub(super) async fn restored(docker: &Docker, old: &Old) -> Result<Vec<Check>, Failure> {
    has(docker, old, &old.was).await
}

async fn has(docker: &Docker, old: &Old, wanted: &Limit) -> Result<Vec<Check>, Failure> {
    let found = docker.swarm_service(&old.name).await?;
    let now = swarm::limits(&found);
    let mut checks = swarm::checks(docker, &found, &old.image).await?;
    checks.push(Check {
        name: format!("the limits of service {} are {}", old.name, told(wanted)),
        passed: now == *wanted,
        found: told(&now),
    });
    Ok(checks)
}
