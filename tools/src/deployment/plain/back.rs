//! The way back: the kept container runs again under its own name, and the new one is gone.

use super::{
    Old,
    place::{Place, place, restart_policy},
};
use crate::{
    Check, Failure,
    container::{ContainerView, stop_timeout},
    equal_container,
    generation::{name, next_name},
    hand::Hand,
    proof,
    reach::Docker,
};

/// Takes back every replica, wherever its replacement stopped; one that fails does not keep the others from it.
///
/// # Errors
/// The first failure.
pub(crate) async fn take_back(hand: &Hand, old: &[Old]) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let mut failed = None;
    for replica in old {
        if let Err(failure) = one(hand, docker, replica).await {
            failed.get_or_insert(failure);
        }
    }
    let names: Vec<_> = old.iter().map(|old| old.name.as_str()).collect();
    match failed {
        Some(failure) => Err(failure),
        None => Ok(format!("{} run the image that they ran before", names.join(", "))),
    }
}

async fn one(hand: &Hand, docker: &Docker, old: &Old) -> Result<(), Failure> {
    let Place { new, has_name } = place(docker, old).await?;
    let was = equal_container::by_id(docker, &old.id, &old.name).await?;
    if let (Some(new), false) = (&new, old.beside) {
        // Both cannot run at once, and the old one was not well: nothing is lost by the gap.
        remove(docker, new).await?;
    }
    if old.restart_policy != "no" {
        docker.update(&old.id, restart_policy(&old.restart_policy, old.restart_most)).await?;
    }
    if old.running && !ContainerView::of(&was).running {
        docker.start(&old.id).await?;
    }
    if old.well {
        proof::until_well(docker, &old.id, hand.patience, &hand.clock).await?;
    }
    if let (Some(new), true, true) = (&new, old.beside, has_name) {
        docker.rename(new, &next_name(&old.name, &old.id)).await?;
    }
    if name(&was) != old.name {
        docker.rename(&old.id, &old.name).await?;
    }
    if let (Some(new), true) = (&new, old.beside) {
        let well = docker.find(new).await?.is_some_and(|new| ContainerView::of(&new).well());
        if has_name && old.running && well {
            // Whoever has just found the new one is still answered by it; a sick one answers nobody.
            hand.clock.sleep(old.side_by_side).await;
        }
        remove(docker, new).await?;
    }
    Ok(())
}

async fn remove(docker: &Docker, id: &str) -> Result<(), Failure> {
    if let Some(container) = docker.find(id).await? {
        docker.stop(id, stop_timeout(&container)).await?;
        docker.remove(id).await?;
    }
    Ok(())
}

/// Whether every replica is the container that it was, and no new one is left.
pub(crate) async fn restored(docker: &Docker, old: &[Old]) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for replica in old {
        let called = &replica.name;
        let found = docker.find(&replica.id).await?;
        let (stands, told) = match &found {
            Some(container) => {
                let view = ContainerView::of(container);
                let runs = container.state.as_ref().and_then(|state| state.running).unwrap_or(false);
                let stands = view.name == *called
                    && runs == replica.running
                    && (view.well() || !replica.well)
                    && view.restart_policy == replica.restart_policy;
                let policy = &view.restart_policy;
                (
                    stands,
                    format!(
                        "{} ({}), {}, health {}, restart policy {policy}",
                        view.name, view.id, view.state, view.health
                    ),
                )
            }
            None => (false, "it is gone".to_owned()),
        };
        checks.push(Check {
            name: format!("container {called} is the one before, as it was"),
            passed: stands,
            found: told,
        });
        let left = place(docker, replica).await?.new;
        checks.push(Check {
            name: format!("nothing is left of the new {called}"),
            passed: left.is_none(),
            found: left.map_or_else(|| "nothing".to_owned(), |id| format!("container {id:.12}")),
        });
    }
    Ok(checks)
}
