//! The tools, each over the outside systems that it speaks to.

use std::sync::Arc;

use anyhow::{Context, Result};
use memory::Memory;
use tools::{
    CheckHealth, DeployService, Forecast, InspectContainer, ListAlerts, ListChanges, ListMetrics, ListServices,
    LogPatterns, Notify, NotifyOptions, OpenPr, QueryPrometheus, RankSuspects, ReadAnswer, ReadContainerLogs, ReadFile,
    Registry, Releases, RestartContainer, RollbackService, ScaleService, SearchCode, SearchDocuments, SearchIncidents,
    SearchLoki, SearchRunbooks, SharedCatalogue, SharedClock, SilenceAlert, SloStatus, UpdateResources,
    reach::{Destination, Patience},
};

use super::Reach;
use crate::{
    config::{self, Settings},
    journal::Journal,
};

/// Every tool, and the only mint of permits for them.
pub(super) fn registry(
    settings: &Settings,
    reach: &Reach,
    catalogue: &SharedCatalogue,
    clock: &SharedClock,
    client: &reqwest::Client,
    journal: &Journal,
    memory: Option<&Arc<Memory>>,
) -> Result<(Registry, tools::Mint)> {
    let Reach { prometheus, loki, alertmanager, docker, github } = reach;
    let health = settings.health.timeout;
    let notify = Notify::new(notify_options(settings), catalogue.clone(), client.clone(), Arc::clone(clock))
        .context("[notify]")?;
    let releases: Arc<dyn Releases> = Arc::new(journal.clone());
    let (catalogue, clock) = (|| catalogue.clone(), || Arc::clone(clock));
    let mut suspects = RankSuspects::new(prometheus.clone(), catalogue(), clock());
    let proc = &settings.docker.proc;
    if let Some(docker) = docker.as_ref().filter(|_| !proc.as_os_str().is_empty()) {
        suspects = suspects.by_connections(Arc::clone(docker), proc.clone());
    }
    let (registry, mint) = Registry::new();
    let registry = registry
        .look(QueryPrometheus::new(prometheus.clone(), clock()))
        .look(ListMetrics::new(prometheus.clone(), catalogue(), clock()))
        .look(ListAlerts::new(alertmanager.clone(), prometheus.clone(), catalogue(), clock()))
        .look(SearchLoki::new(loki.clone(), catalogue(), clock()))
        .look(ReadContainerLogs::new(docker.clone(), catalogue(), clock()))
        .look(InspectContainer::new(docker.clone(), catalogue(), clock()))
        .look(ListServices::new(docker.clone(), catalogue()))
        .look(CheckHealth::new(client.clone(), catalogue(), health))
        .look(ListChanges::new(docker.clone(), github.clone(), catalogue(), clock()))
        .look(ReadFile::new(github.clone(), catalogue()))
        .look(SearchCode::new(github.clone(), catalogue()))
        .look(suspects)
        .look(LogPatterns::new(loki.clone(), docker.clone(), catalogue(), clock()))
        .look(Forecast::new(prometheus.clone(), docker.clone(), catalogue(), clock()))
        .look(SloStatus::new(prometheus.clone(), catalogue(), clock()))
        .look(SearchIncidents::new(memory.cloned(), clock()))
        .look(SearchRunbooks::new(memory.cloned()))
        .look(SearchDocuments::new(memory.cloned()))
        .reread(ReadAnswer)
        .change(RestartContainer::new(docker.clone(), catalogue(), clock(), client.clone(), health))
        .change(ScaleService::new(docker.clone(), catalogue(), clock(), client.clone(), health))
        .change(UpdateResources::new(docker.clone(), catalogue(), clock(), client.clone(), health))
        .change(DeployService::new(docker.clone(), catalogue(), clock(), client.clone(), health))
        .change(RollbackService::new(docker.clone(), catalogue(), clock(), client.clone(), health, Some(releases)))
        .change(OpenPr::new(github.clone(), catalogue()))
        .change(SilenceAlert::new(alertmanager.clone(), catalogue(), clock()))
        .change(notify);
    Ok((registry, mint))
}

fn notify_options(settings: &Settings) -> NotifyOptions {
    let config::NotifySettings { timeout, attempts, backoff, longest_wait, destinations } = settings.notify.clone();
    let destination = |set: config::DestinationSettings| Destination {
        name: set.name,
        kind: set.kind,
        url: set.webhook_url,
        secret: set.signing_secret,
        severities: set.severities,
    };
    NotifyOptions {
        destinations: destinations.into_iter().map(destination).collect(),
        patience: Patience { timeout, attempts, backoff, longest_wait },
    }
}
