//! The agent's own metrics, in Prometheus's text form.

use std::sync::atomic::Ordering;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{SharedHttp, problem::Problem};
use crate::journal::Taken;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Phase {
    phase: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

/// Counters of the server, and what the journal says at each scrape.
pub struct Metrics {
    registry: Registry,
    webhooks: Counter,
    refused: Counter,
    alerts: Counter,
    repeated: Counter,
    received: Counter,
    phases: Family<Phase, Gauge>,
    outcomes: Family<Outcome, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("devops_agent");
        let (webhooks, refused, alerts, repeated) =
            (Counter::default(), Counter::default(), Counter::default(), Counter::default());
        let received = Counter::default();
        let (phases, outcomes) = (Family::default(), Family::default());
        registry.register("notifications", "Notifications taken in", webhooks.clone());
        registry.register("requests_refused", "Requests refused: not readable, no credentials, full", refused.clone());
        registry.register("alerts", "Alerts taken in", alerts.clone());
        registry.register("alerts_repeated", "Alerts that stood in the journal already", repeated.clone());
        registry.register(
            "received_bytes",
            "Bytes of answers read from outside systems over HTTP, and of Docker's logs",
            received.clone(),
        );
        registry.register("incidents", "Incidents by phase", phases.clone());
        registry.register("incidents_ended", "Incidents by outcome", outcomes.clone());
        Self { registry, webhooks, refused, alerts, repeated, received, phases, outcomes }
    }

    pub(super) fn taken(&self, alerts: usize, taken: &Taken) {
        self.webhooks.inc();
        self.alerts.inc_by(u64::try_from(alerts).unwrap_or(u64::MAX));
        self.repeated.inc_by(u64::try_from(taken.repeated).unwrap_or(u64::MAX));
    }

    pub(super) fn refused(&self) {
        self.refused.inc();
    }
}

/// `GET /metrics`.
pub(super) async fn scrape(State(http): State<SharedHttp>) -> Result<Response, Problem> {
    let counts = http.journal.counts().await?;
    let metrics = &http.metrics;
    metrics.received.inner().store(tools::reach::received_bytes(), Ordering::Relaxed);
    // A phase without incidents is left out by the journal; it must read 0, not its last figure.
    metrics.phases.clear();
    for (phase, count) in counts.phases {
        metrics.phases.get_or_create(&Phase { phase }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    for (outcome, count) in counts.outcomes {
        metrics.outcomes.get_or_create(&Outcome { outcome }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let mut text = String::new();
    encode(&mut text, &metrics.registry).map_err(|error| {
        Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, format!("metrics could not be written: {error}"))
    })?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
