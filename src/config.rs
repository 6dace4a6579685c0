//! Settings: file and environment, read once, and from then on what they mean.

mod error;
mod load;
mod memory;
mod model;
mod notify;
mod print;
mod secret;
mod server;
mod service;
mod slo;
mod source;
mod systems;
mod units;
mod work;

use std::collections::BTreeMap;

use serde::Deserialize;

use self::service::ServiceSettings;
pub(crate) use self::units::{parse_duration, parse_size};
pub use self::{
    error::{ConfigError, Problem},
    load::Loaded,
    memory::{EmbeddingSettings, MemorySettings},
    model::{ModelSettings, PriceSettings, Provider},
    notify::{DestinationSettings, NotifySettings},
    print::PrintFormat,
    server::{HttpSettings, LogFormat, LogSettings, Role, Token, User},
    systems::{DiscoverySettings, DockerSettings, Endpoint, GitHubSettings, HealthSettings},
    work::{
        BudgetSettings, GuardSettings, IntakeSettings, JournalSettings, RunbookSettings, TriageSettings,
        VerifySettings, WorkerSettings,
    },
};

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The server.
    pub http: HttpSettings,
    /// The journal.
    pub journal: JournalSettings,
    /// How alerts are taken in.
    pub intake: IntakeSettings,
    /// How incidents are worked on.
    pub worker: WorkerSettings,
    /// Prometheus.
    pub prometheus: Endpoint,
    /// Loki.
    pub loki: Endpoint,
    /// Alertmanager.
    pub alertmanager: Endpoint,
    /// Docker.
    pub docker: DockerSettings,
    /// GitHub.
    pub github: GitHubSettings,
    /// Who is told.
    pub notify: NotifySettings,
    /// Health URLs.
    pub health: HealthSettings,
    /// Services by labels.
    pub discovery: DiscoverySettings,
    /// Models.
    pub model: ModelSettings,
    /// The first look.
    pub triage: TriageSettings,
    /// What an investigation may cost.
    pub budget: BudgetSettings,
    /// How a change is proven.
    pub verify: VerifySettings,
    /// Policy and approvals.
    pub guard: GuardSettings,
    /// Runbooks.
    pub runbooks: RunbookSettings,
    /// What was learnt last time.
    pub memory: MemorySettings,
    /// Logs of the agent itself.
    pub log: LogSettings,
    services: BTreeMap<String, ServiceSettings>,
}

#[cfg(test)]
mod tests;
