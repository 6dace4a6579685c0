//! `[prometheus]`, `[loki]`, `[alertmanager]`, `[docker]`, `[github]`, `[health]`, `[discovery]`: what it looks at.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

use super::{secret, units};

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
