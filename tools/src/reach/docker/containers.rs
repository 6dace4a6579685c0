//! Containers: listed, looked at, made, started, stopped, changed and removed.

use std::{collections::BTreeSet, time::Duration};

use bollard::{
    models::{
        ContainerCreateBody, ContainerInspectResponse, ContainerStatsResponse, ContainerSummary,
        ContainerSummaryStateEnum, ContainerUpdateBody, TaskState,
    },
    query_parameters::{
        CreateContainerOptions, InspectContainerOptions, ListContainersOptions, RemoveContainerOptions,
        RenameContainerOptions, RestartContainerOptions, StartContainerOptions, StatsOptions, StopContainerOptions,
    },
};

use futures::{StreamExt, stream};

use super::{Docker, failure, is_missing};
use crate::{
    Failure, Service,
    discovery::is_one_off,
    generation::{self, Generation},
    text,
};

/// Containers of one service that are looked at.
const CONTAINERS: usize = 50;
/// Containers that are looked at side by side.
const TOGETHER: usize = 16;

/// A container of a service: its name and what Docker says of it.
pub type Container = ContainerInspectResponse;

impl Docker {
    /// All containers, stopped ones among them.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub async fn list(&self) -> Result<Vec<ContainerSummary>, Failure> {
        let options = ListContainersOptions { all: true, ..Default::default() };
        self.client(self.timeout)?.list_containers(Some(options)).await.map_err(failure)
    }

    /// The names of all containers.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub(crate) async fn names(&self) -> Result<BTreeSet<String>, Failure> {
        let names = self.list().await?.into_iter().flat_map(|container| container.names.unwrap_or_default());
        Ok(names.map(|name| name.trim_start_matches('/').to_owned()).collect())
    }

    /// The containers of a service that are to serve, sorted by name: not those that a deployment keeps or prepares, and of a
    /// Swarm's service not those of tasks that are over.
    ///
    /// # Errors
    /// [`Failure::Tell`] when the service has none, or the catalogue names neither container nor labels.
    pub async fn of_service(&self, service: &Service) -> Result<Vec<Container>, Failure> {
        let all = self.all_of_service(service).await?;
        let over = match service.swarm() {
            Some(name) => self.over(name).await,
            None => BTreeSet::new(),
        };
        let (serving, other): (Vec<_>, Vec<_>) = all.into_iter().partition(|container| {
            let id = container.id.as_deref().unwrap_or_default();
            Generation::of(container) == Generation::Serving && !over.contains(id)
        });
        // A service that has only such is told of by them.
        Ok(if serving.is_empty() { other } else { serving })
    }

    /// All containers of a service, sorted by name. Names are compared whole: Docker's own filter would match a part.
    ///
    /// # Errors
    /// As [`Docker::of_service`].
    pub(crate) async fn all_of_service(&self, service: &Service) -> Result<Vec<Container>, Failure> {
        let name = &service.name;
        if service.container.is_none() && service.labels.is_empty() {
            return Err(Failure::Tell(format!(
                "the catalogue names no container of {name}: set `container` or `labels` in [services.{name}]"
            )));
        }
        let mut found: Vec<_> =
            self.list().await?.into_iter().filter(|container| belongs(container, service)).collect();
        found.sort_by_key(summary_name);
        if found.is_empty() {
            let what = service
                .container
                .as_ref()
                .map_or_else(|| format!("labels {:?}", service.labels), |container| format!("the name {container:?}"));
            let elsewhere = self.elsewhere(service).await;
            return Err(Failure::Tell(format!("Docker knows no container of {name}: none has {what}{elsewhere}")));
        }
        let mut containers = Vec::new();
        for summary in found.into_iter().take(CONTAINERS) {
            // One that went away between list and look is no longer of the service.
            containers.extend(self.find(&summary.id.unwrap_or_default()).await?);
        }
        Ok(containers)
    }

    /// The running containers of these services, each with its service's name; of one service not more than are ever looked at.
    ///
    /// # Errors
    /// As [`Docker::list`].
    pub(crate) async fn running(
        &self,
        services: impl Iterator<Item = &Service>,
    ) -> Result<Vec<(String, Container)>, Failure> {
        let all = self.list().await?;
        let mut wanted = Vec::new();
        for service in services {
            let of_it = all.iter().filter(|container| {
                container.state == Some(ContainerSummaryStateEnum::RUNNING) && belongs(container, service)
            });
            let ids = of_it.filter_map(|container| container.id.clone()).take(CONTAINERS);
            wanted.extend(ids.map(|id| (service.name.clone(), id)));
        }
        let look = |(service, id): (String, String)| async move { (service, self.find(&id).await) };
        let looked: Vec<_> = stream::iter(wanted).map(look).buffered(TOGETHER).collect().await;
        let running = looked.into_iter().map(|(service, found)| Ok(found?.map(|container| (service, container))));
        running.filter_map(Result::transpose).collect()
    }

    /// Where a Swarm runs the tasks of a service that has no container here.
    async fn elsewhere(&self, service: &Service) -> String {
        let Some(name) = service.swarm() else { return String::new() };
        let tasks = self.tasks(name).await.unwrap_or_default();
        let runs = tasks.into_iter().filter(|task| task.desired_state == Some(TaskState::RUNNING));
        let nodes: BTreeSet<_> = runs.filter_map(|task| task.node_id).collect();
        if nodes.is_empty() {
            return String::new();
        }
        let nodes: Vec<_> = nodes.iter().map(|node| text::clean(node)).collect();
        format!("; the Swarm runs its tasks on other nodes: {}", nodes.join(", "))
    }

    /// Ids of the containers whose task a Swarm has ended; none where this engine manages no Swarm and cannot tell.
    async fn over(&self, name: &str) -> BTreeSet<String> {
        let tasks = self.tasks(name).await.unwrap_or_default();
        let ended = tasks.into_iter().filter(|task| {
            matches!(task.desired_state, Some(TaskState::SHUTDOWN | TaskState::REMOVE | TaskState::ORPHANED))
        });
        ended.filter_map(|task| task.status?.container_status?.container_id).collect()
    }

    /// One container by its id.
    ///
    /// # Errors
    /// `Tell` when there is none; else `Unreachable`.
    pub async fn inspect(&self, id: &str) -> Result<Container, Failure> {
        self.client(self.timeout)?.inspect_container(id, None::<InspectContainerOptions>).await.map_err(failure)
    }

    /// What a running container uses at this moment; `None` when Docker does not say at once: worth having, not worth waiting for.
    pub async fn usage(&self, id: &str) -> Option<ContainerStatsResponse> {
        tokio::time::timeout(Duration::from_millis(500), self.stats(id)).await.ok()?
    }

    /// What a running container uses at this moment; `None` when Docker does not say in time.
    pub(crate) async fn stats(&self, id: &str) -> Option<ContainerStatsResponse> {
        let client = self.client(self.timeout).ok()?;
        let options = StatsOptions { stream: false, one_shot: true };
        let mut stats = std::pin::pin!(client.stats(id, Some(options)));
        self.next(&mut stats).await.ok()??.ok()
    }

    /// Restarts a container with its own stop signal and time-out; a stopped one is started.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn restart(&self, id: &str, stop_timeout: Duration) -> Result<(), Failure> {
        let client = self.client(self.timeout + stop_timeout)?;
        client.restart_container(id, None::<RestartContainerOptions>).await.map_err(failure)
    }

    /// Starts a stopped container; one that runs is left alone.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub async fn start(&self, id: &str) -> Result<(), Failure> {
        self.client(self.timeout)?.start_container(id, None::<StartContainerOptions>).await.map_err(failure)
    }

    /// Makes a container; says its id. It is not started.
    ///
    /// # Errors
    /// `Tell` when the name is taken or the configuration is refused; else `Unreachable`.
    pub(crate) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, Failure> {
        let options = CreateContainerOptions { name: Some(name.to_owned()), ..Default::default() };
        let made = self.client(self.timeout)?.create_container(Some(options), body).await.map_err(failure)?;
        Ok(made.id)
    }

    /// Stops a container with its own stop signal and time-out; one that does not run is left alone.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub(crate) async fn stop(&self, id: &str, stop_timeout: Duration) -> Result<(), Failure> {
        let client = self.client(self.timeout + stop_timeout)?;
        client.stop_container(id, None::<StopContainerOptions>).await.map_err(failure)
    }

    /// Removes a container, not its volumes; one that is gone already is no failure.
    ///
    /// # Errors
    /// As [`Docker::inspect`].
    pub(crate) async fn remove(&self, id: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptions { force: true, ..Default::default() };
        let removed = self.client(self.timeout)?.remove_container(id, Some(options)).await.map_err(failure);
        removed.or_else(|failure| if is_missing(&failure) { Ok(()) } else { Err(failure) })
    }

    /// Gives a container another name.
    ///
    /// # Errors
    /// `Tell` when the name is taken; else as [`Docker::inspect`].
    pub(crate) async fn rename(&self, id: &str, name: &str) -> Result<(), Failure> {
        let options = RenameContainerOptions { name: name.to_owned() };
        self.client(self.timeout)?.rename_container(id, options).await.map_err(failure)
    }

    /// Sets limits and restart policy of a container while it runs.
    ///
    /// # Errors
    /// `Tell` when Docker refuses the values; else as [`Docker::inspect`].
    pub(crate) async fn update(&self, id: &str, body: ContainerUpdateBody) -> Result<(), Failure> {
        self.client(self.timeout)?.update_container(id, body).await.map_err(failure)
    }

    /// One container by id or name, where there is one.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub(crate) async fn find(&self, id_or_name: &str) -> Result<Option<Container>, Failure> {
        match self.inspect(id_or_name).await {
            // Docker takes the beginning of an id for a name as well: that may be any other container.
            Ok(found) => Ok(Some(found)
                .filter(|found| found.id.as_deref() == Some(id_or_name) || generation::name(found) == id_or_name)),
            Err(failure) if is_missing(&failure) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// A container's name without the slash that Docker puts before it.
fn summary_name(container: &ContainerSummary) -> String {
    let name = container.names.iter().flatten().next();
    name.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

/// None belongs to a service of which neither is known.
fn belongs(container: &ContainerSummary, service: &Service) -> bool {
    match &service.container {
        Some(wanted) => container.names.iter().flatten().any(|name| {
            let name = name.trim_start_matches('/');
            let wanted = wanted.trim_start_matches('/');
            name == wanted || generation::of_the_same(container, name, wanted)
        }),
        None => {
            let Some(labels) = &container.labels else { return false };
            !service.labels.is_empty()
                && !is_one_off(labels)
                && service.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;
    use crate::Origin;

    #[test]
    fn a_container_of_one_task_is_no_replica_of_the_service_whose_labels_it_has() {
        let (key, name) = ("com.docker.compose.service".to_owned(), "web".to_owned());
        let web = Service {
            labels: BTreeMap::from([(key.clone(), name.clone())]),
            ..Service::named("web", Origin::Settings)
        };
        let labelled = |one_off: Option<&str>| {
            let more = one_off.map(|value| ("com.docker.compose.oneoff".to_owned(), value.to_owned()));
            let labels: HashMap<_, _> = [(key.clone(), name.clone())].into_iter().chain(more).collect();
            ContainerSummary { labels: Some(labels), ..Default::default() }
        };
        for (one_off, is_replica) in [(None, true), (Some("False"), true), (Some("True"), false), (Some("true"), false)]
        {
            assert_eq!(belongs(&labelled(one_off), &web), is_replica, "{one_off:?}");
        }
        assert!(!belongs(&ContainerSummary::default(), &web));
    }
}
