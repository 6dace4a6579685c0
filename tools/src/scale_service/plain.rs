//! The number of equal containers on a plain engine, counted and named as Compose does it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    Check, Failure, Service,
    container::{ContainerView, stop_timeout},
    equal_container,
    generation::{REPLACES, label, name},
    hand::Hand,
    proof,
    reach::{Container, Docker},
    replica::{self, COMPOSE_NUMBER, Pattern},
};

/// The replicas as they were, and what becomes of them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Old {
    replicas: Vec<Replica>,
    /// Names of those that are to be made, with their numbers.
    added: Vec<(String, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Replica {
    id: String,
    name: String,
    number: Option<u64>,
    running: bool,
    image_id: String,
    stop_timeout: Duration,
    /// Whether it is to go.
    goes: bool,
    /// Where it is to go: ids of those that stay and are equal to it. From one of them it can be made again.
    #[serde(default)]
    equals: Vec<String>,
}

impl Replica {
    /// Of a change that was begun before equals were noted, each one counts as one.
    fn can_be_made_from(&self, other: &Self) -> bool {
        self.equals.is_empty() || self.equals.contains(&other.id)
    }
}

pub(super) fn before(
    service: &Service,
    containers: &[Container],
    names: &BTreeSet<String>,
    wanted: u64,
) -> Result<Old, Failure> {
    let now = containers.len() as u64;
    let cannot = |why: String| Failure::Tell(format!("{} cannot have {wanted} replicas: {why}", service.name));
    if wanted == now {
        let name = &service.name;
        return Err(Failure::Tell(format!("{name} has {now} replicas already; nothing is to be changed")));
    }
    if wanted == 0 {
        return Err(cannot("the last one is the pattern for all others, so right would be at least 1".to_owned()));
    }
    if let Some(container) = &service.container {
        return Err(cannot(format!(
            "the catalogue knows it by the name of one container, {container:?}; right would be `labels` in [services.{}]",
            service.name
        )));
    }
    if wanted > now {
        let against =
            containers.iter().find_map(replica::cannot_be_two).or_else(|| replica::cannot_share_volumes(containers));
        if let Some(why) = against {
            return Err(cannot(why));
        }
    }
    let go = usize::try_from(now.saturating_sub(wanted)).unwrap_or(0);
    let going: Vec<_> = order_of_removal(containers).into_iter().take(go).collect();
    let mut equals = equals(containers, &going).map_err(cannot)?;
    let replicas = containers.iter().map(|container| {
        let view = ContainerView::of(container);
        let id = container.id.clone().unwrap_or_default();
        Replica {
            goes: going.contains(&id),
            equals: equals.remove(&id).unwrap_or_default(),
            number: replica::number(container),
            running: view.running,
            image_id: view.image_id,
            stop_timeout: stop_timeout(container),
            name: name(container).to_owned(),
            id,
        }
    });
    Ok(Old { replicas: replicas.collect(), added: replica::next_names(containers, names, wanted.saturating_sub(now)) })
}

/// For each that goes those that stay and are equal to it, by their ids; or why one must not go.
fn equals(containers: &[Container], going: &[String]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let id = |container: &Container| container.id.clone().unwrap_or_default();
    let (go, stay): (Vec<_>, Vec<_>) = containers.iter().partition(|container| going.contains(&id(container)));
    let equals = go.into_iter().map(|gone| {
        let equals = stay.iter().filter(|stays| replica::unlike(gone, stays).is_none());
        let equals: Vec<_> = equals.map(|stays| id(stays)).collect();
        match stay.iter().find_map(|stays| Some((stays, replica::unlike(gone, stays)?))) {
            Some((stays, what)) if equals.is_empty() => Err(format!(
                "{} would go, and none that stays is equal to it ({} differs in its {what}), so it could not be made again",
                name(gone),
                name(stays)
            )),
            Some(_) | None => Ok((id(gone), equals)),
        }
    });
    equals.collect()
}

/// Those that are not well first, then the highest numbers: ids in the order in which they go.
fn order_of_removal(containers: &[Container]) -> Vec<String> {
    let mut order: Vec<_> = containers.iter().map(|container| (ContainerView::of(container), container)).collect();
    order.sort_by_key(|(view, container)| {
        (view.badness(), Reverse(replica::number(container)), Reverse(view.name.clone()))
    });
    order.into_iter().filter_map(|(_, container)| container.id.clone()).collect()
}

pub(super) fn says(old: &Old) -> String {
    let (from, to) = (old.replicas.len(), old.replicas.iter().filter(|one| !one.goes).count() + old.added.len());
    let going: Vec<_> = old.replicas.iter().filter(|one| one.goes).map(|one| one.name.as_str()).collect();
    let added: Vec<_> = old.added.iter().map(|(name, _)| name.as_str()).collect();
    if going.is_empty() {
        return format!("from {from} to {to} replicas: makes {}", added.join(", "));
    }
    format!("from {from} to {to} replicas: stops and removes {}", going.join(", "))
}

pub(super) fn settles_within(old: &Old) -> Duration {
    old.replicas.iter().filter(|one| one.goes).map(|one| one.stop_timeout).max().unwrap_or_default()
}

pub(super) async fn apply(hand: &Hand, old: &Old) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let begun = hand.clock.now();
    for (called, number) in &old.added {
        let found = docker.find(called).await?.filter(|found| ContainerView::of(found).well());
        if let Some(found) = found
            && replica::is_found_as(&found, &pattern(docker, old, None).await?)
        {
            continue;
        }
        make(hand, old, called, Some(*number), None).await?;
    }
    for one in old.replicas.iter().filter(|one| one.goes) {
        remove(docker, &one.id, one.stop_timeout).await?;
    }
    let seconds = (hand.clock.now() - begun).as_seconds_f64();
    Ok(format!("{}; done in {seconds:.1} s", says(old)))
}

/// Makes one that is equal to those that stay; `again` is the one that it is to be again, where it is.
async fn make(
    hand: &Hand,
    old: &Old,
    called: &str,
    number: Option<u64>,
    again: Option<&Replica>,
) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let container = pattern(docker, old, again).await?;
    let id = again.map(|one| one.image_id.as_str()).or(container.image.as_deref()).unwrap_or_default();
    let image = reference(docker, &container, id).await?;
    let mut labels = BTreeMap::new();
    if let (Some(number), true) = (number, label(&container, COMPOSE_NUMBER).is_some()) {
        labels.insert(COMPOSE_NUMBER.to_owned(), number.to_string());
    }
    let image_was = equal_container::image_config(docker, &container).await?;
    let pattern = Pattern {
        container: &container,
        image_was: image_was.as_ref(),
        image: &image,
        labels: &labels,
        without: &[REPLACES],
        takes_volumes: false,
    };
    equal_container::start(hand, &pattern, called, None).await
}

/// Of the replicas that stay and, where one is to be made again, are equal to it: one that is well, else what there is.
async fn pattern(docker: &Docker, old: &Old, again: Option<&Replica>) -> Result<Container, Failure> {
    let mut found = Vec::new();
    for one in old.replicas.iter().filter(|one| again.is_none_or(|again| again.can_be_made_from(one))) {
        found.extend(docker.find(&one.id).await?);
    }
    let other = |container: &Container| again.is_some_and(|one| container.image.as_ref() != Some(&one.image_id));
    found.sort_by_key(|container| (other(container), Reverse(ContainerView::of(container).badness())));
    found.into_iter().next().ok_or_else(|| {
        let what = "of the replicas before none is left, so there is no pattern to make another one from";
        Failure::Tell(what.to_owned())
    })
}

/// The image by the name that people know, while that name still means it; else by its id.
async fn reference(docker: &Docker, container: &Container, id: &str) -> Result<String, Failure> {
    let Some(named) = container.config.as_ref().and_then(|config| config.image.clone()) else {
        return Ok(id.to_owned());
    };
    let means = docker.image(&named).await?.and_then(|image| image.id);
    Ok(if means.as_deref() == Some(id) { named } else { id.to_owned() })
}

async fn remove(docker: &Docker, id: &str, stop_timeout: Duration) -> Result<(), Failure> {
    if docker.find(id).await?.is_some() {
        docker.stop(id, stop_timeout).await?;
        docker.remove(id).await?;
    }
    Ok(())
}

pub(super) async fn happened(docker: &Docker, old: &Old) -> Result<Option<String>, Failure> {
    let mut found = Vec::new();
    for (called, _) in &old.added {
        if docker.find(called).await?.is_some() {
            found.push(format!("{called} was made"));
        }
    }
    for one in old.replicas.iter().filter(|one| one.goes) {
        match docker.find(&one.id).await? {
            None => found.push(format!("{} was removed", one.name)),
            Some(now) if one.running && !ContainerView::of(&now).running => {
                found.push(format!("{} was stopped", one.name));
            }
            Some(_) => {}
        }
    }
    Ok((!found.is_empty()).then(|| found.join(", ")))
}

pub(super) async fn verify(docker: &Docker, service: &Service, old: &Old, wanted: u64) -> Result<Vec<Check>, Failure> {
    let containers = docker.of_service(service).await?;
    let mut checks = vec![number_of(&containers, wanted, service)];
    let (before, added): (Vec<_>, Vec<_>) =
        containers.iter().partition(|container| old.replicas.iter().any(|one| container.id.as_ref() == Some(&one.id)));
    for container in &containers {
        checks.extend(proof::of_container(&ContainerView::of(container), 0));
    }
    // One that was made and not given its names yet runs well, and nobody finds it.
    for container in added {
        let networks = replica::networks(container, None).into_iter().map(|(network, _)| network);
        checks.push(Check {
            name: format!("container {} is found as the others are", ContainerView::of(container).name),
            passed: before.iter().any(|pattern| replica::is_found_as(container, pattern)),
            found: format!("networks: {}", networks.collect::<Vec<_>>().join(", ")),
        });
    }
    Ok(checks)
}

fn number_of(containers: &[Container], wanted: u64, service: &Service) -> Check {
    Check {
        name: format!("{} has {wanted} replicas", service.name),
        passed: containers.len() as u64 == wanted,
        found: containers.iter().map(|container| ContainerView::of(container).name).collect::<Vec<_>>().join(", "),
    }
}

pub(super) async fn undo(hand: &Hand, old: &Old) -> Result<String, Failure> {
    let docker = hand.docker()?;
    for (called, _) in &old.added {
        if let Some(found) = docker.find(called).await? {
            remove(docker, found.id.as_deref().unwrap_or(called), stop_timeout(&found)).await?;
        }
    }
    for one in old.replicas.iter().filter(|one| one.goes) {
        match docker.find(&one.name).await? {
            Some(found) if one.running && !ContainerView::of(&found).running => {
                docker.start(found.id.as_deref().unwrap_or(&one.name)).await?;
            }
            Some(_) => {}
            None => {
                make(hand, old, &one.name, one.number, Some(one)).await?;
            }
        }
    }
    let names: Vec<_> = old.replicas.iter().map(|one| one.name.as_str()).collect();
    Ok(format!("there are {} replicas again: {}", names.len(), names.join(", ")))
}

pub(super) async fn restored(docker: &Docker, service: &Service, old: &Old) -> Result<Vec<Check>, Failure> {
    let containers = docker.of_service(service).await?;
    let mut checks = vec![number_of(&containers, old.replicas.len() as u64, service)];
    for one in &old.replicas {
        let found = docker.find(&one.name).await?.map(|found| ContainerView::of(&found));
        let runs = found.as_ref().is_some_and(|view| view.running);
        checks.push(Check {
            name: format!("container {} is there as before", one.name),
            passed: found.is_some() && runs == one.running,
            found: found.map_or_else(|| "there is none".to_owned(), |view| view.state),
        });
    }
    Ok(checks)
}

#[cfg(test)]
mod tests;
