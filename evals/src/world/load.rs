//! Metrics and lines of services that were not recorded: they follow from load, images, limits and health.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use super::{container::Container, images::Images, track::Written};
use crate::{
    case::{Case, Illness, Labels, Load},
    loki::LogStore,
    prometheus::SeriesStore,
};

/// Milliseconds between two scrapes.
const SCRAPE: i64 = 15_000;
/// Milliseconds before the world's beginning from which on there are metrics.
const PAST: i64 = 30 * 60_000;
/// Seconds that a request takes where nothing is wrong.
const LATENCY: f64 = 0.04;
/// The share of requests that fail where nothing is wrong.
const FAILING: f64 = 0.002;
/// The share that fails where a service that is depended on does not answer.
const FAILING_WITHOUT: f64 = 0.6;
/// The bounds of the histogram's buckets, in seconds.
const BUCKETS: [(f64, &str); 4] = [(0.05, "0.05"), (0.25, "0.25"), (1.0, "1.0"), (f64::INFINITY, "+Inf")];

/// What a container has counted since its start.
#[derive(Debug, Default)]
struct Counters {
    started_at: i64,
    instance: String,
    service: String,
    answered: f64,
    failed: f64,
    seconds: f64,
    buckets: [f64; 4],
    processor: f64,
    /// Whether the last scrape succeeded.
    up: bool,
}

/// How a container does at one moment.
struct Condition {
    error_ratio: f64,
    latency: f64,
    hangs: bool,
}

/// A line that was made up.
pub(super) struct Line {
    service: String,
    container: String,
    /// Milliseconds since 1970.
    at: i64,
    text: String,
    is_error: bool,
}

/// Makes metrics and lines up to now. Invariant: what was made for a moment is never made again.
#[derive(Debug)]
pub(super) struct Generator {
    made: i64,
    /// By the container's id.
    counters: BTreeMap<String, Counters>,
}

impl Generator {
    pub(super) fn new(case: &Case) -> Self {
        Self { made: case.now - PAST - case.now.rem_euclid(SCRAPE), counters: BTreeMap::new() }
    }

    /// Makes the samples up to `now`, and gives the lines that were written in that time.
    pub(super) fn play(
        &mut self,
        now: i64,
        containers: &BTreeMap<String, Container>,
        case: &Case,
        images: &Images,
        store: &SeriesStore,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        if case.loads.is_empty() {
            return lines;
        }
        while self.made + SCRAPE <= now {
            self.made += SCRAPE;
            for (service, load) in &case.loads {
                let of_service: Vec<&Container> =
                    containers.values().filter(|container| container.service() == service).collect();
                let targets = targets(&of_service, load, self.made);
                let answering = targets.iter().filter(|container| container.answers(self.made)).count();
                let share = load.requests_per_second / answering.max(1) as f64;
                let without = load
                    .depends_on
                    .iter()
                    .any(|name| !containers.values().any(|one| one.service() == name && one.answers(self.made)));
                for container in &targets {
                    let condition = condition(container, load, share, without, images, self.made);
                    self.scrape(container, load, share, &condition, store);
                    lines.extend(line(container, &condition, self.made));
                }
                let made = self.made;
                self.counters.retain(|id, counters| {
                    let stays = counters.service != *service || targets.iter().any(|target| target.id() == id);
                    if !stays {
                        store.end_but(&counters.service, &counters.instance, made, |_, _| false);
                    }
                    stays
                });
            }
        }
        lines
    }

    fn scrape(&mut self, container: &Container, load: &Load, share: f64, condition: &Condition, store: &SeriesStore) {
        let (at, service) = (self.made, container.service());
        let counters = self.counters.entry(container.id().to_owned()).or_default();
        if counters.instance.is_empty() {
            counters.instance = format!("{}:{}", container.address().unwrap_or(&container.name), load.port);
            service.clone_into(&mut counters.service);
        }
        if counters.started_at != container.started_at && container.running {
            // A new process counts from nothing.
            let (instance, service) = (counters.instance.clone(), counters.service.clone());
            *counters = Counters {
                started_at: container.started_at,
                instance,
                service,
                up: counters.up,
                ..Counters::default()
            };
        }
        let labels =
            Labels::from([("job".to_owned(), service.to_owned()), ("instance".to_owned(), counters.instance.clone())]);
        let up = container.answers(at);
        store.add("up", &labels, [(at, f64::from(u8::from(up)))]);
        if !up {
            if counters.up {
                store.end(service, &counters.instance, at);
            }
            counters.up = false;
            return;
        }
        counters.up = true;
        counters.count(share * SCRAPE as f64 / 1000.0, condition);
        let with = |name: &str, value: &str| {
            let mut labels = labels.clone();
            labels.insert(name.to_owned(), value.to_owned());
            labels
        };
        let add = |metric: &str, labels: &Labels, value: f64| store.add(metric, labels, [(at, value)]);
        add("http_requests_total", &with("status", "200"), counters.answered.floor());
        add("http_requests_total", &with("status", "503"), counters.failed.floor());
        add("http_request_duration_seconds_sum", &labels, counters.seconds);
        add("http_request_duration_seconds_count", &labels, (counters.answered + counters.failed).floor());
        for ((_, bound), count) in BUCKETS.iter().zip(counters.buckets) {
            add("http_request_duration_seconds_bucket", &with("le", bound), count.floor());
        }
        let working = if condition.hangs { 64.0 } else { (share * condition.latency).ceil() };
        add("http_requests_in_flight", &labels, working);
        let limit = Some(container.limit("Memory")).filter(|limit| *limit > 0).map_or(f64::MAX, |limit| limit as f64);
        let needed = match load.sickness.map(|sick| sick.illness) {
            Some(Illness::ShortOfMemory(bytes)) => bytes as f64 * 0.9,
            Some(_) | None => load.memory,
        };
        add(
            "process_resident_memory_bytes",
            &labels,
            (needed * (0.95 + wobble(container.id(), at) * 0.05)).min(limit * 0.99).floor(),
        );
        add("process_cpu_seconds_total", &labels, counters.processor);
        add("process_start_time_seconds", &labels, container.started_at as f64 / 1000.0);
    }

    /// Puts lines where Loki and Docker find them.
    pub(super) fn write(&self, lines: &[Line], logs: &RwLock<LogStore>, written: &mut BTreeMap<String, Vec<Written>>) {
        if lines.is_empty() {
            return;
        }
        let mut logs = logs.write().unwrap_or_else(PoisonError::into_inner);
        for line in lines {
            let at = line.at.saturating_mul(1_000_000);
            let labels = [("service", &line.service), ("container", &line.container)];
            logs.push(labels.map(|(name, value)| (name.to_owned(), value.clone())).into(), at, line.text.clone());
            let one = Written { at, line: line.text.clone(), stderr: line.is_error };
            written.entry(line.container.clone()).or_default().push(one);
        }
    }
}

impl Counters {
    fn count(&mut self, requests: f64, condition: &Condition) {
        let failed = if condition.hangs { requests } else { requests * condition.error_ratio };
        self.failed += failed;
        self.answered += requests - failed;
        self.seconds += requests * condition.latency;
        self.processor += requests * 0.002 + 0.05;
        for (bucket, (bound, _)) in self.buckets.iter_mut().zip(BUCKETS) {
            // Exponential around the mean is close enough to how latencies are spread.
            *bucket += requests * (1.0 - (-bound / condition.latency).exp());
        }
    }
}

/// What is scraped: containers that run, and of those that ended the last ones, as many as are missed.
fn targets<'a>(containers: &[&'a Container], load: &Load, at: i64) -> Vec<&'a Container> {
    let alive = |container: &&&Container| {
        container.started_at > 0 && (container.running || container.finished_at.is_some_and(|end| at < end))
    };
    let mut targets: Vec<&Container> = containers.iter().filter(alive).copied().collect();
    let mut ended: Vec<&Container> =
        containers.iter().filter(|container| container.started_at > 0 && !alive(container)).copied().collect();
    ended.sort_by_key(|container| std::cmp::Reverse(container.finished_at));
    let missed = usize::try_from(load.wanted).unwrap_or(usize::MAX).saturating_sub(targets.len());
    // What was never more than wished for by the load is not missed either.
    let missed = match load.sickness.map(|sick| sick.illness) {
        Some(Illness::Overloaded(_)) => 0,
        Some(_) | None => missed,
    };
    targets.extend(ended.into_iter().take(missed));
    targets
}

fn condition(container: &Container, load: &Load, share: f64, without: bool, images: &Images, at: i64) -> Condition {
    let overload = (1.0 - load.capacity / share).max(0.0);
    let image = images.behaviour(container.image_id()).map_or(0.0, |image| image.error_ratio);
    let sick = load.sickness.filter(|sick| at >= sick.since).map(|sick| sick.illness);
    let limit = container.limit("Memory");
    let illness = match sick {
        Some(Illness::ShortOfMemory(needed)) if limit > 0 && limit < needed => 0.4,
        Some(Illness::Misconfigured) => 0.3,
        Some(
            Illness::Down | Illness::Hung | Illness::BadImage(_) | Illness::Overloaded(_) | Illness::ShortOfMemory(_),
        )
        | None => 0.0,
    };
    let hangs = container.hangs(at);
    let dependency = if without { FAILING_WITHOUT } else { 0.0 };
    let error_ratio = [FAILING, overload, image, illness, dependency].into_iter().fold(0.0, f64::max);
    let latency = if hangs { 10.0 } else { LATENCY * (1.0 + overload * 20.0 + wobble(container.id(), at) * 0.2) };
    Condition { error_ratio, latency, hangs }
}

/// One line a minute where nothing is wrong, and one a scrape where something is.
fn line(container: &Container, condition: &Condition, at: i64) -> Option<Line> {
    if !container.answers(at) {
        return None;
    }
    let is_error = condition.hangs || condition.error_ratio > 0.05;
    let text = if condition.hangs {
        r#"{"level":"error","msg":"worker does not answer","waited_s":10}"#.to_owned()
    } else if is_error {
        let share = condition.error_ratio * 100.0;
        format!(
            r#"{{"level":"error","msg":"requests failed","share_percent":{share:.1},"image":"{}"}}"#,
            container.image()
        )
    } else if at.rem_euclid(60_000) == 0 {
        let latency = condition.latency * 1000.0;
        format!(r#"{{"level":"info","msg":"serving","mean_latency_ms":{latency:.0}}}"#)
    } else {
        return None;
    };
    Some(Line { service: container.service().to_owned(), container: container.name.clone(), at, text, is_error })
}

/// A number from 0 to 1 that looks like chance and is always the same.
fn wobble(id: &str, at: i64) -> f64 {
    let seed = id.bytes().take(8).fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let step = u64::try_from(at / SCRAPE).unwrap_or_default();
    let mixed = (seed ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}
