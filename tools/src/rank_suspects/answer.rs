//! The whole answer: services, metrics, and what it rests on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use analysis::suspects::{Labels, MetricSuspect, Ranking, Series};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    read::Times,
    told::{MetricLine, ServiceLine},
};

/// Services and metrics told of one answer.
const SERVICES: usize = 5;
const METRICS: usize = 8;
/// Of these, metrics of one service, so that each that is ill has its say.
const OF_ONE: usize = 4;

/// What stands out.
#[derive(Debug, Serialize)]
pub struct Suspects {
    /// Whether anything does.
    found: bool,
    /// The most suspicious service.
    top: Option<Top>,
    services: Vec<ServiceLine>,
    metrics: Vec<MetricLine>,
    /// How many services and metrics stand out in all.
    services_in_all: usize,
    metrics_in_all: usize,
    /// Series and histograms that were looked at, and of how many services.
    looked_at: usize,
    of_services: usize,
    /// Of these, those that had enough samples and moved at all.
    compared: usize,
    /// Standard deviations from which a metric stands out, by how many were compared.
    threshold: f64,
    /// Whether it was known who calls whom.
    with_graph: bool,
    /// Where the quiet time begins and ends.
    quiet_from: DateTime<Utc>,
    quiet_until: DateTime<Utc>,
    /// What could not be looked at, and why.
    not_seen: Vec<String>,
}

/// The most suspicious service and its most telling metric.
#[derive(Debug, Serialize)]
struct Top {
    service: String,
    metric: String,
    score: f64,
    since: Option<DateTime<Utc>>,
}

impl Suspects {
    pub(super) fn of(
        ranking: &Ranking,
        series: &[Series<'_>],
        times: Times,
        of_services: usize,
        not_seen: Vec<String>,
    ) -> Self {
        let services: Vec<ServiceLine> = ranking.services.iter().take(SERVICES).map(ServiceLine::from).collect();
        let line = |suspect: &MetricSuspect| {
            let labels = series.get(suspect.series).map(|series| own_labels(series, series.labels));
            MetricLine::of(suspect, &labels.unwrap_or_default())
        };
        let metrics: Vec<MetricLine> = told(&services, &ranking.metrics).map(line).collect();
        let top = services.first().and_then(|first| {
            let metric = metrics.iter().find(|metric| metric.service == first.service)?;
            let (service, metric, score) = (first.service.clone(), metric.metric.clone(), first.score);
            Some(Top { service, metric, score, since: first.since })
        });
        Self {
            found: !services.is_empty(),
            top,
            services,
            metrics,
            services_in_all: ranking.services.len(),
            metrics_in_all: ranking.metrics.len(),
            looked_at: ranking.looked_at,
            of_services,
            compared: ranking.looked_at - ranking.not_compared,
            threshold: (ranking.threshold * 10.0).round() / 10.0,
            with_graph: ranking.with_graph,
            quiet_from: times.quiet,
            quiet_until: times.begins,
            not_seen,
        }
    }
}

/// The most telling metrics, in the order of their ranks: of each service that is named at least one.
fn told<'a>(services: &[ServiceLine], metrics: &'a [MetricSuspect]) -> impl Iterator<Item = &'a MetricSuspect> {
    let best = |line: &ServiceLine| metrics.iter().position(|metric| metric.service == line.service);
    let mut places: BTreeSet<usize> = services.iter().filter_map(best).take(METRICS).collect();
    let mut of: BTreeMap<&str, usize> = services.iter().map(|line| (line.service.as_str(), 1)).collect();
    for (place, metric) in metrics.iter().enumerate() {
        let told = of.entry(&metric.service).or_default();
        if places.len() < METRICS && *told < OF_ONE && places.insert(place) {
            *told += 1;
        }
    }
    places.into_iter().filter_map(|place| metrics.get(place))
}

/// The labels that tell a series from others of its name; where it was scraped is the service's own affair.
fn own_labels(series: &Series<'_>, labels: &Labels) -> String {
    let own = labels.iter().filter(|(name, value)| {
        !matches!(name.as_str(), "__name__" | "job" | "instance" | "le") && value.as_str() != series.service
    });
    own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Suspects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.services.split_first() {
            None => write!(out, "nothing stands out")?,
            Some((first, others)) => {
                write!(out, "most suspicious: {first}")?;
                others.iter().try_for_each(|line| write!(out, "\nthen {line}"))?;
                for line in &self.metrics {
                    write!(out, "\n{line}")?;
                }
            }
        }
        write!(
            out,
            "\n{} of {} metrics of {} stand out (by {} sigma or more from {} to {} UTC)",
            self.metrics_in_all,
            self.looked_at,
            if self.of_services == 1 { "one service".to_owned() } else { format!("{} services", self.of_services) },
            self.threshold,
            self.quiet_from.format("%H:%M"),
            self.quiet_until.format("%H:%M"),
        )?;
        if !self.with_graph {
            write!(out, "\nwho calls whom is not known: ranked without it")?;
        }
        self.not_seen.iter().try_for_each(|what| write!(out, "\nnot seen: {what}"))
    }
}
