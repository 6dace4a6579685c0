//! All together: each series is looked at once, then services, then the calls between them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    departure::{Departure, Direction, Scratch},
    graph::Edge,
    histogram,
    others::Usual,
    series::{Reading, Series},
    services::{Symptom, services},
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
    /// Its metrics that stand out; none where only those that call it show that something is wrong.
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
    /// Services that are ill or seen to be so by those that call them, the most suspicious first; empty when nothing stands out.
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
    let seen = seen.beside_others(series);
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

impl Seen {
    /// The same, but that a change counts less whose metric is small beside that of others.
    fn beside_others(mut self, series: &[Series<'_>]) -> Self {
        let named = |found: &Found| series.get(found.place).map(|one| one.name);
        let level = |found: &Found| Some((named(found)?, found.signal, found.departure.baseline));
        let usual = Usual::of(self.compared.iter().filter_map(level));
        for found in &mut self.compared {
            let most = found.departure.baseline.abs().max(found.departure.peak.abs());
            found.departure.effect *= named(found).map_or(1.0, |name| usual.counts(name, found.signal, most));
        }
        self
    }
}

fn look(series: &[Series<'_>], question: &Question<'_>) -> Seen {
    let windows = question.windows.until(newest(series, &question.windows));
    let (mut trace, mut scratch) = (Trace::default(), Scratch::default());
    let mut seen = Seen { looked_at: 0, compared: Vec::new() };
    let mut compare = |place: usize, one: &Series<'_>, quantile: bool, trace: &Trace| {
        seen.looked_at += 1;
        let signal = Signal::of(one.name, one.labels);
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
        let base = ["_bucket", "_sum"].iter().find_map(|ending| one.name.strip_suffix(ending)).unwrap_or(one.name);
        let metric = match (self.quantile, one.name.ends_with("_bucket")) {
            (true, true) => format!("{base} p95"),
            (true, false) => format!("{base} mean"),
            (false, _) => one.name.to_owned(),
        };
        let far = (score / threshold).ln() + 1.0;
        let own = if signal::of_others(one.name) { signal::OTHERS } else { 1.0 };
        let weight = own * signal::weight(self.signal, direction, signal::harmful_upwards(one.name));
        let harmful = weight >= signal::HARMFUL;
        let (least, large) = if harmful { (threshold, LEAST_EFFECT) } else { (threshold * FALL, LEAST_FALL) };
        if score < least || effect < large {
            return None;
        }
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
const LEAST_EFFECT: f64 = 0.05;
/// What is less than before, and no harm by itself, tells something only where most of it is gone.
const LEAST_FALL: f64 = 0.5;
/// And has to be so many times as far out.
const FALL: f64 = 1.5;

/// Equal ones in the order of names, so that the order in which series came does not matter.
fn by_name(series: &[Series<'_>], one: &MetricSuspect, two: &MetricSuspect) -> std::cmp::Ordering {
    let labels = |suspect: &MetricSuspect| series.get(suspect.series).map(|series| series.labels);
    (&one.service, &one.metric, labels(one)).cmp(&(&two.service, &two.metric, labels(two)))
}
