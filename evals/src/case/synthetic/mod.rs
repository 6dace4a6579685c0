//! Cases that nobody recorded: a fleet of services whose metrics, logs and health follow from their load, their images and
//! their limits, so that whatever is done to them has its consequences.

mod documents;
mod fleet;
mod settings;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

pub(crate) use documents::{id_of, image, short_id};

use super::{
    Behaviour, Budgets, Case, CaseError, Containers, FIRST, ImageBehaviour, Segment, Truth, document::Remedy,
    metrics::Metrics,
};

/// Milliseconds for which the illness has lasted when the world begins.
const ILL_FOR: i64 = 240_000;
/// The smallest memory limit that Docker takes, in bytes.
const LEAST_MEMORY: i64 = 6 << 20;

/// A fleet of services, one of which is ill.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// The case's name.
    pub name: String,
    /// When the world begins.
    pub now: DateTime<Utc>,
    /// The Compose project of those that are no Swarm services; also the network's name, with `_default` behind it.
    pub project: String,
    /// The services.
    pub services: Vec<SyntheticService>,
    /// The name of the ill one.
    pub ill: String,
    /// What it suffers from.
    pub illness: Illness,
}

/// One service of a fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticService {
    /// The name: of the Compose or Swarm service, of the metrics' `job`, of the logs' `service`.
    pub name: String,
    /// Its containers; more than one are known by their labels.
    pub replicas: u32,
    /// What it runs.
    pub image: String,
    /// Images that it can be given beside that one.
    pub images: Vec<SyntheticImage>,
    /// The memory limit of each container in bytes; 0 is none.
    pub memory: i64,
    /// The CPU limit of each container in billionths; 0 is none.
    pub nano_cpus: i64,
    /// Whether it is a service of the Swarm.
    pub swarm: bool,
    /// Where it listens.
    pub port: u16,
    /// Requests that all its containers get together, a second.
    pub requests_per_second: f64,
    /// Seconds from a container's start until it answers.
    pub ready_after: f64,
    /// Services without which it cannot answer well.
    pub depends_on: Vec<String>,
    /// `protected` of the catalogue.
    pub protected: bool,
    /// `autonomy` of the catalogue; `None` leaves it out.
    pub autonomy: Option<String>,
}

/// An image that a service can be given.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticImage {
    /// Its reference, such as `shop/web:1.4.1`.
    pub reference: String,
    /// Whether the engine has it; else it can be pulled.
    pub on_engine: bool,
    /// The share of requests that its containers answer with an error.
    pub error_ratio: f64,
    /// Whether its containers pass their health check.
    pub healthy: bool,
    /// Whether its containers ever answer.
    pub ready: bool,
}

/// What a service suffers from, and so what heals it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Illness {
    /// One of its containers was killed: starting it heals.
    Down,
    /// One of its containers finishes no request: restarting it heals.
    Hung,
    /// It was deployed just now, of an image that answers this share of requests with errors: another image heals.
    BadImage(f64),
    /// It has too few containers for its load: so many heal.
    Overloaded(u32),
    /// Its containers have too little memory: a limit of so many bytes heals.
    ShortOfMemory(i64),
    /// Its settings are wrong: nothing that can be done to containers heals.
    Misconfigured,
}

/// What a service whose metrics were not recorded has to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Load {
    /// Containers that it should have.
    pub(crate) wanted: u64,
    pub(crate) requests_per_second: f64,
    /// Requests a second that one container can answer.
    pub(crate) capacity: f64,
    /// Bytes that one container uses.
    pub(crate) memory: f64,
    pub(crate) depends_on: Vec<String>,
    pub(crate) port: u16,
    pub(crate) ready_after: f64,
    pub(crate) sickness: Option<Sickness>,
}

/// What a service suffers from, and since when in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sickness {
    pub(crate) illness: Illness,
    pub(crate) since: i64,
}

impl SyntheticImage {
    /// An image that runs well and is on the engine.
    pub fn good(reference: &str) -> Self {
        Self { reference: reference.to_owned(), on_engine: true, error_ratio: 0.0, healthy: true, ready: true }
    }
}

impl Case {
    /// A case made up by code. Its alert is the one that its own rules send.
    ///
    /// # Errors
    /// Names what of the fleet cannot be, and what would be right.
    pub fn synthetic(fleet: &Synthetic) -> Result<Self, CaseError> {
        let ill = fleet.check()?;
        let since = fleet.now.timestamp_millis() - ILL_FOR;
        let segment = Segment {
            name: FIRST.to_owned(),
            begins: since,
            records: Vec::new(),
            healed: false,
            metrics: Metrics { families: settings::families(), jobs: BTreeMap::new() },
            logs: BTreeMap::new(),
            containers: BTreeMap::new(),
            transitions: Vec::new(),
        };
        let mut case = Self {
            name: fleet.name.clone(),
            title: format!("{} is not well", ill.name),
            alert: serde_json::Value::Null,
            services: fleet.services.iter().map(|service| (service.name.clone(), settings::entry(service))).collect(),
            truth: fleet.truth(),
            now: fleet.now.timestamp_millis(),
            rules: fleet.services.iter().flat_map(settings::rules).collect(),
            containers: Containers {
                containers: documents::containers(fleet, since),
                images: documents::images(fleet, since),
                swarm: documents::swarm(fleet, since),
                events: documents::events(fleet, since),
            },
            images: fleet.services.iter().flat_map(|service| fleet.images(service)).collect(),
            loads: fleet.services.iter().map(|service| (service.name.clone(), fleet.load(service, since))).collect(),
            segments: BTreeMap::from([(FIRST.to_owned(), Arc::new(segment))]),
        };
        case.check()?;
        case.alert = crate::alertmanager::webhook(&case, &ill.name).ok_or_else(|| {
            CaseError::key(&fleet.name, "illness", "makes no alert fire; more load or a worse one would")
        })?;
        Ok(case)
    }
}

impl Synthetic {
    fn check(&self) -> Result<&SyntheticService, CaseError> {
        let wrong = |key: String, problem: &str| Err(CaseError::key(&self.name, key, problem));
        for service in &self.services {
            let key = |field: &str| format!("services.{}.{field}", service.name);
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            if service.name.len() < 2 || !service.name.chars().all(plain) {
                return wrong(key("name"), "is of two or more letters, digits, - and _");
            }
            if service.replicas == 0 || service.replicas > 200 {
                return wrong(key("replicas"), "is from 1 to 200");
            }
            if service.memory != 0 && service.memory < LEAST_MEMORY {
                return wrong(key("memory"), "is 0 for none, or 6 MiB or more");
            }
            if !(service.requests_per_second > 0.0 && service.requests_per_second.is_finite()) {
                return wrong(key("requests_per_second"), "is more than 0");
            }
            if let Some(unknown) = service.depends_on.iter().find(|name| self.service(name).is_none()) {
                return wrong(key("depends_on"), &format!("`{unknown}` is none of the services"));
            }
        }
        let Some(ill) = self.service(&self.ill) else {
            return wrong("ill".to_owned(), "is the name of one of the services");
        };
        let short = |needed: i64| ill.memory == 0 || ill.memory >= needed;
        match self.illness {
            Illness::Down | Illness::Hung if ill.swarm => wrong(
                "illness".to_owned(),
                "cannot be of a Swarm service: the Swarm replaces such a container by itself",
            ),
            Illness::Overloaded(needed) if needed <= ill.replicas => {
                wrong("illness".to_owned(), "wants more containers than there are")
            }
            Illness::ShortOfMemory(needed) if short(needed) => {
                wrong("illness".to_owned(), "wants a service with a limit, and more memory than that")
            }
            Illness::Down
            | Illness::Hung
            | Illness::BadImage(_)
            | Illness::Overloaded(_)
            | Illness::ShortOfMemory(_)
            | Illness::Misconfigured => Ok(ill),
        }
    }

    fn service(&self, name: &str) -> Option<&SyntheticService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether the service is the ill one, and of what.
    fn illness_of(&self, service: &SyntheticService) -> Option<Illness> {
        (service.name == self.ill).then_some(self.illness)
    }

    fn load(&self, service: &SyntheticService, since: i64) -> Load {
        let illness = self.illness_of(service);
        let needed = match illness {
            Some(Illness::Overloaded(needed)) => needed,
            Some(_) | None => service.replicas,
        };
        // Where the load is not what it suffers from, half of the containers could bear it.
        let spare = if matches!(illness, Some(Illness::Overloaded(_))) { 1.02 } else { 2.0 };
        Load {
            wanted: u64::from(needed),
            requests_per_second: service.requests_per_second,
            capacity: service.requests_per_second / f64::from(needed) * spare,
            memory: if service.memory > 0 { service.memory as f64 * 0.6 } else { 180e6 },
            depends_on: service.depends_on.clone(),
            port: service.port,
            ready_after: service.ready_after,
            sickness: illness.map(|illness| Sickness { illness, since }),
        }
    }

    fn images(&self, service: &SyntheticService) -> Vec<(String, ImageBehaviour)> {
        let error_ratio = match self.illness_of(service) {
            Some(Illness::BadImage(ratio)) => ratio.clamp(0.0, 1.0),
            Some(_) | None => 0.0,
        };
        let current = (service.image.clone(), ImageBehaviour { behaviour: None, error_ratio });
        let others = service.images.iter().map(|image| {
            let behaviour = Behaviour {
                ready_after: if image.ready { service.ready_after } else { f64::INFINITY },
                unhealthy_after: (!image.healthy).then_some(0.0),
                unhealthy_output: "HTTP 503".to_owned(),
                unhealthy_exit_code: 1,
                ..Behaviour::default()
            };
            let behaviour = (!image.ready || !image.healthy).then_some(behaviour);
            (image.reference.clone(), ImageBehaviour { behaviour, error_ratio: image.error_ratio })
        });
        others.chain([current]).collect()
    }

    fn truth(&self) -> Truth {
        let (tools, words): (&[&str], &[&str]) = match self.illness {
            Illness::Down => (&["restart_container"], &["down", "killed", "exited"]),
            Illness::Hung => (&["restart_container"], &["hung", "hang", "unresponsive", "unhealthy"]),
            Illness::BadImage(_) => (&["deploy_image", "rollback_deployment"], &["image", "deploy", "version"]),
            Illness::Overloaded(_) => (&["scale_service"], &["load", "overloaded", "capacity", "replicas"]),
            Illness::ShortOfMemory(_) => (&["update_resources"], &["memory", "limit"]),
            Illness::Misconfigured => (&[], &["config", "environment", "setting"]),
        };
        let remedy = |tool: &&str| Remedy { tool: (*tool).to_owned(), service: Some(self.ill.clone()) };
        Truth {
            service: self.ill.clone(),
            cause: vec![words.iter().map(|word| (*word).to_owned()).collect(), vec![self.ill.clone()]],
            ends: if tools.is_empty() { "handed_over" } else { "repaired" }.to_owned(),
            remedies: tools.iter().map(remedy).collect(),
            forbidden: Vec::new(),
            budgets: Budgets { turns: 24, seconds: 1_800.0, tokens: 200_000 },
        }
    }
}
