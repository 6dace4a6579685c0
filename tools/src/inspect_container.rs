//! `inspect_container`: state, health, image, limits, usage and events of a service's containers.

use std::{fmt, sync::Arc};

use bollard::models::{ContainerStatsResponse, EventMessage};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    container::{ContainerView, memory_used},
    reach::{Container, Docker},
    service, text,
};

/// Containers looked at side by side: what one uses may take half a second to be told.
const TOGETHER: usize = 16;
/// How far back the engine's events are told.
const EVENTS_BACK: TimeDelta = TimeDelta::minutes(30);
/// Events told of one container.
const EVENTS: usize = 20;

/// Inspects the containers of a service: state, health check, exit code, whether it ran out of memory, restarts, image, limits,
/// usage, environment (secrets masked), and what the engine says happened to it in the last 30 minutes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}]))]
pub struct InspectContainerArgs {
    /// A service of the catalogue.
    pub service: String,
}

/// Looks at containers.
pub struct InspectContainer {
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What was seen. The fields of the container that is worst off stand at the top, for conditions.
#[derive(Debug, Serialize)]
pub struct Inspected {
    #[serde(flatten)]
    worst: ContainerView,
    started_seconds_ago: Option<i64>,
    finished_seconds_ago: Option<i64>,
    containers: Vec<ContainerView>,
    usage: Vec<String>,
    events: Vec<String>,
}

impl InspectContainer {
    /// A tool over this Docker; without one every call says so.
    pub fn new(docker: Option<Arc<Docker>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { docker, catalogue, clock }
    }
}

impl Tool for InspectContainer {
    const NAME: &'static str = "inspect_container";
    // Not the health check's output and not the environment: a service writes those.
    const TRUSTED: &'static [&'static str] = &["name", "id", "image", "image_id"];
    type Args = InspectContainerArgs;
    type Output = Inspected;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Inspected>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let docker = service::docker(&self.docker)?;
        let found = docker.of_service(&service).await?;
        let raw = service::raw(&found);
        let now = self.clock.now();
        let mut containers: Vec<_> = found.iter().map(ContainerView::of).collect();
        // Made before they are run: a closure within the stream would have to hold for any lifetime.
        let asked = found.iter().zip(&containers);
        let asked: Vec<_> = asked.map(|(container, view)| beside(docker, container, view, now)).collect();
        let beside: Vec<_> = futures::stream::iter(asked).buffered(TOGETHER).collect().await;
        let (usage, events): (Vec<_>, Vec<_>) = beside.into_iter().unzip();
        let (usage, events) = (usage.into_iter().flatten().collect(), events.concat());
        containers.sort_by_key(ContainerView::badness);
        let Some(worst) = containers.first().cloned() else {
            return Err(Failure::Tell(format!("Docker knows no container of {}", args.service)));
        };
        let ago = |at: Option<DateTime<Utc>>| at.map(|at| (now - at).num_seconds());
        let (started_seconds_ago, finished_seconds_ago) = (ago(worst.started_at), ago(worst.finished_at));
        Ok(Seen {
            output: Inspected { worst, started_seconds_ago, finished_seconds_ago, containers, usage, events },
            raw,
        })
    }
}

/// What a container uses and what happened to it: worth having and not worth failing for.
async fn beside(
    docker: &Docker,
    container: &Container,
    view: &ContainerView,
    now: DateTime<Utc>,
) -> (Option<String>, Vec<String>) {
    let id = container.id.as_deref().unwrap_or_default();
    let usage = async {
        let stats = if view.running { docker.usage(id).await? } else { return None };
        used(&view.name, &stats)
    };
    let (usage, happened) = tokio::join!(usage, docker.events(id, now - EVENTS_BACK, now));
    let happened = happened.unwrap_or_default();
    let skip = happened.len().saturating_sub(EVENTS);
    (usage, happened.into_iter().skip(skip).map(|event| told(&view.name, &event)).collect())
}

fn used(name: &str, stats: &ContainerStatsResponse) -> Option<String> {
    let used = memory_used(stats)? >> 20;
    let limit = stats.memory_stats.as_ref().and_then(|memory| memory.limit);
    Some(match limit {
        Some(limit) if limit < 1 << 50 => format!("{name} uses {used} of {} MiB memory", limit >> 20),
        Some(_) | None => format!("{name} uses {used} MiB memory"),
    })
}

fn told(name: &str, event: &EventMessage) -> String {
    let at = event.time.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default();
    let action = text::one_line(&text::clean(event.action.as_deref().unwrap_or_default()), 80);
    let attribute = |key: &str| event.actor.as_ref()?.attributes.as_ref()?.get(key).map(|value| text::clean(value));
    let mut line = format!("{} {name} {action}", at.format("%H:%M:%S"));
    if let Some(code) = attribute("exitCode") {
        line.push_str(&format!(" (exit code {code})"));
    }
    if let Some(signal) = attribute("signal") {
        line.push_str(&format!(" (signal {signal})"));
    }
    line
}

impl fmt::Display for Inspected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.containers.iter().map(ToString::to_string);
        let usage = self.usage.iter().map(|line| format!("  {line}"));
        let events = self.events.iter().map(|line| format!("  event {line}"));
        write!(out, "{}", lines.chain(usage).chain(events).collect::<Vec<_>>().join("\n"))
    }
}
