//! Settings: file and environment, read once, and from then on what they mean.

mod error;
mod load;
mod memory;
mod print;
mod secret;
mod slo;
mod source;
mod units;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use secrecy::SecretString;
use serde::Deserialize;
use tools::{Autonomy, Origin, Service, Severity, Slo, reach::DestinationKind};

pub use error::{ConfigError, Problem};
pub use load::Loaded;
pub use memory::{EmbeddingSettings, MemorySettings};
pub use print::PrintFormat;
pub(crate) use units::{parse_duration, parse_size};

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

/// `[http]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Largest body in bytes.
    #[serde(with = "units::size")]
    pub body_limit: usize,
    /// How long a request may take.
    #[serde(with = "units::duration")]
    pub request_timeout: Duration,
    /// Bearer tokens.
    pub tokens: Vec<Token>,
    /// Users for basic authentication.
    pub users: Vec<User>,
}

/// A bearer token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Stands in the journal.
    pub name: String,
    /// The secret.
    #[serde(with = "secret::required")]
    pub token: SecretString,
    /// What it may do.
    pub role: Role,
}

/// A user for basic authentication.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The user's name; stands in the journal.
    pub name: String,
    /// The secret.
    #[serde(with = "secret::required")]
    pub password: SecretString,
    /// What it may do.
    pub role: Role,
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Send alerts.
    Alertmanager,
    /// Read.
    Viewer,
    /// All but what the policy leaves to approvers.
    Operator,
    /// All.
    Approver,
}

/// `[journal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// The file.
    pub path: PathBuf,
    /// Writes that may wait.
    pub queue: usize,
}

/// `[intake]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeSettings {
    /// Incidents that may be open.
    pub queue: usize,
    /// Alerts join within this time.
    #[serde(with = "units::duration")]
    pub join_window: Duration,
    /// Alerts a notification.
    pub alerts_max: usize,
    /// Labels an alert.
    pub labels_max: usize,
    /// Bytes a value.
    #[serde(with = "units::size")]
    pub label_value_max: usize,
}

/// `[worker]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Incidents at the same time.
    pub concurrency: usize,
    /// Length of a lease.
    #[serde(with = "units::duration")]
    pub lease: Duration,
}

/// `[prometheus]`, `[loki]`, `[alertmanager]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Base URL; empty: none.
    #[serde(with = "units::http_url")]
    pub url: String,
    /// How long an answer may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How long a connection may take.
    #[serde(default = "connect_timeout", with = "units::duration")]
    pub connect_timeout: Duration,
    /// Largest answer in bytes.
    #[serde(with = "units::size")]
    pub answer_max: usize,
    /// Bearer token.
    #[serde(with = "secret::optional")]
    pub bearer_token: Option<SecretString>,
    username: String,
    #[serde(with = "secret::optional")]
    password: Option<SecretString>,
    /// Loki's tenant; empty: none.
    #[serde(default)]
    pub tenant: String,
}

impl Endpoint {
    /// User and password, where a user is given.
    pub fn basic(&self) -> Option<(String, SecretString)> {
        (!self.username.is_empty()).then(|| (self.username.clone(), self.password.clone().unwrap_or_default()))
    }
}

fn connect_timeout() -> Duration {
    Duration::from_secs(2)
}

/// `[docker]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DockerSettings {
    /// Host, `""` for the default socket, `"none"` for no Docker.
    pub host: String,
    /// Where the `/proc` of the engine's machine is; empty: not read.
    pub proc: PathBuf,
    /// How long an answer may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
}

/// `[github]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubSettings {
    /// How long an answer may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Base URL of the API.
    #[serde(with = "units::http_url")]
    pub url: String,
    /// Token; none: GitHub is not used.
    #[serde(with = "secret::optional")]
    pub token: Option<SecretString>,
}

/// `[notify]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySettings {
    /// How long one try may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Tries in all.
    pub attempts: u32,
    /// How long is waited before the second try; twice as long before each later one.
    #[serde(with = "units::duration")]
    pub backoff: Duration,
    /// A receiver that asks for a longer wait is given up.
    #[serde(with = "units::duration")]
    pub longest_wait: Duration,
    /// Who is told.
    pub destinations: Vec<DestinationSettings>,
}

/// `[[notify.destinations]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationSettings {
    /// How people call it.
    pub name: String,
    /// What it understands: `slack` or `webhook`.
    pub kind: DestinationKind,
    /// Where it is; whoever has a Slack webhook's address can write there, so it is a secret.
    #[serde(with = "secret::required")]
    pub webhook_url: SecretString,
    /// Signs what a webhook is sent.
    #[serde(default, with = "secret::optional")]
    pub signing_secret: Option<SecretString>,
    /// What it is told of: info, warning, critical; none means all.
    #[serde(default)]
    pub severities: BTreeSet<Severity>,
}

/// `[health]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSettings {
    /// How long a health URL may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
}

/// `[discovery]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverySettings {
    /// Whether labels are read.
    pub enabled: bool,
    /// How often.
    #[serde(with = "units::duration")]
    pub every: Duration,
}

/// `[model]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// In the order in which they are tried.
    pub chain: Vec<String>,
    /// Providers by name.
    pub providers: BTreeMap<String, Provider>,
}

/// `[model.providers.<name>]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Base URL of an OpenAI-compatible API.
    #[serde(with = "units::http_url")]
    pub base_url: String,
    /// API key.
    #[serde(default, with = "secret::optional")]
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// Temperature; none: the provider's own.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// Tokens of one answer.
    #[serde(default = "Provider::max_output_tokens")]
    pub max_output_tokens: usize,
    /// Tokens in all.
    #[serde(default = "Provider::context_window")]
    pub context_window: usize,
    /// How long one request may take.
    #[serde(default = "Provider::timeout", with = "units::duration")]
    pub timeout: Duration,
    /// Retries of one request.
    #[serde(default = "Provider::retries")]
    pub retries: u32,
    /// Whether answers are streamed.
    #[serde(default = "yes")]
    pub streaming: bool,
    /// Whether several calls may come in one turn.
    #[serde(default = "yes")]
    pub parallel_tool_calls: bool,
    /// Whether tools have strict schemas.
    #[serde(default = "yes")]
    pub strict: bool,
    /// What tokens cost.
    #[serde(default)]
    pub price: PriceSettings,
}

impl Provider {
    fn max_output_tokens() -> usize {
        2_048
    }

    fn context_window() -> usize {
        128_000
    }

    fn timeout() -> Duration {
        Duration::from_secs(60)
    }

    fn retries() -> u32 {
        3
    }
}

fn yes() -> bool {
    true
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSettings {
    /// Read.
    pub input_per_million: f64,
    /// Read from the provider's cache.
    pub cached_input_per_million: f64,
    /// Written.
    pub output_per_million: f64,
}

/// `[triage]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriageSettings {
    /// How long each of its calls may take; they run side by side.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// Tokens of a model that its answers may have together.
    pub tokens: usize,
}

/// `[budget]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// Turns.
    pub steps: u32,
    /// Tokens.
    pub tokens: u64,
    /// US dollars; 0 is no limit.
    pub money: f64,
    /// Time.
    #[serde(with = "units::duration")]
    pub time: Duration,
    /// Bytes of a raw answer that are kept.
    #[serde(with = "units::size")]
    pub answer_max: usize,
}

/// `[verify]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySettings {
    /// How long a change has to prove that it helped.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// How often it is asked.
    #[serde(with = "units::duration")]
    pub every: Duration,
    /// For how long all checks must pass in a row.
    #[serde(with = "units::duration")]
    pub hold: Duration,
}

/// `[guard]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// The policy file; empty: the compiled-in one.
    pub policy: String,
    /// How long a person has to answer.
    #[serde(with = "units::duration")]
    pub approval_expires: Duration,
}

/// `[runbooks]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunbookSettings {
    /// The folder.
    pub folder: PathBuf,
    /// Where runbooks go that were learnt; empty: nowhere.
    pub drafts: PathBuf,
    /// The repository of runbooks, as "owner/name"; empty: none, nothing is proposed.
    pub repository: String,
    /// The folder of runbooks in it.
    pub path: String,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// What is logged.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// The form of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON lines for machines.
    Json,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceSettings {
    #[serde(default)]
    container: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
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
    depends_on: Vec<String>,
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

#[cfg(test)]
mod tests;
