//! The service catalogue: what may be looked at and touched, and by which names the outside systems know it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use crate::Slo;

/// How far the agent may go on its own with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Autonomy {
    /// Look only; every change is refused.
    Observe,
    /// Ask a person before any change.
    Propose,
    /// Change within the policy's caps without asking.
    Act,
}

/// Where an entry of the catalogue came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `[services.<name>]` in the settings.
    Settings,
    /// Labels of a container.
    Containers,
}

/// The label that Swarm puts on the containers of a service.
pub(crate) const SWARM_SERVICE: &str = "com.docker.swarm.service.name";

/// One service and the names under which the outside systems know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The catalogue's own name; the only name by which a call can aim at the service.
    pub name: String,
    /// Docker's name of the one container, where the service has just one.
    pub container: Option<String>,
    /// Docker labels that all containers of the service carry; used when `container` is not given.
    pub labels: BTreeMap<String, String>,
    /// Answers 2xx when the service is well.
    pub health_url: Option<String>,
    /// A PromQL selector that matches the service's series, such as `{job="market-predictor"}`.
    pub prometheus: Option<String>,
    /// A LogQL stream selector that matches the service's logs.
    pub logs: Option<String>,
    /// Where it runs, such as "production"; rules of the policy can be about it.
    pub environment: Option<String>,
    /// PromQL that gives the share of its requests that fail, 0 to 1; it must not get worse by a change.
    pub error_rate: Option<String>,
    /// PromQL that gives the seconds that its requests take; it must not get worse by a change.
    pub latency: Option<String>,
    /// What it promises of its requests, and how that is measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo: Option<Slo>,
    /// Its repository on GitHub, as "owner/name".
    pub repository: Option<String>,
    /// Services without which this one cannot be well.
    pub depends_on: Vec<String>,
    /// How far the agent may go on its own; `None` means what the policy says for all.
    pub autonomy: Option<Autonomy>,
    /// Never changed, whatever policy or person says: the agent itself and what it sees with.
    pub protected: bool,
    /// Where this entry came from.
    pub origin: Origin,
}

impl Service {
    /// A service of which only the name is known.
    pub fn named(name: &str, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            container: None,
            labels: BTreeMap::new(),
            health_url: None,
            prometheus: None,
            logs: None,
            environment: None,
            error_rate: None,
            latency: None,
            slo: None,
            repository: None,
            depends_on: Vec::new(),
            autonomy: None,
            protected: false,
            origin,
        }
    }

    /// Swarm's name of the service, where it runs in a Swarm.
    pub fn swarm(&self) -> Option<&str> {
        self.labels.get(SWARM_SERVICE).map(String::as_str)
    }
}

/// All services by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    services: BTreeMap<String, Service>,
}

impl Catalogue {
    /// A catalogue of these services; of two with one name the first stays.
    pub fn new(services: impl IntoIterator<Item = Service>) -> Self {
        let mut catalogue = Self::default();
        for service in services {
            catalogue.services.entry(service.name.clone()).or_insert(service);
        }
        catalogue
    }

    /// The service of that exact name.
    pub fn get(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    /// All services in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.services.keys().cloned().collect()
    }

    /// Everything that `name` needs, directly or through others; not `name` itself.
    pub fn dependencies(&self, name: &str) -> BTreeSet<String> {
        self.reach(name, |service| service.depends_on.clone())
    }

    /// Everything that needs `name`, directly or through others; not `name` itself.
    pub fn dependants(&self, name: &str) -> BTreeSet<String> {
        self.reach(name, |service| {
            self.iter()
                .filter(|other| other.depends_on.contains(&service.name))
                .map(|other| other.name.clone())
                .collect()
        })
    }

    fn reach(&self, start: &str, next: impl Fn(&Service) -> Vec<String>) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![start.to_owned()];
        while let Some(name) = open.pop() {
            for found in self.get(&name).map(&next).unwrap_or_default() {
                if found != start && seen.insert(found.clone()) {
                    open.push(found);
                }
            }
        }
        seen
    }
}

/// The catalogue as it is now: discovery replaces it whole, readers keep the one they took.
#[derive(Debug, Clone, Default)]
pub struct SharedCatalogue(Arc<RwLock<Arc<Catalogue>>>);

impl SharedCatalogue {
    /// Starts with `catalogue`.
    pub fn new(catalogue: Catalogue) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(catalogue))))
    }

    /// The catalogue at this moment.
    pub fn load(&self) -> Arc<Catalogue> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the catalogue for all later readers.
    pub fn store(&self, catalogue: Catalogue) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, depends_on: &[&str]) -> Service {
        Service {
            depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
            ..Service::named(name, Origin::Settings)
        }
    }

    #[test]
    fn dependencies_and_dependants_are_transitive_and_survive_cycles() {
        let catalogue =
            Catalogue::new([service("gateway", &["api"]), service("api", &["db"]), service("db", &["gateway"])]);
        assert_eq!(catalogue.dependencies("gateway"), BTreeSet::from(["api".to_owned(), "db".to_owned()]));
        assert_eq!(catalogue.dependants("db"), BTreeSet::from(["api".to_owned(), "gateway".to_owned()]));
        assert!(catalogue.dependencies("unknown").is_empty());
    }
}
