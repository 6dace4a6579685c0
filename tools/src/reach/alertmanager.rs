//! Alertmanager's API v2. Source: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use super::{Http, HttpOptions};
use crate::{Failure, SharedClock, System};

/// A client of one Alertmanager.
pub struct Alertmanager {
    http: Http,
}

/// An alert that Alertmanager knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ActiveAlert {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What a person is told.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Since when it fires.
    #[serde(rename = "startsAt")]
    pub starts_at: DateTime<Utc>,
    /// Whether it is silenced or inhibited.
    pub status: AlertStatus,
}

/// Whether an alert is silenced or inhibited.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AlertStatus {
    /// `active`, `suppressed` or `unprocessed`.
    pub state: String,
    /// Silences that silence it.
    #[serde(rename = "silencedBy", default)]
    pub silenced_by: Vec<String>,
    /// Alerts that inhibit it.
    #[serde(rename = "inhibitedBy", default)]
    pub inhibited_by: Vec<String>,
}

impl Alertmanager {
    /// A client; asks nothing yet.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no HTTP URL.
    pub fn new(client: Client, base: &str, options: HttpOptions, clock: SharedClock) -> Result<Self, Failure> {
        Ok(Self { http: Http::new(System::Alertmanager, client, base, options, clock)? })
    }

    /// Whether it is ready, in its own words.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn ready(&self) -> Result<String, Failure> {
        let status: Value = self.http.get("api/v2/status", &[]).await?;
        let version = status.pointer("/versionInfo/version").and_then(Value::as_str).unwrap_or("(version unknown)");
        Ok(format!("version {}", crate::text::clean(version)))
    }

    /// Alerts that fire, silenced and inhibited ones among them.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn alerts(&self) -> Result<(Vec<ActiveAlert>, Value), Failure> {
        let raw: Value = self.http.get("api/v2/alerts", &[]).await?;
        let alerts = serde_json::from_value(raw.clone())
            .map_err(|error| Failure::unreachable(System::Alertmanager, format!("answers in another form: {error}")))?;
        Ok((alerts, raw))
    }
}
