//! All together: each series is looked at once, then services, then the calls between them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    departure::{Departure, Direction, Scratch},
    graph::{Edge, Graph},
    histogram,
    series::{Reading, Series},
    signal::{self, Signal},
    trace::Trace,
    window::Windows,
};

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question<'a> {
    /// The quiet time and the time asked about.
    pub windows: Windows,
    /// Who calls whom; empty when that is not known.
    pub edges: &'a BTreeSet<Edge>,
    /// The service that alerts.
    pub alerting: Option<&'a str>,
    /// What the alert is about, [`Signal::Errors`] or [`Signal::Latency`]; if that is not known, what shows most at the service.
    pub symptom: Option<Signal>,
}

/// A metric that left its past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricSuspect {
    /// Its place among the series that were given; of a histogram that of one of its series.
    pub series: usize,
    /// Its name; of a histogram with the quantile that was read.
    pub metric: String,
    /// The service that it belongs to.
    pub service: String,
    /// What it tells of.
    pub signal: Signal,
    /// Robust standard deviations from its past.
    pub score: f64,
    /// How large the change is beside its level, between 0 and 1.
    pub effect: f64,
    /// In which way it left.
    pub direction: Direction,
    /// Since when, in seconds since the epoch.
    pub since: f64,
    /// Whether it was away already when the time asked about began.
    pub before: bool,
    /// The value farthest from the past.
    pub peak: f64,
    /// The past's median.
    pub baseline: f64,
    /// The newest value; absent when it vanished.
    pub present: Option<f64>,
    /// How much such a departure speaks for the service being ill, between 0 and 1.
    pub weight: f64,
    /// By what it is ranked.
    pub rank: f64,
}

/// A service and how much speaks for it being the cause.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceSuspect {
    /// The service.
    pub service: String,
    /// By what it is ranked, the most suspicious highest.
    pub score: f64,
    /// How ill it is by itself.
    pub own: f64,
    /// Since when it is ill, in seconds since the epoch.
    pub since: f64,
    /// Its metrics that stand out.
    pub metrics: usize,
    /// Whether it is the service that alerts, or called by it through others that are ill.
    pub on_path: bool,
    /// The service that it calls and that explains it.
    pub explained_by: Option<String>,
    /// Ill services that it explains.
    pub explains: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// Services that are ill, the most suspicious first; empty when nothing stands out.
    pub services: Vec<ServiceSuspect>,
    /// Metrics that stand out, the most suspicious first.
    pub metrics: Vec<MetricSuspect>,
    /// Things looked at: series, or histograms of several.
    pub looked_at: usize,
    /// Of these, how many had too few samples to compare, or did not move.
    pub not_compared: usize,
    /// Standard deviations from which a metric stands out, by how many were looked at.
    pub threshold: f64,
    /// Whether who calls whom was known.
    pub with_graph: bool,
}

/// Ranks services and metrics.
pub fn rank(series: &[Series<'_>], question: &Question<'_>) -> Ranking {
    let seen = look(series, question);
    let threshold = threshold(seen.compared.len());
    let mut metrics: Vec<_> = seen.compared.iter().filter_map(|found| found.suspect(series, threshold)).collect();
    metrics.sort_by(|one, two| two.rank.total_cmp(&one.rank).then_with(|| by_name(series, one, two)));
    // That it alerts is known, so that less shows what of it does.
    let at_alerting = seen
        .compared
        .iter()
        .filter(|found| series.get(found.place).is_some_and(|one| Some(one.service) == question.alerting));
    let mut shown: Vec<_> = at_alerting.filter_map(|found| found.suspect(series, SHOWN)).collect();
    shown.sort_by(|one, two| two.rank.total_cmp(&one.rank).then_with(|| by_name(series, one, two)));
    let services = services(series, &metrics, Symptom::of(&shown, question), question);
    Ranking {
        services,
        metrics,
        looked_at: seen.looked_at,
        not_compared: seen.looked_at - seen.compared.len(),
        threshold,
        with_graph: !question.edges.is_empty(),
    }
}

/// One thing that was compared with its past.
struct Found {
    place: usize,
    quantile: bool,
    signal: Signal,
    departure: Departure,
}

struct Seen {
    looked_at: usize,
    compared: Vec<Found>,
}

fn look(series: &[Series<'_>], question: &Question<'_>) -> Seen {
    let windows = question.windows.until(newest(series, &question.windows));
    let (mut trace, mut scratch) = (Trace::default(), Scratch::default());
    let mut seen = Seen { looked_at: 0, compared: Vec::new() };
    let mut compare = |place: usize, one: &Series<'_>, quantile: bool, trace: &Trace| {
        seen.looked_at += 1;
        let signal = signal::signal(one.name, one.labels);
        let departure = scratch.departure(trace, signal, &windows);
        seen.compared.extend(departure.map(|departure| Found { place, quantile, signal, departure }));
    };
    for (place, one) in series.iter().enumerate() {
        match one.reading() {
            Reading::Level => trace.levels(one.samples, &windows),
            Reading::Rate => trace.rates(one.samples, &windows),
            Reading::Bucket | Reading::Sum => continue,
        }
        compare(place, one, false, &trace);
    }
    for group in histogram::groups(series) {
        let named_by = group.named_by().and_then(|place| series.get(place).map(|one| (place, one)));
        if let Some((place, one)) = named_by
            && group.read(series, &windows, &mut trace)
        {
            compare(place, one, true, &trace);
        }
    }
    seen
}

/// The newest moment of all samples within the time asked about: where the data ends, nothing has vanished.
fn newest(series: &[Series<'_>], windows: &Windows) -> f64 {
    let last = |one: &Series<'_>| one.samples.iter().rev().map(|sample| sample.0).find(|at| *at <= windows.end());
    series.iter().filter_map(last).fold(f64::NEG_INFINITY, f64::max)
}

/// Standard deviations that chance alone does not reach among so many series: the expected maximum of as many normal values
/// (Cramér 1946), and half as much again since real metrics have heavier tails.
fn threshold(compared: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "series are few beside 2^52")]
    let many = compared.max(2) as f64;
    1.5 * (2.0 * many.ln()).sqrt().max(2.5)
}

impl Found {
    fn suspect(&self, series: &[Series<'_>], threshold: f64) -> Option<MetricSuspect> {
        let one = series.get(self.place)?;
        let Departure { score, effect, direction, since, before, peak, baseline, present } = self.departure;
        if score < threshold || effect < LEAST_EFFECT {
            return None;
        }
        let base = ["_bucket", "_sum"].iter().find_map(|ending| one.name.strip_suffix(ending)).unwrap_or(one.name);
        let metric = match (self.quantile, one.name.ends_with("_bucket")) {
            (true, true) => format!("{base} p95"),
            (true, false) => format!("{base} mean"),
            (false, _) => one.name.to_owned(),
        };
        let far = (score / threshold).ln() + 1.0;
        let own = if signal::of_others(one.name) { signal::OTHERS } else { 1.0 };
        let weight = own * signal::weight(self.signal, direction, signal::harmful_upwards(one.name));
        Some(MetricSuspect {
            series: self.place,
            metric,
            service: one.service.to_owned(),
            signal: self.signal,
            score,
            effect,
            direction,
            since,
            before,
            peak,
            baseline,
            present,
            weight,
            rank: far * effect.sqrt() * weight,
        })
    }
}

/// Standard deviations from which a metric of the service that alerts tells of the symptom.
const SHOWN: f64 = 3.0;
/// Changes smaller than this share of the level are nobody's trouble.
const LEAST_EFFECT: f64 = 0.02;

/// Equal ones in the order of names, so that the order in which series came does not matter.
fn by_name(series: &[Series<'_>], one: &MetricSuspect, two: &MetricSuspect) -> std::cmp::Ordering {
    let labels = |suspect: &MetricSuspect| series.get(suspect.series).map(|series| series.labels);
    (&one.service, &one.metric, labels(one)).cmp(&(&two.service, &two.metric, labels(two)))
}

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

fn services(
    series: &[Series<'_>],
    metrics: &[MetricSuspect],
    symptom: Symptom,
    question: &Question<'_>,
) -> Vec<ServiceSuspect> {
    let mut own: BTreeMap<&str, Own> = BTreeMap::new();
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
    let all: f64 = ill.iter().filter(|(service, _)| on_path(service)).map(|(_, ill)| certain(*ill)).sum();
    let mut services: Vec<_> = own
        .into_iter()
        .map(|(service, own)| {
            let place = places.get(service).filter(|_| !graph.is_empty());
            let mut score = own.all.score;
            if let Some(place) = place {
                let of = |service: &str| certain(ill.get(service).copied().unwrap_or(0.0));
                // What is little out of order rarely makes something else be much so (Orchard et al. 2024).
                let explained = place.explained * place.explained;
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
    services.sort_by(|one, two| two.score.total_cmp(&one.score).then_with(|| one.service.cmp(&two.service)));
    services
}

/// Where calls are known, one that is surely ill is not more so by being so by far: what it explains tells more.
fn certain(ill: f64) -> f64 {
    ill.min(SURELY)
}

/// What shows most at the service that alerts.
#[derive(Debug, Clone, Copy, Default)]
struct Symptom {
    /// Errors, or slowness.
    signal: Option<Signal>,
    /// Whether it came within the time asked about.
    came: bool,
}

impl Symptom {
    /// Of metrics of the service that alerts, in the order of their ranks.
    fn of(metrics: &[MetricSuspect], question: &Question<'_>) -> Self {
        let asked = |signal: Signal| question.symptom.is_none_or(|symptom| symptom == signal);
        let told = metrics.iter().find(|metric| {
            metric.weight >= signal::ILL
                && matches!(metric.signal, Signal::Errors | Signal::Latency)
                && asked(metric.signal)
        });
        Self {
            signal: question.symptom.or(told.map(|metric| metric.signal)),
            came: told.map_or(question.alerting.is_some(), |metric| !metric.before),
        }
    }

    /// How well a departure fits to it, between 0 and 1.
    fn fits(self, metric: &MetricSuspect) -> f64 {
        let early = if self.came && metric.before { BEFORE } else { 1.0 };
        early * signal::fits(metric.signal, self.signal)
    }
}

/// What is known of one service by itself.
#[derive(Default)]
struct Own {
    /// Of all of its metrics.
    all: Sum,
    /// Of those that make it ill.
    ill: Sum,
    since: f64,
    metrics: usize,
}

/// A sum in which each further number counts less.
#[derive(Default)]
struct Sum {
    score: f64,
    share: Option<f64>,
}

impl Own {
    fn add(&mut self, metric: &MetricSuspect, symptom: Symptom) {
        let rank = metric.rank * symptom.fits(metric);
        self.all.add(rank);
        if metric.weight >= signal::ILL {
            self.ill.add(rank);
        }
        self.since = if self.metrics == 0 { metric.since } else { self.since.min(metric.since) };
        self.metrics += 1;
    }
}

impl Sum {
    fn add(&mut self, number: f64) {
        let share = self.share.map_or(1.0, |share| share * FURTHER);
        self.score += number * share;
        self.share = Some(share);
    }
}
