//! A deployment on a plain engine, replica by replica: the new one beside the old one, the name over, the old one kept.

mod back;
mod place;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

pub(super) use back::{restored, take_back};
use place::{Place, place};

use crate::{
    Check, Failure, Service,
    container::{ContainerView, stop_timeout},
    equal_container::{self, also},
    generation::{
        DEPLOYED, DRAIN, Generation, PREVIOUS_IMAGE, REPLACES, UNWELL_IMAGE, kept_name, label, name, next_name,
    },
    hand::Hand,
    proof,
    reach::{Container, Docker},
    replica::{COMPOSE_IMAGE, Pattern, cannot_be_two, cannot_share_volumes},
    text,
};

/// How long old and new serve side by side where no label says it.
const SIDE_BY_SIDE: Duration = Duration::from_secs(5);
/// The longest that a label can ask for.
const LONGEST: Duration = Duration::from_mins(10);

/// A replica that is to be replaced.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Old {
    id: String,
    name: String,
    running: bool,
    well: bool,
    image_id: String,
    /// Its restart policy: kept ones have none, or the engine would start them at its own start.
    restart_policy: String,
    restart_most: Option<i64>,
    stop_timeout: Duration,
    /// Whether the new one can run beside it; else it is stopped first, which only one that is not well ever is.
    beside: bool,
    side_by_side: Duration,
}

/// The replicas, when each can be replaced without losing a request.
pub(super) fn before(containers: &[Container], image: &str, image_id: Option<&str>) -> Result<Vec<Old>, Failure> {
    let volumes = cannot_share_volumes(containers);
    if containers.iter().all(|container| container.image.as_deref() == image_id && image_id.is_some()) {
        return Err(Failure::Tell(format!("all containers run {image} already; nothing is to be deployed")));
    }
    containers.iter().map(|container| old(container, volumes.as_deref())).collect()
}

fn old(container: &Container, volumes: Option<&str>) -> Result<Old, Failure> {
    let view = ContainerView::of(container);
    let host = container.host_config.clone().unwrap_or_default();
    if Generation::of(container) != Generation::Serving {
        let name = view.name;
        return Err(Failure::Tell(format!(
            "{name} is left from a deployment and nothing serves in its place: a person has to look"
        )));
    }
    if host.auto_remove.unwrap_or(false) {
        let what = "is removed by Docker as soon as it stops (--rm), so there would be no way back";
        return Err(Failure::Tell(format!("{} {what}", view.name)));
    }
    let against = cannot_be_two(container).or_else(|| volumes.map(str::to_owned));
    if let (Some(why), true) = (&against, view.well()) {
        return Err(Failure::Tell(format!(
            "a new image cannot be deployed without losing requests: {why}. Nothing was changed"
        )));
    }
    let policy = host.restart_policy.unwrap_or_default();
    Ok(Old {
        id: container.id.clone().unwrap_or_default(),
        running: container.state.as_ref().and_then(|state| state.running).unwrap_or(false),
        well: view.well(),
        image_id: view.image_id,
        restart_policy: view.restart_policy,
        restart_most: policy.maximum_retry_count,
        stop_timeout: stop_timeout(container),
        beside: against.is_none(),
        side_by_side: side_by_side(container)?,
        name: name(container).to_owned(),
    })
}

fn side_by_side(container: &Container) -> Result<Duration, Failure> {
    let Some(written) = label(container, DRAIN) else { return Ok(SIDE_BY_SIDE) };
    duration(written).filter(|span| *span <= LONGEST).ok_or_else(|| {
        let (name, written) = (name(container), text::one_line(&text::clean(written), 40));
        Failure::Tell(format!("{name}: label {DRAIN} is {written:?}; right would be a time up to 10m such as \"5s\""))
    })
}

/// "500ms", "5s", "1m".
fn duration(written: &str) -> Option<Duration> {
    let written = written.trim();
    let digits = written.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let count: u64 = digits.parse().ok()?;
    match written.strip_prefix(digits)? {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => count.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

pub(super) fn says(old: &[Old]) -> String {
    let names: Vec<_> = old.iter().map(|old| old.name.as_str()).collect();
    let first = old.iter().filter(|old| !old.beside).count();
    let how = if first == 0 {
        "each beside the old one, which is stopped when the new one is well".to_owned()
    } else {
        format!("{first} of them, which are not well, are stopped first")
    };
    format!("replaces {} containers one after another, {how}: {}", old.len(), names.join(", "))
}

pub(super) fn settles_within(old: &[Old]) -> Duration {
    // A stop that was begun is the only thing that Docker sees through by itself.
    old.iter().map(|old| old.stop_timeout).max().unwrap_or_default()
}

pub(super) async fn apply(hand: &Hand, service: &Service, image: &str, old: &[Old]) -> Result<String, Failure> {
    for replica in old {
        if let Err(failure) = replace(hand, image, replica).await {
            let back = take_back(hand, old).await;
            let told =
                back.map_or_else(|failure| format!("going back failed: {failure}"), |_| "the old serve".to_owned());
            return Err(also(failure, Some(told)));
        }
    }
    let removed = clean_up(hand.docker()?, service, old).await;
    let names: Vec<_> = old.iter().map(|old| old.name.as_str()).collect();
    let cleaned = if removed > 0 { format!(" ({removed} older kept containers removed)") } else { String::new() };
    Ok(format!("{} run {image}{cleaned}, the old ones are kept, stopped; done", names.join(", ")))
}

/// Replaces one; what was done already is not done again.
async fn replace(hand: &Hand, image: &str, old: &Old) -> Result<(), Failure> {
    let docker = hand.docker()?;
    let now = place(docker, old).await?;
    let container = equal_container::by_id(docker, &old.id, &old.name).await?;
    if !old.beside {
        retire(docker, old).await?;
    }
    let new = match now {
        Place { new: Some(new), has_name: true } => new,
        Place { .. } => start(hand, image, old, &container).await?,
    };
    if name(&container) == old.name {
        docker.rename(&old.id, &kept_name(&old.name, &old.id)).await?;
    }
    if name(&docker.inspect(&new).await?) != old.name {
        docker.rename(&new, &old.name).await?;
    }
    if old.beside {
        if old.running {
            hand.clock.sleep(old.side_by_side).await;
        }
        retire(docker, old).await?;
    }
    proof::until_well(docker, &new, hand.patience, &hand.clock).await
}

async fn start(hand: &Hand, image: &str, old: &Old, container: &Container) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let image_id = docker.image(image).await?.and_then(|image| image.id).unwrap_or_default();
    let mut labels = BTreeMap::from([(DEPLOYED.to_owned(), image.to_owned()), (REPLACES.to_owned(), old.id.clone())]);
    if label(container, COMPOSE_IMAGE).is_some() {
        labels.insert(COMPOSE_IMAGE.to_owned(), image_id.clone());
    }
    let earlier = label(container, PREVIOUS_IMAGE).filter(|earlier| *earlier != image_id);
    if old.well {
        labels.insert(PREVIOUS_IMAGE.to_owned(), old.image_id.clone());
    } else {
        labels.insert(UNWELL_IMAGE.to_owned(), old.image_id.clone());
        // What ran well before the sick one is still the image to go back to.
        labels.extend(earlier.map(|earlier| (PREVIOUS_IMAGE.to_owned(), earlier.to_owned())));
    }
    let image_was = equal_container::image_config(docker, container).await?;
    let pattern = Pattern {
        container,
        image_was: image_was.as_ref(),
        image,
        labels: &labels,
        without: &[PREVIOUS_IMAGE, UNWELL_IMAGE],
        takes_volumes: true,
    };
    equal_container::start(hand, &pattern, &next_name(&old.name, &old.id), Some(&old.name)).await
}

/// Stops the old one for good: with its own signal and time-out, and so that the engine does not start it at its own start.
async fn retire(docker: &Docker, old: &Old) -> Result<(), Failure> {
    if old.restart_policy != "no" {
        docker.update(&old.id, place::restart_policy("no", None)).await?;
    }
    docker.stop(&old.id, old.stop_timeout).await
}

/// Removes what deployments before this one kept. Worth trying, and not worth failing for.
async fn clean_up(docker: &Docker, service: &Service, old: &[Old]) -> usize {
    let mut removed = 0;
    for container in docker.all_of_service(service).await.unwrap_or_default() {
        let id = container.id.as_deref().unwrap_or_default();
        let runs = container.state.as_ref().and_then(|state| state.running).unwrap_or(true);
        let earlier = Generation::of(&container) == Generation::Kept && !runs && old.iter().all(|old| old.id != id);
        if earlier && docker.remove(id).await.is_ok() {
            removed += 1;
        }
    }
    removed
}

pub(super) async fn happened(docker: &Docker, old: &[Old]) -> Result<Option<String>, Failure> {
    let (mut replaced, mut begun) = (0, 0);
    for replica in old {
        let now = place(docker, replica).await?;
        let found = docker.find(&replica.id).await?;
        let stands = found.as_ref().is_some_and(|found| {
            let runs = found.state.as_ref().and_then(|state| state.running).unwrap_or(false);
            name(found) == replica.name && runs == replica.running
        });
        match now {
            Place { new: Some(_), has_name: true } => replaced += 1,
            Place { new: Some(_), has_name: false } => begun += 1,
            Place { new: None, .. } if !stands => begun += 1,
            Place { new: None, .. } => {}
        }
    }
    let all = old.len();
    Ok((replaced + begun > 0).then(|| format!("{replaced} of {all} containers are replaced, {begun} half")))
}

pub(super) async fn verify(docker: &Docker, image: &str, old: &[Old]) -> Result<Vec<Check>, Failure> {
    let wanted = docker.image(image).await?.and_then(|image| image.id);
    let mut checks = Vec::new();
    for replica in old {
        let Some(container) = docker.find(&replica.name).await? else {
            checks.push(Check {
                name: format!("container {} runs", replica.name),
                passed: false,
                found: "there is none of that name".to_owned(),
            });
            continue;
        };
        let view = ContainerView::of(&container);
        checks.push(Check {
            name: format!("container {} is of {image}", view.name),
            passed: wanted.is_some() && container.image == wanted,
            found: format!("{} ({})", view.image, view.image_id),
        });
        checks.extend(proof::of_container(&view, view.restarts));
        let kept = docker.find(&replica.id).await?.map(|kept| ContainerView::of(&kept));
        checks.push(Check {
            name: format!("the old {} serves no longer", replica.name),
            passed: kept.as_ref().is_none_or(|kept| !kept.running),
            found: kept.map_or_else(|| "it is gone".to_owned(), |kept| format!("{}, {}", kept.name, kept.state)),
        });
    }
    Ok(checks)
}

#[cfg(test)]
mod tests;
