//! Silences of ours: for which alert, made by which call.
//!
//! Alertmanager has no field for a call's own name, so a silence is known again by who made it, its matchers, and its end.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    reach::{ActiveAlert, Matcher, Silence, SilenceState},
    shape, text,
};

/// Who Alertmanager says made the silence.
pub(crate) const CREATED_BY: &str = "devops-agent";
/// A silence of ours that ends so much earlier than asked is as good as one that is made now.
const NEARLY: TimeDelta = TimeDelta::seconds(60);

/// The alerts before, and the silences that they get.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    pub(crate) alerts: Vec<BeforeAlert>,
    pub(crate) ends_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BeforeAlert {
    pub(crate) fingerprint: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) state: String,
    /// Silences of ours with these matchers that hold already, and until when: they are none of this call's.
    ours: BTreeMap<String, DateTime<Utc>>,
}

impl Before {
    /// The silences that this call made: ours, exactly these matchers, exactly this end, and not there before.
    pub(crate) fn made<'a>(
        &'a self,
        alert: &'a BeforeAlert,
        silences: &'a [Silence],
    ) -> impl Iterator<Item = &'a Silence> {
        silences.iter().filter(|silence| {
            is_ours(silence, &alert.matchers)
                && silence.ends_at == self.ends_at
                && !alert.ours.contains_key(&silence.id)
        })
    }

    /// A silence of ours that holds for at least as long as asked.
    pub(crate) fn holds<'a>(&self, alert: &BeforeAlert, silences: &'a [Silence]) -> Option<&'a Silence> {
        silences.iter().find(|silence| is_ours(silence, &alert.matchers) && silence.ends_at >= self.ends_at - NEARLY)
    }

    pub(crate) fn covered(&self, alert: &BeforeAlert) -> bool {
        alert.ours.values().any(|ends_at| *ends_at >= self.ends_at - NEARLY)
    }
}

impl BeforeAlert {
    pub(crate) fn of(alert: &ActiveAlert, alerts: &[ActiveAlert], silences: &[Silence]) -> Self {
        let matchers = matchers(alert, alerts);
        let ours = silences.iter().filter(|silence| is_ours(silence, &matchers));
        Self {
            ours: ours.map(|silence| (silence.id.clone(), silence.ends_at)).collect(),
            fingerprint: alert.fingerprint.clone(),
            labels: alert.labels.clone(),
            state: alert.status.state.clone(),
            matchers,
        }
    }

    pub(crate) fn says(&self) -> String {
        let mut labels = self.labels.clone();
        let name = labels.remove("alertname").unwrap_or_default();
        format!("{}{}", text::one_line(&text::clean(&name), 120), shape::name(&labels))
    }
}

/// The alert's own name.
pub(crate) fn name(alert: &ActiveAlert) -> &str {
    alert.labels.get("alertname").map_or("", String::as_str)
}

/// Whether it is a silence of ours with exactly these matchers that is not over.
fn is_ours(silence: &Silence, matchers: &[Matcher]) -> bool {
    let mut theirs = silence.matchers.clone();
    theirs.sort();
    silence.created_by == CREATED_BY && silence.state() != SilenceState::Expired && theirs == matchers
}

/// All labels of the alert, each equal. Where another alert has all of them and more, the labels that it has more must be absent:
/// a silence is for exactly one alert.
fn matchers(alert: &ActiveAlert, alerts: &[ActiveAlert]) -> Vec<Matcher> {
    let wider = alerts.iter().filter(|other| {
        other.labels.len() > alert.labels.len()
            && alert.labels.iter().all(|(label, value)| other.labels.get(label) == Some(value))
    });
    let more: BTreeSet<_> =
        wider.flat_map(|other| other.labels.keys()).filter(|label| !alert.labels.contains_key(*label)).collect();
    let own = alert.labels.iter().map(|(label, value)| Matcher::equal(label, value));
    let mut matchers: Vec<_> = own.chain(more.into_iter().map(|label| Matcher::equal(label, ""))).collect();
    matchers.sort();
    matchers
}
