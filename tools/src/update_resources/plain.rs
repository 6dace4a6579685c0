//! Limits of containers on a plain engine: set while they run, one container after another.

use serde::{Deserialize, Serialize};

use super::Asked;
use crate::{
    Check, Failure,
    container::{ContainerView, memory_used},
    limits::Limits,
    proof,
    reach::{Container, Docker},
};

/// A container and its limits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Limited {
    id: String,
    name: String,
    restarts: i64,
    was: Limits,
    wanted: Limits,
}

/// The containers, with the limits that they have and are to have.
pub(super) async fn before(docker: &Docker, containers: &[Container], asked: Asked) -> Result<Vec<Limited>, Failure> {
    let most = docker.cores().await?;
    if let Some(millicpus) = asked.millicpus.filter(|asked| i64::try_from(most * 1_000).is_ok_and(|most| *asked > most))
    {
        let told = format!("{}.{:03}", millicpus / 1_000, millicpus % 1_000);
        return Err(Failure::Tell(format!("cpus is {told}, and the machine has {most} cores")));
    }
    let mut all = Vec::new();
    for container in containers {
        if let Some(memory) = asked.memory {
            used_more(docker, container, memory).await?;
        }
        let (view, was) = (ContainerView::of(container), limits(container));
        let id = container.id.clone().unwrap_or_default();
        all.push(Limited { id, name: view.name, restarts: view.restarts, was, wanted: asked.on(was) });
    }
    if all.iter().all(|one| one.was.same(one.wanted)) {
        return Err(Failure::Tell("all containers have these limits already; nothing is to be changed".to_owned()));
    }
    Ok(all)
}

/// A limit below what is used would end the container at once.
pub(super) async fn used_more(docker: &Docker, container: &Container, memory: i64) -> Result<(), Failure> {
    let view = ContainerView::of(container);
    let had = view.memory_limit;
    if !view.running || had > 0 && memory >= had {
        return Ok(());
    }
    let stats = docker.stats(container.id.as_deref().unwrap_or_default()).await;
    let Some(used) = stats.as_ref().and_then(memory_used) else {
        let what =
            "Docker does not say how much memory it uses, so it cannot be told whether a lower limit would end it";
        return Err(Failure::Tell(format!("{}: {what}", view.name)));
    };
    let limit = u64::try_from(memory).unwrap_or(0);
    if used >= limit {
        let (used, limit) = (used >> 20, limit >> 20);
        return Err(Failure::Tell(format!(
            "{} uses {used} MiB of memory now; a limit of {limit} MiB would end it. Right would be more than {used} MiB",
            view.name
        )));
    }
    Ok(())
}

fn limits(container: &Container) -> Limits {
    Limits::of(&container.host_config.clone().unwrap_or_default())
}

pub(super) fn says(all: &[Limited]) -> String {
    let told = all.iter().map(|one| format!("{} from {} to {}", one.name, one.was.told(), one.wanted.told()));
    format!("sets limits without a restart: {}", told.collect::<Vec<_>>().join("; "))
}

pub(super) async fn apply(docker: &Docker, all: &[Limited]) -> Result<String, Failure> {
    for one in all {
        set(docker, one, one.wanted).await?;
    }
    let told = all.iter().map(|one| format!("{} has {}", one.name, one.wanted.told()));
    Ok(told.collect::<Vec<_>>().join("; "))
}

pub(super) async fn undo(docker: &Docker, all: &[Limited]) -> Result<String, Failure> {
    for one in all {
        set(docker, one, one.was).await?;
    }
    let told = all.iter().map(|one| format!("{} has {} again", one.name, one.was.told()));
    Ok(told.collect::<Vec<_>>().join("; "))
}

pub(super) async fn happened(docker: &Docker, all: &[Limited]) -> Result<Option<String>, Failure> {
    let mut changed = Vec::new();
    for one in all.iter().filter(|one| !one.was.same(one.wanted)) {
        let now = limits(&docker.inspect(&one.id).await?);
        if !now.same(one.was) {
            changed.push(format!("{} has {}", one.name, now.told()));
        }
    }
    Ok((!changed.is_empty()).then(|| changed.join("; ")))
}

pub(super) async fn verify(docker: &Docker, all: &[Limited]) -> Result<Vec<Check>, Failure> {
    has(docker, all, |one| one.wanted, true).await
}

pub(super) async fn restored(docker: &Docker, all: &[Limited]) -> Result<Vec<Check>, Failure> {
    has(docker, all, |one| one.was, false).await
}

async fn set(docker: &Docker, one: &Limited, to: Limits) -> Result<(), Failure> {
    let now = limits(&docker.inspect(&one.id).await?);
    if now.same(to) {
        return Ok(());
    }
    docker.update(&one.id, to.update_from(now)).await
}

async fn has(
    docker: &Docker,
    all: &[Limited],
    limit: impl Fn(&Limited) -> Limits,
    well: bool,
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for one in all {
        let container = docker.inspect(&one.id).await?;
        let (now, wanted) = (limits(&container), limit(one));
        let view = ContainerView::of(&container);
        checks.push(Check {
            name: format!("the limits of {} are {}", one.name, wanted.told()),
            passed: now.same(wanted),
            found: now.told(),
        });
        if well {
            checks.extend(proof::of_container(&view, view.restarts - one.restarts));
        }
    }
    Ok(checks)
}
