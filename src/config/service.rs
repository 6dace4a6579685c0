//! `[services.<name>]`: the catalogue as the settings have it.

use std::collections::BTreeMap;

use serde::Deserialize;
use tools::{Autonomy, Origin, Service, Slo};

use super::{Settings, slo, units};

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceSettings {
    #[serde(default)]
    pub(super) container: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default, with = "units::optional_http_url")]
    health_url: Option<String>,
    #[serde(default)]
    prometheus: Option<String>,
    #[serde(default)]
    logs: Option<String>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    error_rate: Option<String>,
    #[serde(default)]
    latency: Option<String>,
    #[serde(default, deserialize_with = "slo::deserialize")]
    slo: Option<Slo>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    pub(super) depends_on: Vec<String>,
    #[serde(default)]
    autonomy: Option<Autonomy>,
    #[serde(default)]
    protected: bool,
}

impl Settings {
    /// The services of the catalogue.
    pub fn services(&self) -> Vec<Service> {
        let service = |(name, set): (&String, &ServiceSettings)| Service {
            name: name.clone(),
            container: set.container.clone(),
            labels: set.labels.clone(),
            health_url: set.health_url.clone(),
            prometheus: set.prometheus.clone(),
            logs: set.logs.clone(),
            environment: set.environment.clone(),
            error_rate: set.error_rate.clone(),
            latency: set.latency.clone(),
            slo: set.slo.clone(),
            repository: set.repository.clone(),
            depends_on: set.depends_on.clone(),
            autonomy: set.autonomy,
            protected: set.protected,
            origin: Origin::Settings,
        };
        self.services.iter().map(service).collect()
    }
}
