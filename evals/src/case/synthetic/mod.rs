//! Cases that nobody recorded: a fleet of services whose metrics, logs and health follow from their load, their images and
//! their limits, so that whatever is done to them has its consequences.

mod derive;
mod documents;
mod fleet;
mod settings;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

pub(crate) use documents::{id_of, image, short_id};

use super::{Case, CaseError, Containers, FIRST, Segment, metrics::Metrics};

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
