//! What comes in: Alertmanager's alerts, read from its webhook, version 4.
//!
//! Source: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// Whether an alert holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The alert's expression holds.
    Firing,
    /// It does no longer.
    Resolved,
}

/// One alert as Alertmanager sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Alertmanager's name for this set of labels.
    pub fingerprint: String,
    /// Firing or resolved.
    pub status: Status,
    /// What the alert is about.
    pub labels: Labels,
    /// What a person is told; untrusted text.
    #[serde(default)]
    pub annotations: Labels,
    /// Since when it fires. An alert that fires again keeps its fingerprint and changes this.
    #[serde(rename = "startsAt")]
    pub starts_at: DateTime<Utc>,
    /// When it was resolved; `None` while it fires (Alertmanager sends the year 1 then).
    #[serde(rename = "endsAt", default, with = "ends_at")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Link to the expression in Prometheus; its `g0.expr` is the alert's own expression.
    #[serde(rename = "generatorURL", default)]
    pub generator_url: String,
}

impl Alert {
    /// The label `alertname`, or what stands for it when a sender left it out.
    pub fn name(&self) -> &str {
        self.labels.get("alertname").map_or("(alert without alertname)", String::as_str)
    }

    /// Two notifications of one episode of an alert are the same: fingerprint and start.
    pub fn episode(&self) -> (&str, DateTime<Utc>) {
        (&self.fingerprint, self.starts_at)
    }
}

/// One notification of Alertmanager. Fields not named here are accepted, so that newer versions work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The receiver's name in Alertmanager.
    pub receiver: String,
    /// Alertmanager's key of the group; the same for all notifications of the group.
    #[serde(rename = "groupKey")]
    pub group_key: String,
    /// How many alerts Alertmanager left out of this notification.
    #[serde(rename = "truncatedAlerts", default)]
    pub truncated: u64,
    /// The alerts.
    pub alerts: Vec<Alert>,
}

/// What a notification may hold at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Alerts a notification.
    pub alerts: usize,
    /// Labels, and likewise annotations, an alert.
    pub labels: usize,
    /// Bytes a label's name or value. An annotation is cut to it instead: no alert is lost for a long text.
    pub value_bytes: usize,
}

/// A link holds a whole expression: it may be so many times as long as a label's value.
const LINK: usize = 16;
/// What stands at the end of an annotation that was cut.
const CUT: &str = "… [cut]";

/// Why a notification is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not JSON, or bytes that are no UTF-8.
    #[error("the body is not JSON: {0}; Alertmanager's webhook, version 4, is expected")]
    NotJson(String),
    /// JSON of another form.
    #[error("{wrong} (at `{path}`); Alertmanager's webhook, version 4, is expected")]
    Form {
        /// Where, as a path.
        path: String,
        /// What was wrong; a missing field is named.
        wrong: String,
    },
    /// More than the limits allow.
    #[error("{what} at `{path}`: {found}, at most {most} allowed")]
    TooMuch {
        /// What was counted.
        what: &'static str,
        /// Where, as a path.
        path: String,
        /// How much was found.
        found: usize,
        /// How much is allowed.
        most: usize,
    },
}

impl Notification {
    /// Reads a webhook's body.
    ///
    /// # Errors
    /// [`Refused`] names what was wrong and where.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Refused> {
        let text = std::str::from_utf8(body).map_err(|error| Refused::NotJson(error.to_string()))?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let mut notification: Self = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            if inner.is_data() {
                let path = if path == "." { "the body".to_owned() } else { path };
                Refused::Form { path, wrong: inner.to_string() }
            } else {
                Refused::NotJson(inner.to_string())
            }
        })?;
        deserializer.end().map_err(|error| Refused::NotJson(error.to_string()))?;
        notification.check(limits)?;
        for alert in &mut notification.alerts {
            if alert.fingerprint.is_empty() {
                alert.fingerprint = own_fingerprint(&alert.labels);
            }
            for text in alert.annotations.values_mut() {
                // Text for people, never compared: cleaned and masked before it is written anywhere.
                *text = tools::clean(text);
                cut(text, limits.value_bytes);
            }
        }
        Ok(notification)
    }

    fn check(&self, limits: &Limits) -> Result<(), Refused> {
        within("alerts", "alerts", self.alerts.len(), limits.alerts)?;
        within("bytes", "groupKey", self.group_key.len(), limits.value_bytes)?;
        within("bytes", "receiver", self.receiver.len(), limits.value_bytes)?;
        for (index, alert) in self.alerts.iter().enumerate() {
            for (field, map) in [("labels", &alert.labels), ("annotations", &alert.annotations)] {
                within(field, &format!("alerts[{index}].{field}"), map.len(), limits.labels)?;
                for (name, value) in map {
                    let path = format!("alerts[{index}].{field}.{}", name.chars().take(64).collect::<String>());
                    within("bytes", &path, name.len(), limits.value_bytes)?;
                    if field == "labels" {
                        within("bytes", &path, value.len(), limits.value_bytes)?;
                    }
                }
            }
            let path = |field: &str| format!("alerts[{index}].{field}");
            within("bytes", &path("fingerprint"), alert.fingerprint.len(), limits.value_bytes)?;
            within("bytes", &path("generatorURL"), alert.generator_url.len(), limits.value_bytes.saturating_mul(LINK))?;
        }
        Ok(())
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        let mut end = most.saturating_sub(CUT.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(CUT);
    }
}

fn within(what: &'static str, path: &str, found: usize, most: usize) -> Result<(), Refused> {
    if found <= most {
        return Ok(());
    }
    Err(Refused::TooMuch { what, path: path.to_owned(), found, most })
}

/// For senders that give no fingerprint: the first 16 hexadecimal digits of SHA-256 over the sorted labels.
fn own_fingerprint(labels: &Labels) -> String {
    let mut hash = Sha256::new();
    for (name, value) in labels {
        hash.update(name.as_bytes());
        hash.update([0xff]);
        hash.update(value.as_bytes());
        hash.update([0xff]);
    }
    hex::encode(hash.finalize()).chars().take(16).collect()
}

/// `endsAt` of a firing alert is the year 1 in Go's zero time; here that is `None`.
mod ends_at {
    use chrono::{DateTime, Datelike, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, out: S) -> Result<S::Ok, S::Error> {
        at.serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        let at: Option<DateTime<Utc>> = Option::deserialize(from)?;
        Ok(at.filter(|at| at.year() > 1))
    }
}
