//! Which image to go back to: the one that ran well before, as far as anybody remembers.

use std::{cmp::Reverse, collections::BTreeSet};

use bollard::models::TaskState;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;

use crate::{
    Failure, Service,
    container::ContainerView,
    deployment::Goal,
    generation::{Generation, PREVIOUS_IMAGE, UNWELL_IMAGE, label, name},
    hand::Hand,
    reach::{Container, Docker},
    swarm, text,
};

/// How far back the engine is asked; it forgets sooner by itself.
const EVENTS_BACK: TimeDelta = TimeDelta::days(30);

/// An image with which a service was seen to be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// By reference or id.
    pub image: String,
    /// When it was last seen to be well.
    pub at: DateTime<Utc>,
}

/// Remembers which images a service ran well with, longer than the engine does.
pub trait Releases: Send + Sync {
    /// What is remembered of a service, in any order.
    fn healthy<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Vec<Release>>;
}

/// An image that may be the one, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    image: String,
    found: String,
}

/// The image to go back to.
///
/// # Errors
/// `Tell` when nobody remembers one that is there and is not what runs now.
pub(crate) async fn before_this(
    hand: &Hand,
    service: &Service,
    releases: Option<&dyn Releases>,
) -> Result<Goal, Failure> {
    let docker = hand.docker()?;
    let remembered = match releases {
        Some(releases) => releases.healthy(&service.name).await,
        None => Vec::new(),
    };
    let (not, candidates) = match service.swarm() {
        Some(swarm_name) => {
            let found = docker.swarm_service(swarm_name).await?;
            let now = swarm::image(&found)?;
            let unwell = swarm::unwell(&found);
            let is_not = |image: &String| unwell.iter().chain([&now]).all(|other| !swarm::same_image(image, other));
            if let Some(image) = swarm::previous_image(&found).filter(is_not) {
                let found = Some("the Swarm's own specification before".to_owned());
                return Ok(Goal { image, found, by_engine: true });
            }
            let mut candidates = of_releases(remembered);
            candidates.extend(of_tasks(&docker.tasks(swarm_name).await?));
            (Not { images: unwell.into_iter().chain([now]).collect(), ids: BTreeSet::new() }, candidates)
        }
        None => {
            let (serving, kept) = of_service(docker, service).await?;
            let mut candidates = of_containers(&serving, &kept);
            candidates.extend(of_releases(remembered));
            let now = hand.clock.now();
            // Worth having and not worth failing for: the engine may have been started a moment ago.
            let events = docker.healthy_images(service, now - EVENTS_BACK, now).await.unwrap_or_default();
            candidates.extend(of_events(events));
            (Not::of(&serving), candidates)
        }
    };
    let mut tried = Vec::new();
    for candidate in candidates {
        match usable(docker, &not, &candidate.image).await? {
            Ok(image) => return Ok(Goal { image, found: Some(candidate.found), by_engine: false }),
            Err(why) => tried.push(format!("{}: {why}", text::clean(&candidate.image))),
        }
    }
    let tried = if tried.is_empty() { "none is remembered".to_owned() } else { tried.join("; ") };
    let name = &service.name;
    Err(Failure::Tell(format!(
        "there is no earlier image of {name} to go back to ({tried}); right would be deploy_service with an image that is known to be good"
    )))
}

/// What it must not be: what runs now, and what is known to have been sick.
struct Not {
    images: BTreeSet<String>,
    ids: BTreeSet<String>,
}

impl Not {
    fn of(serving: &[Container]) -> Self {
        let reference = |container: &Container| container.config.as_ref()?.image.clone();
        let sick = serving.iter().filter_map(|container| label(container, UNWELL_IMAGE).map(str::to_owned));
        Self {
            images: serving.iter().filter_map(reference).collect(),
            ids: serving.iter().filter_map(|container| container.image.clone()).chain(sick).collect(),
        }
    }
}

/// The image as it is best asked for, or why it is not the one.
async fn usable(docker: &Docker, not: &Not, image: &str) -> Result<Result<String, String>, Failure> {
    let found = match docker.image(image).await {
        Ok(found) => found,
        Err(Failure::Tell(why)) => return Ok(Err(why)),
        Err(failure) => return Err(failure),
    };
    let Some(found) = found else {
        if not.images.iter().any(|other| swarm::same_image(other, image)) {
            return Ok(Err("it is what runs now, or was found sick".to_owned()));
        }
        return match docker.offered(image).await {
            Ok(()) => Ok(Ok(image.to_owned())),
            Err(failure) => Ok(Err(failure.to_string())),
        };
    };
    let id = found.id.unwrap_or_default();
    // Without ids of what runs (a Swarm's tasks may run elsewhere) the reference has to do.
    let same =
        not.ids.contains(&id) || not.ids.is_empty() && not.images.iter().any(|other| swarm::same_image(other, image));
    if same {
        return Ok(Err("it is what runs now, or was found sick".to_owned()));
    }
    let by_id = image.starts_with("sha256:");
    // A name says more to people and policies than an id; Docker lists only names that mean this image.
    let named = found.repo_tags.into_iter().flatten().chain(found.repo_digests.into_iter().flatten()).next();
    Ok(Ok(if by_id { named.unwrap_or(id) } else { image.to_owned() }))
}

async fn of_service(docker: &Docker, service: &Service) -> Result<(Vec<Container>, Vec<Container>), Failure> {
    let all = docker.all_of_service(service).await?;
    let (kept, serving) = all.into_iter().partition(|container| Generation::of(container) == Generation::Kept);
    Ok((serving, kept))
}

/// What deployments before left: the label first, which names only an image that was well; then kept containers, newest first.
fn of_containers(serving: &[Container], kept: &[Container]) -> Vec<Candidate> {
    let labelled = serving.iter().filter_map(|container| {
        let image = label(container, PREVIOUS_IMAGE)?.to_owned();
        let found = format!("{} ran it well before its last deployment", name(container));
        Some(Candidate { image, found: text::clean(&found) })
    });
    let mut kept: Vec<_> = kept.iter().map(|container| (ContainerView::of(container), container)).collect();
    kept.sort_by_key(|(view, _)| Reverse(view.finished_at));
    let kept = kept.iter().filter_map(|(view, container)| {
        Some(Candidate { image: container.image.clone()?, found: format!("the kept container {} ran it", view.name) })
    });
    distinct(labelled.chain(kept))
}

fn of_releases(mut releases: Vec<Release>) -> Vec<Candidate> {
    releases.sort_by_key(|release| Reverse(release.at));
    distinct(releases.into_iter().map(|release| Candidate {
        found: format!("it was well with it at {}", release.at.format("%Y-%m-%d %H:%M UTC")),
        image: release.image,
    }))
}

fn of_events(mut events: Vec<(i64, String)>) -> Vec<Candidate> {
    events.sort_by_key(|(at, _)| Reverse(*at));
    distinct(events.into_iter().map(|(at, image)| {
        let at = DateTime::from_timestamp(at, 0).unwrap_or_default();
        let found = format!("the engine saw it healthy with it at {}", at.format("%Y-%m-%d %H:%M UTC"));
        Candidate { image, found }
    }))
}

/// Tasks that were ended by an update, and not by a fault of their own, newest first.
fn of_tasks(tasks: &[bollard::models::Task]) -> Vec<Candidate> {
    let mut ended: Vec<_> = tasks
        .iter()
        .filter(|task| task.status.as_ref().and_then(|status| status.state) == Some(TaskState::SHUTDOWN))
        .collect();
    ended.sort_by_key(|task| Reverse(task.updated_at));
    distinct(ended.into_iter().filter_map(|task| {
        let image = swarm::task_image(task)?.to_owned();
        Some(Candidate { image, found: "tasks of the service ran it before".to_owned() })
    }))
}

fn distinct(candidates: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    let mut seen = BTreeSet::new();
    candidates.filter(|candidate| seen.insert(candidate.image.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerConfig, ContainerState};

    use super::*;
    use crate::generation::kept_name;

    fn container(name: &str, id: &str, image: &str, labels: &[(&str, &str)], finished: &str) -> Container {
        let labels: HashMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Container {
            name: Some(format!("/{name}")),
            id: Some(id.to_owned()),
            image: Some(image.to_owned()),
            state: Some(ContainerState { finished_at: Some(finished.to_owned()), ..Default::default() }),
            config: Some(ContainerConfig { labels: Some(labels), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn what_was_well_comes_before_what_is_merely_kept_and_the_newest_first() {
        let serving = [container(
            "web",
            "n",
            "sha256:now",
            &[(PREVIOUS_IMAGE, "sha256:good"), (UNWELL_IMAGE, "sha256:sick")],
            "",
        )];
        let kept = [
            container(&kept_name("web", "k1"), "k1", "sha256:older", &[], "2026-11-20T10:00:00Z"),
            container(&kept_name("web", "k2"), "k2", "sha256:newer", &[], "2026-11-24T10:00:00Z"),
            container(&kept_name("web", "k3"), "k3", "sha256:good", &[], "2026-11-23T10:00:00Z"),
        ];
        let images: Vec<_> = of_containers(&serving, &kept).into_iter().map(|candidate| candidate.image).collect();
        assert_eq!(images, ["sha256:good", "sha256:newer", "sha256:older"]);
        let not = Not::of(&serving);
        assert!(not.ids.contains("sha256:now") && not.ids.contains("sha256:sick") && !not.ids.contains("sha256:good"));
    }

    #[test]
    fn of_what_is_remembered_the_newest_comes_first() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let releases = vec![
            Release { image: "app:1".into(), at: at(10) },
            Release { image: "app:3".into(), at: at(30) },
            Release { image: "app:1".into(), at: at(40) },
        ];
        let images: Vec<_> = of_releases(releases).into_iter().map(|candidate| candidate.image).collect();
        assert_eq!(images, ["app:1", "app:3"]);
        let events = vec![(5, "app:2".to_owned()), (9, "app:1".to_owned()), (7, "app:2".to_owned())];
        let images: Vec<_> = of_events(events).into_iter().map(|candidate| candidate.image).collect();
        assert_eq!(images, ["app:1", "app:2"]);
    }
}
