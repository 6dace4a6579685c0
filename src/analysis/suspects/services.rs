//! From metrics to services: how ill each is by itself, and how much of that others explain.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    graph::Graph,
    rank::{MetricSuspect, Question, ServiceSuspect},
    series::Series,
    signal::{self, Signal},
    silent::silent,
};

/// Of a service's metrics each further one counts this share of the one before.
const FURTHER: f64 = 0.5;
/// What remains of a service's suspicion when it is not on the path of the one that alerts.
const ELSEWHERE: f64 = 0.3;
/// How much of its suspicion a service loses that is wholly explained by another.
const EXPLAINED: f64 = 0.8;
/// How ill a service is that is surely so.
const SURELY: f64 = 4.0;
/// What counts of a metric that had left its past before the time asked about, when the symptom had not.
const BEFORE: f64 = 0.4;
/// And when it does not show when the symptom came.
const UNSURE: f64 = 0.6;
/// A symptom that came later than this share of the time asked about has something to come of that came after the beginning.
const LATER: f64 = 0.2;

pub(super) fn services(
    series: &[Series<'_>],
    metrics: &[MetricSuspect],
    symptom: Symptom,
    question: &Question<'_>,
) -> Vec<ServiceSuspect> {
    let mut own: BTreeMap<&str, Own<'_>> = BTreeMap::new();
    // The metrics come in the order of their ranks.
    for metric in metrics {
        own.entry(&metric.service).or_default().add(metric, symptom);
    }
    let well = series.iter().map(|one| (one.service, 0.0));
    let ill: BTreeMap<&str, f64> =
        well.chain(series.iter().filter_map(|one| Some((one.service, own.get(one.service)?.ill.score)))).collect();
    let graph = Graph::new(question.edges);
    let places = graph.places(&ill, question.alerting);
    let on_path = |service: &str| places.get(service).is_some_and(|place| place.on_path);
    let carried: BTreeMap<&str, f64> = own.iter().map(|(service, own)| (*service, own.share_carried())).collect();
    let all: f64 = ill.iter().filter(|(service, _)| on_path(service)).map(|(_, ill)| certain(*ill)).sum();
    let mut services: Vec<_> = own
        .into_iter()
        .map(|(service, own)| {
            let place = places.get(service).filter(|_| !graph.is_empty());
            let mut score = own.all.score;
            if let Some(place) = place {
                let of = |service: &str| {
                    certain(ill.get(service).copied().unwrap_or(0.0)) * carried.get(service).copied().unwrap_or(0.0)
                };
                // What is little out of order rarely makes something else be much so (Orchard et al. 2024).
                let explained = place.explained * place.explained * own.share_carried();
                let covered = certain(own.ill.score)
                    + place.explains.iter().filter(|name| on_path(name)).map(|name| of(name)).sum::<f64>();
                let covered = (covered / all.max(f64::MIN_POSITIVE)).min(1.0);
                score = certain(score) * (1.0 - EXPLAINED * explained) * covered.sqrt();
            }
            let on_path = graph.is_empty() || place.is_some_and(|place| place.on_path);
            ServiceSuspect {
                service: service.to_owned(),
                score: if on_path { score } else { score * ELSEWHERE },
                own: own.all.score,
                since: own.since,
                metrics: own.metrics,
                on_path,
                explained_by: place.and_then(|place| place.by.clone()),
                explains: place.map(|place| place.explains.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let unseen = silent(series, metrics, &services, &graph);
    services.extend(unseen);
    services.sort_by(|one, two| two.score.total_cmp(&one.score).then_with(|| one.service.cmp(&two.service)));
    services
}

/// Where calls are known, one that is surely ill is not more so by being so by far: what it explains tells more.
fn certain(ill: f64) -> f64 {
    ill.min(SURELY)
}

/// What shows most at the service that alerts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symptom {
    /// Errors, or slowness.
    signal: Option<Signal>,
    /// What counts of a metric that had left its past when the time asked about began.
    before: f64,
}

impl Symptom {
    /// Of metrics of the service that alerts, in the order of their ranks.
    pub(super) fn of(metrics: &[MetricSuspect], question: &Question<'_>) -> Self {
        let asked = |signal: Signal| question.symptom.is_none_or(|symptom| symptom == signal);
        let told = metrics.iter().find(|metric| {
            metric.weight >= signal::ILL
                && matches!(metric.signal, Signal::Errors | Signal::Latency)
                && asked(metric.signal)
        });
        Self {
            signal: question.symptom.or(told.map(|metric| metric.signal)),
            before: match told {
                Some(metric) if metric.since >= question.windows.after(LATER) => BEFORE,
                None if question.alerting.is_some() => UNSURE,
                Some(_) | None => 1.0,
            },
        }
    }

    /// How well a departure fits to it, between 0 and 1.
    fn fits(self, metric: &MetricSuspect) -> f64 {
        let early = if metric.before { self.before } else { 1.0 };
        early * signal::fits(metric.signal, self.signal)
    }
}

/// What is known of one service by itself.
#[derive(Default)]
struct Own<'a> {
    /// Of all of its metrics.
    all: Sum,
    /// Of those that make it ill.
    ill: Sum,
    /// What calls carry, and what the service has for itself, by how much each would count alone.
    carried: f64,
    kept: f64,
    /// Metrics that were seen: of the same one of many instances, one counts.
    seen: BTreeSet<(&'a str, Signal)>,
    since: f64,
    metrics: usize,
}

/// A sum in which each further number counts less.
#[derive(Default)]
struct Sum {
    score: f64,
    share: Option<f64>,
}

impl<'a> Own<'a> {
    fn add(&mut self, metric: &'a MetricSuspect, symptom: Symptom) {
        let rank = metric.rank * symptom.fits(metric);
        if self.seen.insert((&metric.metric, metric.signal)) {
            self.all.add(rank);
            if metric.weight >= signal::ILL {
                self.ill.add(rank);
            }
            let part = if signal::of_resource(&metric.metric) { &mut self.kept } else { &mut self.carried };
            *part = part.max(rank);
        }
        self.since = if self.metrics == 0 { metric.since } else { self.since.min(metric.since) };
        self.metrics += 1;
    }

    /// How much of its illness may have come from those that it calls, between 0 and 1.
    fn share_carried(&self) -> f64 {
        self.carried / (self.carried + self.kept).max(f64::MIN_POSITIVE)
    }
}

impl Sum {
    fn add(&mut self, number: f64) {
        let share = self.share.map_or(1.0, |share| share * FURTHER);
        self.score += number * share;
        self.share = Some(share);
    }
}
