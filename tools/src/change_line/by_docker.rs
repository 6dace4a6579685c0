//! What Docker tells: events of a service's containers, what those that are there say of their past, and how they differ from
//! those before them.

use std::collections::BTreeMap;

use analysis::changes::Kind as Nature;
use chrono::{DateTime, Utc};

use super::{ChangeLine, Kind, Whose, difference, events};
use crate::{
    Failure,
    container::ContainerView,
    generation::{self, Generation},
    list_changes::Told,
    reach::{Container, Docker},
    text,
};

/// The image that ran before, and when it was exchanged: labels on a container that we deployed.
const PREVIOUS_IMAGE: &str = "devops-agent.previous-image";
const DEPLOYED: &str = "devops-agent.deployed";
const STARTED: &str = " was started";

/// Events of the service's containers, gone ones too, and of those that are there now the start, the image and what differs.
/// One list that fails does not hide the others.
pub(crate) async fn by_docker(
    docker: &Docker,
    whose: Whose<'_>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Told, Failure> {
    let service = whose.service;
    let (containers, events) = tokio::join!(docker.of_service(service), docker.service_events(service, since, until));
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    let mut events = match (events, &containers) {
        (Ok(events), _) => events,
        (Err(_), Err(failure)) => return Err(failure.clone()),
        (Err(failure), Ok(_)) => {
            missing.push(format!("Docker's events: {failure}"));
            Vec::new()
        }
    };
    if let Some(name) = service.swarm() {
        match docker.swarm_events(name, since, until).await {
            Ok(more) => events.extend(more),
            Err(failure) => missing.push(format!("Docker's events of the Swarm service: {failure}")),
        }
        let (more, failed) = of_swarm(docker, whose, name).await;
        lines.extend(more);
        missing.extend(failed);
    }
    let mut settings = BTreeMap::new();
    match &containers {
        Ok(containers) => {
            lines.extend(containers.iter().flat_map(|container| standing(whose, container)));
            settings.extend(containers.iter().map(|one| (generation::name(one).to_owned(), difference::settings(one))));
            let kept = kept(docker, whose, containers).await;
            lines.extend(kept.iter().filter_map(|(before, now)| difference::line(whose, before, now)));
        }
        Err(failure) => missing.push(format!("Docker's containers: {failure}")),
    }
    let events = events::lines(whose, &events, &settings);
    lines.retain(|line| !told_as_event(line, &events));
    lines.extend(events);
    Ok((lines, missing))
}

/// Pairs of a container that is kept from before, and the one that took its place.
async fn kept(docker: &Docker, whose: Whose<'_>, serving: &[Container]) -> Vec<(Container, Container)> {
    // Only a deployment of ours keeps one, and it says so on the new one.
    let replaced = serving.iter().filter_map(|now| Some((now, generation::label(now, generation::REPLACES)?)));
    let replaced: Vec<_> = replaced.collect();
    if replaced.is_empty() {
        return older_beside_newer(serving);
    }
    let all = docker.all_of_service(whose.service).await.unwrap_or_default();
    let before = |old: &str| {
        let mut kept = all.iter().filter(|one| Generation::of(one) == Generation::Kept);
        kept.find(|one| one.id.as_deref() == Some(old)).cloned()
    };
    replaced.into_iter().filter_map(|(now, old)| Some((before(old)?, now.clone()))).collect()
}

/// The newest container of a service and one that was made before it and serves still: a change that reached only some.
fn older_beside_newer(serving: &[Container]) -> Vec<(Container, Container)> {
    let oldest = serving.iter().min_by_key(|container| difference::made(container));
    let newest = serving.iter().max_by_key(|container| difference::made(container));
    oldest.zip(newest).filter(|(a, b)| a.id != b.id).map(|(a, b)| (a.clone(), b.clone())).into_iter().collect()
}

/// How a Swarm's service differs from its specification before.
async fn of_swarm(docker: &Docker, whose: Whose<'_>, name: &str) -> (Option<ChangeLine>, Option<String>) {
    match docker.swarm_service(name).await {
        Ok(found) => (difference::line_of_swarm(whose, &found), None),
        // This engine manages no Swarm: its containers say what there is to say.
        Err(Failure::Tell(_)) => (None, None),
        Err(failure) => (None, Some(format!("the Swarm's specification before: {failure}"))),
    }
}

/// What a container itself says of its past.
fn standing(whose: Whose<'_>, container: &Container) -> Vec<ChangeLine> {
    let view = ContainerView::of(container);
    let label = |key: &str| generation::label(container, key).map(|value| text::one_line(&text::clean(value), 200));
    let deployed = label(DEPLOYED).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let image = text::one_line(&view.image, 200);
    let before = label(PREVIOUS_IMAGE).map(|image| format!(", before that {image}")).unwrap_or_default();
    let nature = if before.is_empty() { Nature::Deployment } else { Nature::Image };
    let deployment = deployed.or_else(|| difference::made(container)).map(|at| {
        let how = if deployed.is_some() { "was deployed" } else { "was made" };
        let what = format!("{} {how} with image {image}{before}", view.name);
        ChangeLine::docker(whose, at, (Kind::Deployment, nature), what).touching(difference::settings(container), false)
    });
    let started = view
        .started_at
        .map(|at| ChangeLine::docker(whose, at, (Kind::Container, Nature::Restart), format!("{}{STARTED}", view.name)));
    deployment.into_iter().chain(started).collect()
}

/// A start, or a making, that is told as an event as well is told once.
fn told_as_event(line: &ChangeLine, events: &[ChangeLine]) -> bool {
    let made = line.what.split_once(" was made with image ").map(|(name, _)| format!("{name} create"));
    let started = line.what.strip_suffix(STARTED).map(|name| format!("{name} start"));
    let Some(what) = made.or(started) else { return false };
    events.iter().any(|event| {
        let near = (event.at - line.at).num_seconds().abs() <= 2;
        near && event.what.strip_prefix(&what).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}
