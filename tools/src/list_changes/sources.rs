//! Who is asked for changes: Docker and GitHub, of the service and of its neighbours.

use std::{collections::BTreeSet, sync::Arc};

use analysis::changes::Place;
use chrono::{DateTime, Utc};
use futures::future::join_all;

use super::Told;
use crate::{
    Catalogue, Failure, Service,
    change_line::{Whose, by_docker, by_github},
    reach::{Docker, GitHub},
    repository, service,
};

/// Neighbours that are looked at: dependencies first.
const DEPENDENCIES: usize = 8;
const DEPENDANTS: usize = 4;
/// Repositories of neighbours that are looked at: each costs several requests.
const REPOSITORIES: usize = 3;

/// Who is asked, and for which time.
pub(super) struct Sources<'a> {
    pub(super) docker: &'a Option<Arc<Docker>>,
    pub(super) github: &'a Option<Arc<GitHub>>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) since: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
    /// Whether the files of commits are asked for as well.
    pub(super) files: bool,
}

impl Sources<'_> {
    /// The changes of a service and its neighbours, in no order.
    ///
    /// # Errors
    /// When no source tells of the service itself.
    pub(super) async fn all(&self, service: &Service) -> Result<Told, Failure> {
        let whose = Whose { service, place: Place::Own };
        let neighbours = self.neighbours(&service.name);
        let repositories = self.repositories(service, &neighbours);
        let by_docker = join_all(neighbours.iter().map(|whose| self.of_docker(*whose)));
        let by_github = join_all(repositories.iter().map(|whose| self.of_github(*whose)));
        let (docker, github, by_docker, by_github) =
            tokio::join!(self.of_docker(whose), self.of_github(whose), by_docker, by_github);
        let (mut changes, mut not_seen, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let reached = [docker.is_ok(), github.is_ok()];
        for (source, told) in [("Docker", docker), ("GitHub", github)] {
            match told {
                Ok((more, missing)) => {
                    changes.extend(more);
                    not_seen.extend(missing);
                }
                Err(failure) => {
                    not_seen.push(format!("{source}: {failure}"));
                    failed.push(failure);
                }
            }
        }
        if failed.len() == 2 {
            return Err(all_failed(failed));
        }
        let theirs = [("Docker", neighbours, by_docker, reached[0]), ("GitHub", repositories, by_github, reached[1])];
        for (source, neighbours, told, reached) in theirs {
            for (whose, told) in neighbours.iter().zip(told) {
                let of = |what: &str| format!("of {}: {what}", whose.service.name);
                match told {
                    Ok((more, missing)) => {
                        changes.extend(more);
                        not_seen.extend(missing.iter().map(|what| of(what)));
                    }
                    // A source that is down is said once.
                    Err(failure) if reached => not_seen.push(of(&format!("{source}: {failure}"))),
                    Err(_) => {}
                }
            }
        }
        Ok((changes, not_seen))
    }

    fn neighbours(&self, name: &str) -> Vec<Whose<'_>> {
        let of = |names: BTreeSet<String>, place: Place, most: usize| {
            let services = names.into_iter().filter_map(|name| self.catalogue.get(&name));
            services.map(|service| Whose { service, place }).take(most).collect::<Vec<_>>()
        };
        let dependencies = self.catalogue.dependencies(name);
        let mut dependants = self.catalogue.dependants(name);
        dependants.retain(|dependant| !dependencies.contains(dependant));
        let mut neighbours = of(dependencies, Place::Dependency, DEPENDENCIES);
        neighbours.extend(of(dependants, Place::Dependant, DEPENDANTS));
        neighbours
    }

    /// Those of the neighbours that have a repository of their own.
    fn repositories<'a>(&self, service: &Service, neighbours: &[Whose<'a>]) -> Vec<Whose<'a>> {
        let mut seen: BTreeSet<_> = service.repository.iter().collect();
        let own =
            neighbours.iter().filter(|whose| whose.service.repository.as_ref().is_some_and(|one| seen.insert(one)));
        own.take(REPOSITORIES).copied().collect()
    }

    async fn of_docker(&self, whose: Whose<'_>) -> Result<Told, Failure> {
        by_docker(service::docker(self.docker)?, whose, self.since, self.now).await
    }

    async fn of_github(&self, whose: Whose<'_>) -> Result<Told, Failure> {
        let name = repository::of(whose.service)?;
        by_github(repository::github(self.github)?, whose, &name, self.since, self.files).await
    }
}

/// One that may come back is worth another try; else what the model or a person can mend.
fn all_failed(failed: Vec<Failure>) -> Failure {
    let all = failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let unreachable = failed.into_iter().find(|failure| matches!(failure, Failure::Unreachable { .. }));
    unreachable.unwrap_or_else(|| Failure::Tell(format!("no source of changes can be asked: {all}")))
}
