//! `list_alerts`: what fires, by Alertmanager, or by Prometheus where there is no Alertmanager.

use std::{collections::BTreeMap, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    led::service_of,
    reach::{Alertmanager, Prometheus},
    service, shape, text,
};

/// Alerts told of one answer.
const MOST: usize = 40;

/// Lists the alerts that fire now, with since when, and whether they are silenced or inhibited.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}]))]
pub struct ListAlertsArgs {
    /// Only alerts whose labels lead to this service of the catalogue.
    pub service: Option<String>,
}

/// Lists alerts.
pub struct ListAlerts {
    alertmanager: Option<Arc<Alertmanager>>,
    prometheus: Option<Arc<Prometheus>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What fires.
#[derive(Debug, Serialize)]
pub struct Alerts {
    alerts: Vec<AlertLine>,
    /// Alerts that fire and are not told.
    left_out: usize,
    /// How many fire in all.
    count: usize,
    by: &'static str,
}

#[derive(Debug, Serialize)]
struct AlertLine {
    name: String,
    labels: String,
    since: DateTime<Utc>,
    seconds: i64,
    state: String,
    summary: String,
}

impl ListAlerts {
    /// A tool that asks Alertmanager first.
    pub fn new(
        alertmanager: Option<Arc<Alertmanager>>,
        prometheus: Option<Arc<Prometheus>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
    ) -> Self {
        Self { alertmanager, prometheus, catalogue, clock }
    }

    /// Whether the labels lead to the service.
    fn concerns(&self, labels: &BTreeMap<String, String>, service: Option<&str>) -> bool {
        service
            .is_none_or(|service| service_of(labels, &self.catalogue.load()).is_some_and(|led| led.service == service))
    }

    fn line(
        &self,
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        since: DateTime<Utc>,
        state: String,
    ) -> AlertLine {
        let mut rest = labels.clone();
        let name = rest.remove("alertname").unwrap_or_default();
        let summary = annotations.get("summary").or_else(|| annotations.get("description")).map_or("", String::as_str);
        AlertLine {
            name: text::one_line(&text::clean(&name), 120),
            labels: shape::name(&rest),
            since,
            seconds: (self.clock.now() - since).num_seconds(),
            state,
            summary: text::one_line(&text::clean(summary), 200),
        }
    }

    async fn by_alertmanager(
        &self,
        alertmanager: &Alertmanager,
        service: Option<&str>,
    ) -> Result<(Vec<AlertLine>, Value), Failure> {
        let (alerts, raw) = alertmanager.alerts().await?;
        let about = alerts.iter().filter(|alert| self.concerns(&alert.labels, service));
        let lines = about.map(|alert| {
            let state = match (alert.status.silenced_by.is_empty(), alert.status.inhibited_by.is_empty()) {
                (false, _) => "silenced",
                (true, false) => "inhibited",
                (true, true) => "firing",
            };
            self.line(&alert.labels, &alert.annotations, alert.starts_at, state.to_owned())
        });
        Ok((lines.collect(), raw))
    }

    async fn by_prometheus(
        &self,
        prometheus: &Prometheus,
        service: Option<&str>,
    ) -> Result<(Vec<AlertLine>, Value), Failure> {
        #[derive(Deserialize)]
        struct Told {
            labels: BTreeMap<String, String>,
            #[serde(default)]
            annotations: BTreeMap<String, String>,
            state: String,
            #[serde(rename = "activeAt")]
            active_at: DateTime<Utc>,
        }
        let raw = prometheus.alerts().await?;
        let told = raw.iter().filter_map(|alert| Told::deserialize(alert).ok());
        let about = told.filter(|alert| self.concerns(&alert.labels, service));
        let lines =
            about.map(|alert| self.line(&alert.labels, &alert.annotations, alert.active_at, alert.state)).collect();
        Ok((lines, Value::Array(raw)))
    }
}

impl Tool for ListAlerts {
    const NAME: &'static str = "list_alerts";
    type Args = ListAlertsArgs;
    type Output = Alerts;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Alerts>, Failure> {
        if let Some(name) = &args.service {
            service::known(&self.catalogue, name)?;
        }
        let service = args.service.as_deref();
        let ((mut alerts, raw), by) = match (&self.alertmanager, &self.prometheus) {
            (Some(alertmanager), _) => (self.by_alertmanager(alertmanager, service).await?, "Alertmanager"),
            (None, Some(prometheus)) => (self.by_prometheus(prometheus, service).await?, "Prometheus"),
            (None, None) => {
                let what = "neither Alertmanager nor Prometheus is configured ([alertmanager] url, [prometheus] url)";
                return Err(Failure::Tell(what.to_owned()));
            }
        };
        alerts.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.name.cmp(&b.name)));
        let count = alerts.len();
        let left_out = count.saturating_sub(MOST);
        alerts.truncate(MOST);
        Ok(Seen { output: Alerts { alerts, left_out, count, by }, raw: service::raw(&raw) })
    }
}

impl fmt::Display for Alerts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} alerts by {}", self.count, self.by)?;
        for alert in &self.alerts {
            let since = alert.since.format("%H:%M:%S UTC");
            write!(out, "\n{} {} {} since {since} ({} s)", alert.name, alert.labels, alert.state, alert.seconds)?;
            if !alert.summary.is_empty() {
                write!(out, ": {}", alert.summary)?;
            }
        }
        if self.left_out > 0 {
            write!(out, "\n[{} more are left out]", self.left_out)?;
        }
        Ok(())
    }
}
