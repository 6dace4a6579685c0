//! Alertmanager's API v2. Source: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Client;
use serde::{Deserialize, Serialize};
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
    /// Alertmanager's name for exactly these labels.
    #[serde(default)]
    pub fingerprint: String,
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

/// What a silence asks of one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// Its value, or a pattern; an alert without the label has the value "".
    pub value: String,
    /// Whether the value is a pattern.
    pub is_regex: bool,
    /// Whether the label has to match, or has not to.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

/// Alertmanager takes a matcher that does not say so as one that has to match.
fn yes() -> bool {
    true
}

impl Matcher {
    /// The label has exactly this value.
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), is_regex: false, is_equal: true }
    }
}

/// A silence to be made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSilence {
    /// All of these have to hold for an alert that is silenced.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when; then it ends by itself.
    pub ends_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// A silence that Alertmanager knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// Whether it holds now.
    status: Status,
    /// All of these have to hold for an alert that is silenced.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// Who made it.
    #[serde(default)]
    pub created_by: String,
    /// Why.
    #[serde(default)]
    pub comment: String,
}

impl Silence {
    /// Whether it holds now.
    pub fn state(&self) -> SilenceState {
        self.status.state
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Status {
    state: SilenceState,
}

/// Whether a silence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// It begins later.
    Pending,
    /// It holds.
    Active,
    /// It is over.
    Expired,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    id: String,
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

    /// All silences; those that are over stay for some days.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn silences(&self) -> Result<Vec<Silence>, Failure> {
        self.http.get("api/v2/silences", &[]).await
    }

    /// One silence; `None` when there is none of that id.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn silence(&self, id: &str) -> Result<Option<Silence>, Failure> {
        self.http.find(&silence_path(id)?).await
    }

    /// Makes a silence, and tells its id.
    ///
    /// # Errors
    /// As [`Http::post`].
    pub async fn make_silence(&self, silence: &NewSilence) -> Result<String, Failure> {
        let made: Made = self.http.post("api/v2/silences", silence).await?;
        Ok(made.id)
    }

    /// Ends a silence now; one that is over stays as it is.
    ///
    /// # Errors
    /// As [`Http::post`]; 500 or 404 when there is none of that id, as the version has it.
    pub async fn expire_silence(&self, id: &str) -> Result<(), Failure> {
        self.http.delete(&silence_path(id)?).await
    }

    /// How long a request may take in all.
    pub fn timeout(&self) -> std::time::Duration {
        self.http.timeout()
    }
}

/// An id that is no UUID names nothing: it must not become another path.
fn silence_path(id: &str) -> Result<String, Failure> {
    let is_uuid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_uuid {
        let id = crate::text::one_line(&crate::text::clean(id), 80);
        return Err(Failure::Tell(format!("{id:?} is no id of a silence; right would be a UUID")));
    }
    Ok(format!("api/v2/silence/{id}"))
}
