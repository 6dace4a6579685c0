//! One change on a time line, as Docker or GitHub tells of it.

use std::fmt;

use bollard::models::EventMessage;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    Failure, Service,
    container::ContainerView,
    list_changes::Told,
    reach::{CommitLine, Container, Docker, GitHub, PullRequest, RepositoryName, WorkflowRun},
    text,
};

/// The image that ran before, and when it was exchanged: labels on a container that we deployed.
const PREVIOUS_IMAGE: &str = "devops-agent.previous-image";
const DEPLOYED: &str = "devops-agent.deployed";

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ChangeLine {
    pub(crate) at: DateTime<Utc>,
    /// `docker` or `github`.
    source: &'static str,
    kind: Kind,
    /// In words.
    what: String,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Something happened to a container.
    Container,
    /// Other code or another configuration runs since.
    Deployment,
    Commit,
    PullRequest,
    WorkflowRun,
}

impl ChangeLine {
    /// Whether it brought other code or another configuration to where the service runs.
    pub(crate) fn deploys(&self) -> bool {
        self.kind == Kind::Deployment
    }

    fn docker(at: DateTime<Utc>, kind: Kind, what: String) -> Self {
        Self { at, source: "docker", kind, what }
    }

    fn github(at: DateTime<Utc>, kind: Kind, what: String) -> Self {
        Self { at, source: "github", kind, what }
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.source, self.what)
    }
}

/// What Docker tells: events of the service's containers, gone ones too, and of those that are there now the start and the image.
/// One list that fails does not hide the others.
pub(crate) async fn by_docker(
    docker: &Docker,
    service: &Service,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Told, Failure> {
    let containers = docker.of_service(service).await;
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    let mut events = match (docker.service_events(service, since, until).await, &containers) {
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
    }
    match &containers {
        Ok(containers) => lines.extend(containers.iter().flat_map(standing)),
        Err(failure) => missing.push(format!("Docker's containers: {failure}")),
    }
    let events: Vec<_> = events.iter().rev().filter_map(event).collect();
    // A start that is told as an event as well is told once.
    lines.retain(|line| {
        let Some(name) = line.what.strip_suffix(STARTED) else { return true };
        let same = |event: &ChangeLine| {
            let near = (event.at - line.at).num_seconds().abs() <= 2;
            near && event.what.strip_suffix(" start") == Some(name)
        };
        !events.iter().any(same)
    });
    lines.extend(events);
    Ok((lines, missing))
}

const STARTED: &str = " was started";

/// What a container itself says of its past.
fn standing(container: &Container) -> Vec<ChangeLine> {
    let view = ContainerView::of(container);
    let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
    let label =
        |key: &str| labels.and_then(|labels| labels.get(key)).map(|value| text::one_line(&text::clean(value), 200));
    let deployed = label(DEPLOYED).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let made = container.created.as_ref().map(|at| at.to_rfc3339()).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    let image = text::one_line(&view.image, 200);
    let before = label(PREVIOUS_IMAGE).map(|image| format!(", before that {image}")).unwrap_or_default();
    let deployment = deployed.or(made).map(|at| {
        let how = if deployed.is_some() { "was deployed" } else { "was made" };
        ChangeLine::docker(at, Kind::Deployment, format!("{} {how} with image {image}{before}", view.name))
    });
    let started = view.started_at.map(|at| ChangeLine::docker(at, Kind::Container, format!("{}{STARTED}", view.name)));
    deployment.into_iter().chain(started).collect()
}

fn event(event: &EventMessage) -> Option<ChangeLine> {
    let at = match (event.time_nano, event.time) {
        (Some(nanoseconds), _) => DateTime::from_timestamp_nanos(nanoseconds),
        (None, Some(seconds)) => DateTime::from_timestamp(seconds, 0)?,
        (None, None) => return None,
    };
    let attributes = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref());
    let attribute = |key: &str| {
        let value = attributes.and_then(|attributes| attributes.get(key))?;
        Some(text::one_line(&text::clean(value), 200)).filter(|value| !value.is_empty())
    };
    let name = attribute("name").unwrap_or_else(|| "a container".to_owned());
    let action = text::one_line(&text::clean(event.action.as_deref().unwrap_or_default()), 80);
    let mut what = format!("{name} {action}");
    for (key, word) in [("exitCode", "exit code"), ("signal", "signal"), ("updatestate.new", "update")] {
        if let Some(value) = attribute(key) {
            what.push_str(&format!(" ({word} {value})"));
        }
    }
    if let (Some(new), Some(old)) = (attribute("image.new"), attribute("image.old")) {
        what.push_str(&format!(" (image {old} became {new})"));
    }
    if let ("create", Some(image)) = (action.as_str(), attribute("image")) {
        what.push_str(&format!(" (image {image})"));
    }
    let kind = if matches!(action.as_str(), "create" | "update") { Kind::Deployment } else { Kind::Container };
    Some(ChangeLine::docker(at, kind, what))
}

/// What GitHub tells; one list that fails does not hide the others.
pub(crate) async fn by_github(
    github: &GitHub,
    repository: &RepositoryName,
    since: DateTime<Utc>,
) -> Result<Told, Failure> {
    let branch = github.repository(repository).await?.default_branch;
    let (commits, merged, runs) = tokio::join!(
        github.commits_since(repository, &branch, since),
        github.merged_since(repository, &branch, since),
        github.workflow_runs_since(repository, &branch, since),
    );
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    match commits {
        Ok(commits) => lines.extend(commits.iter().filter_map(|one| commit(one, &branch))),
        Err(failure) => missing.push(format!("GitHub's commits: {failure}")),
    }
    match merged {
        Ok(merged) => lines.extend(merged.iter().filter_map(pull_request)),
        Err(failure) => missing.push(format!("GitHub's pull requests: {failure}")),
    }
    match runs {
        Ok(runs) => lines.extend(runs.iter().map(run)),
        Err(failure) => missing.push(format!("GitHub's workflow runs: {failure}")),
    }
    Ok((lines, missing))
}

fn commit(commit: &CommitLine, branch: &str) -> Option<ChangeLine> {
    let message = commit.message.lines().next().unwrap_or_default();
    let what = format!("commit {} on {}: {}", short(&commit.sha), shown(branch, 60), shown(message, 120));
    Some(ChangeLine::github(commit.at?, Kind::Commit, what))
}

fn pull_request(pull: &PullRequest) -> Option<ChangeLine> {
    let what = format!("pull request #{} merged: {}", pull.number, shown(&pull.title, 120));
    Some(ChangeLine::github(pull.merged_at?, Kind::PullRequest, what))
}

fn run(run: &WorkflowRun) -> ChangeLine {
    let name = shown(run.name.as_deref().unwrap_or("workflow"), 80);
    let ended = run.conclusion.as_deref().or(run.status.as_deref()).unwrap_or("unknown");
    let (ended, by) = (shown(ended, 30), shown(&run.event, 30));
    let what = format!("{name} run {} of {} by {by}: {ended}", run.run_number, short(&run.head_sha));
    ChangeLine::github(run.updated_at, Kind::WorkflowRun, what)
}

fn shown(words: &str, most: usize) -> String {
    text::one_line(&text::clean(words), most)
}

fn short(sha: &str) -> String {
    text::clean(&sha.chars().take(7).collect::<String>())
}
