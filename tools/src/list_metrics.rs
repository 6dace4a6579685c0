//! `list_metrics`: which metrics there are, of a service or by a part of their names.

use std::{fmt, sync::Arc};

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool, query_prometheus::configured, reach::Prometheus, service, text,
};

/// Metrics told of one answer.
const MOST: usize = 60;

/// Lists metrics that had series in the last hour, with type and help: of a service, or whose name holds a text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "containing": "request"}]))]
pub struct ListMetricsArgs {
    /// Only metrics of this service of the catalogue.
    pub service: Option<String>,
    /// Only metrics whose name holds this.
    pub containing: Option<String>,
}

/// Lists metrics.
pub struct ListMetrics {
    prometheus: Option<Arc<Prometheus>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// The metrics.
#[derive(Debug, Serialize)]
pub struct Metrics {
    metrics: Vec<Metric>,
    /// Metrics that fit and are not told.
    left_out: usize,
}

#[derive(Debug, Serialize)]
struct Metric {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    help: String,
}

impl ListMetrics {
    /// A tool over this Prometheus; without one every call says so.
    pub fn new(prometheus: Option<Arc<Prometheus>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { prometheus, catalogue, clock }
    }
}

impl Tool for ListMetrics {
    const NAME: &'static str = "list_metrics";
    type Args = ListMetricsArgs;
    type Output = Metrics;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Metrics>, Failure> {
        let prometheus = configured(&self.prometheus)?;
        let selector = match &args.service {
            None => None,
            Some(name) => Some(service::known(&self.catalogue, name)?.prometheus.ok_or_else(|| {
                Failure::Tell(format!("{name} has no selector for Prometheus: set `prometheus` in [services.{name}]"))
            })?),
        };
        let now = self.clock.now();
        let mut names = prometheus.metric_names(selector.as_deref(), now - TimeDelta::hours(1), now).await?;
        names.retain(|name| {
            args.containing.as_ref().is_none_or(|text| name.to_lowercase().contains(&text.to_lowercase()))
        });
        let left_out = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        // Without type and help the names are still worth having.
        let about = prometheus.metadata().await.unwrap_or_default();
        let metric = |name: String| {
            // The parts of a histogram stand under its name without their ending.
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
            let (kind, help) = about.get(&name).or_else(|| about.get(base?)).cloned().unwrap_or_default();
            Metric { name: text::clean(&name), kind, help: text::one_line(&text::clean(&help), 120) }
        };
        let metrics = names.into_iter().map(metric).collect();
        Ok(Seen { output: Metrics { metrics, left_out }, raw: Value::Null })
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.metrics.is_empty() {
            return write!(out, "no such metric had series in the last hour");
        }
        let lines = self.metrics.iter().map(|metric| {
            let kind = if metric.kind.is_empty() { String::new() } else { format!(" ({})", metric.kind) };
            let help = if metric.help.is_empty() { String::new() } else { format!(": {}", metric.help) };
            format!("{}{kind}{help}", metric.name)
        });
        write!(out, "{}", lines.collect::<Vec<_>>().join("\n"))?;
        if self.left_out > 0 {
            write!(out, "\n[{} more are left out; ask with `containing`]", self.left_out)?;
        }
        Ok(())
    }
}
