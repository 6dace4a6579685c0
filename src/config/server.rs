//! `[http]`, `[log]`: where it listens, who may speak to it, and what it says of itself.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

use super::{secret, units};

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
