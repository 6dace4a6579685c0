//! `[notify]`: who is told.

use std::{collections::BTreeSet, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;
use tools::{Severity, reach::DestinationKind};

use super::{secret, units};

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
