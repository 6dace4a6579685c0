mod calls;
mod quiet;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const STEP: f64 = 15.0;
/// The quiet time is an hour, the time asked about ten minutes.
const QUIET: usize = 240;
const ALL: usize = 280;

/// Numbers that look like chance and are always the same.
struct Noise(u64);

impl Noise {
    /// Nearly normal, of deviation 1.
    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A series that owns what it is made of.
struct Made {
    name: &'static str,
    service: String,
    labels: Labels,
    samples: Vec<(f64, f64)>,
}

impl Made {
    fn of(service: &str, name: &'static str, value: impl FnMut(usize) -> f64) -> Self {
        let times = (0..ALL).map(|step| step as f64 * STEP);
        Self {
            name,
            service: service.to_owned(),
            labels: Labels::new(),
            samples: times.zip((0..ALL).map(value)).collect(),
        }
    }

    fn noisy(service: &str, name: &'static str, seed: u64, late: impl Fn(usize) -> f64) -> Self {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self::of(service, name, move |step| 100.0 + noise.next() + late(step))
    }

    fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }
}

fn windows() -> Windows {
    Windows::new(0.0..QUIET as f64 * STEP, QUIET as f64 * STEP..ALL as f64 * STEP).unwrap()
}

fn ranked_along(made: &[Made], edges: &[(&str, &str)], alerting: Option<&str>) -> Ranking {
    let series: Vec<_> = made
        .iter()
        .map(|made| Series {
            name: made.name,
            service: &made.service,
            labels: &made.labels,
            kind: None,
            samples: &made.samples,
        })
        .collect();
    let edges: BTreeSet<_> = edges.iter().map(|(caller, callee)| Edge::new(*caller, *callee)).collect();
    rank(&series, &Question { windows: windows(), edges: &edges, alerting, symptom: None })
}

fn ranked(made: &[Made]) -> Ranking {
    ranked_along(made, &[], None)
}

fn only(made: Made) -> Option<MetricSuspect> {
    ranked(&[made]).metrics.into_iter().next()
}

fn after(start: usize, value: f64) -> impl Fn(usize) -> f64 {
    move |step| if step >= start { value } else { 0.0 }
}

#[test]
fn a_metric_that_left_its_past_is_told_with_its_figures() {
    let found = only(Made::noisy("api", "request_duration_ms", 1, after(250, 60.0))).unwrap();
    assert_eq!((found.signal, found.direction), (Signal::Latency, Direction::Up));
    assert_eq!(found.since, 250.0 * STEP);
    assert!((found.baseline - 100.0).abs() < 0.5 && (found.present.unwrap() - 160.0).abs() < 4.0, "{found:?}");
    assert!(found.score > 40.0 && found.score < 80.0 && found.peak > 158.0, "{found:?}");
    let fell = only(Made::noisy("api", "throughput", 1, after(250, -60.0))).unwrap();
    assert_eq!((fell.direction, fell.signal), (Direction::Down, Signal::Traffic));
}

#[test]
fn nothing_stands_out_of_thousands_that_only_are_noisy() {
    let kinds = |seed: u64| {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut sum = 0.0;
        match seed % 5 {
            0 => Made::noisy("a", "temperature", seed, |_| 0.0),
            // Walks on, step by step.
            1 => Made::of("b", "heap_bytes", move |_| {
                sum += noise.next();
                1e6 + sum
            }),
            // Bursts of many values far from the middle.
            2 => Made::of("c", "queue_depth", move |_| noise.next().exp() * 10.0),
            // Whole numbers, mostly zero.
            3 => Made::of("d", "pending_jobs", move |_| (noise.next() - 1.0).max(0.0).floor()),
            // A counter.
            _ => Made::of("e", "requests_total", move |_| {
                sum += (5.0 + noise.next()).max(0.0).floor();
                sum
            }),
        }
    };
    let made: Vec<_> = (0..3_000).map(kinds).collect();
    let ranking = ranked(&made);
    let told = |found: &MetricSuspect| format!("{} {:.1} {:.2}", found.metric, found.score, found.effect);
    assert!(ranking.metrics.len() <= 3, "{:?}", ranking.metrics.iter().map(told).collect::<Vec<_>>());
    assert_eq!(ranking.looked_at, 3_000);
}

#[test]
fn more_series_ask_for_more() {
    let few = ranked(&[Made::noisy("a", "x", 1, |_| 0.0)]).threshold;
    let many = ranked(&(0..2_000).map(|seed| Made::noisy("a", "x", seed, |_| 0.0)).collect::<Vec<_>>()).threshold;
    assert!(many > few, "{few} {many}");
}

#[test]
fn flat_tiny_sparse_and_odd_series_do_not_blow_up() {
    assert_eq!(only(Made::of("a", "flat", |_| 5.0)), None);
    // A rounding error on a flat line is no departure.
    assert_eq!(only(Made::of("a", "flat", |step| if step > 250 { 5.000_000_001 } else { 5.0 })), None);
    assert_eq!(only(Made::of("a", "gone", |_| f64::NAN)), None);
    let few = |many: usize| {
        let mut made = Made::noisy("a", "few", 3, |_| 0.0);
        made.samples.truncate(many);
        ranked(&[made])
    };
    for many in 0..4 {
        assert!(few(many).metrics.is_empty(), "{many}");
    }
    let mut late = Made::noisy("a", "late", 3, |_| 0.0);
    late.samples.drain(..ALL - 1);
    assert!(ranked(&[late]).metrics.is_empty(), "one point is nothing to compare");
    // Half of the past has one value: the median deviation is zero.
    let mut noise = Noise(7);
    let half = only(Made::of("a", "half", move |step| if step % 2 == 0 { 5.0 } else { 5.0 + noise.next().abs() }));
    assert_eq!(half, None);
    // Whole numbers that move by one.
    assert_eq!(only(Made::of("a", "workers", |step| if step == 30 || step > 270 { 4.0 } else { 3.0 })), None);
}

#[test]
fn a_drift_that_went_on_before_goes_on() {
    assert_eq!(only(Made::noisy("a", "disk_used", 3, |step| step as f64 * 0.5)), None);
}

#[test]
fn a_target_that_is_down_and_errors_from_nothing_stand_out() {
    let up = only(Made::of("a", "up", |step| f64::from(u8::from(step < 260)))).unwrap();
    assert_eq!((up.direction, up.signal, up.present), (Direction::Down, Signal::Errors, Some(0.0)));
    let mut sum = 0.0;
    let errors = only(Made::of("a", "errors_total", move |step| {
        sum += if step > 255 { 3.0 } else { 0.0 };
        sum
    }))
    .unwrap();
    assert_eq!((errors.direction, errors.since), (Direction::Up, 256.0 * STEP));
    assert!((errors.present.unwrap() - 0.2).abs() < 1e-9, "{errors:?}");
}

#[test]
fn what_vanished_and_what_appeared_are_told() {
    let mut gone = Made::noisy("a", "heap", 1, |_| 0.0);
    gone.samples.truncate(255);
    let ranking = ranked(&[gone, Made::noisy("a", "other", 2, |_| 0.0)]);
    assert_eq!((ranking.metrics[0].direction, ranking.metrics[0].since), (Direction::Vanished, 254.0 * STEP));
    let mut new = Made::noisy("a", "failures", 1, |_| 0.0);
    new.samples.drain(..255);
    let ranking = ranked(&[new, Made::noisy("a", "other", 2, |_| 0.0)]);
    assert_eq!((ranking.metrics[0].direction, ranking.metrics[0].since), (Direction::Appeared, 255.0 * STEP));
}

#[test]
fn a_counter_that_starts_anew_is_no_departure() {
    let mut noise = Noise(9);
    let mut sum = 0.0;
    let restarted = only(Made::of("a", "requests_total", move |step| {
        sum = if step == 260 { 0.0 } else { sum + 10.0 + noise.next() };
        sum
    }));
    assert_eq!(restarted, None);
}

#[test]
fn the_ill_callee_comes_before_those_that_it_makes_ill() {
    let made = [
        Made::noisy("web", "request_latency_ms", 1, after(250, 90.0)),
        Made::noisy("api", "request_latency_ms", 2, after(250, 70.0)),
        Made::noisy("db", "query_latency_ms", 3, after(250, 60.0)),
        Made::noisy("ads", "request_latency_ms", 4, |_| 0.0),
    ];
    let edges = [("web", "api"), ("api", "db"), ("web", "ads")];
    let ranking = ranked_along(&made, &edges, Some("web"));
    let names: Vec<_> = ranking.services.iter().map(|service| service.service.as_str()).collect();
    assert_eq!(names.first(), Some(&"db"), "{names:?}");
    assert_eq!(ranking.services[0].explains, ["api", "web"]);
    assert!(ranking.with_graph && !ranked(&made).with_graph);
    assert_eq!(ranked(&made).services[0].service, "web", "without calls the one farthest from its past");
}

#[test]
fn a_callee_that_is_only_asked_less_does_not_explain_who_asks() {
    let made = [
        Made::noisy("api", "errors", 1, after(250, 90.0)),
        Made::noisy("db", "queries_rate", 2, after(250, -95.0)),
        Made::noisy("db", "cpu_usage", 3, after(250, -60.0)),
    ];
    let ranking = ranked_along(&made, &[("api", "db")], Some("api"));
    assert_eq!(ranking.services[0].service, "api", "{:?}", ranking.services);
}

#[test]
fn who_is_explained_by_a_callee_is_far_less_suspicious() {
    let made = [
        Made::noisy("api", "request_latency_ms", 1, after(250, 60.0)),
        Made::noisy("db", "query_latency_ms", 2, after(250, 60.0)),
        Made::noisy("web", "request_latency_ms", 3, after(250, 60.0)),
    ];
    let services = ranked_along(&made, &[("web", "api"), ("api", "db")], Some("web")).services;
    let of = |name: &str| services.iter().find(|service| service.service == name).unwrap();
    assert_eq!(of("api").explained_by.as_deref(), Some("db"));
    assert!(of("api").score < of("db").score * 0.5, "{services:?}");
}

#[test]
fn a_common_cause_comes_before_a_leaf_that_is_farther_out() {
    let mut made = vec![
        Made::noisy("web", "request_latency_ms", 1, after(250, 60.0)),
        Made::noisy("api", "request_latency_ms", 2, after(250, 60.0)),
        Made::noisy("jobs", "request_latency_ms", 3, after(250, 60.0)),
    ];
    for (name, seed) in [("latency_p50", 4), ("latency_p90", 5), ("latency_p99", 6)] {
        made.push(Made::noisy("store", name, seed, after(250, 70.0)));
        made.push(Made::noisy("alias", name, seed + 10, after(250, 2_000.0)));
    }
    let edges = [("web", "alias"), ("web", "api"), ("web", "jobs"), ("api", "store"), ("jobs", "store")];
    let ranking = ranked_along(&made, &edges, Some("web"));
    assert_eq!(ranking.services[0].service, "store", "{:?}", ranking.services);
}

#[test]
fn of_two_callees_the_one_that_is_more_ill_comes_first() {
    let made = [
        Made::noisy("web", "request_latency_ms", 1, after(250, 60.0)),
        Made::noisy("ads", "request_latency_ms", 2, after(250, 15.0)),
        Made::noisy("db", "request_latency_ms", 3, after(250, 60.0)),
    ];
    let ranking = ranked_along(&made, &[("web", "ads"), ("web", "db")], Some("web"));
    assert_eq!(ranking.services[0].service, "db", "{:?}", ranking.services);
}

#[test]
fn what_was_away_before_the_symptom_came_is_less_suspicious() {
    let made = [
        Made::noisy("web", "request_latency_ms", 1, after(262, 60.0)),
        Made::noisy("ads", "request_latency_ms", 2, after(QUIET - 2, 60.0)),
        Made::noisy("db", "request_latency_ms", 3, after(260, 50.0)),
    ];
    let ranking = ranked_along(&made, &[("web", "ads"), ("web", "db")], Some("web"));
    assert_eq!(ranking.services[0].service, "db", "{:?}", ranking.services);
    assert!(ranking.metrics.iter().find(|metric| metric.service == "ads").unwrap().before);
}

#[test]
fn a_past_that_hardly_moved_does_not_make_a_change_endless() {
    let mut noise = Noise(11);
    let still = Made::of("a", "temperature", move |step| 100.0 + noise.next() * 1e-6 + after(250, 10.0)(step));
    let found = only(still).unwrap();
    assert!(found.score > 20.0 && found.score < 60.0, "{found:?}");
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    let told = |baseline, present| Windows::new(baseline, present).unwrap_err().to_string();
    assert!(told(5.0..5.0, 6.0..7.0).contains("a window is empty"));
    assert!(told(0.0..f64::NAN, 6.0..7.0).contains("a window is empty"));
    assert!(told(0.0..8.0, 6.0..7.0).contains("overlap") || told(0.0..8.0, 6.0..7.0).contains("it has to end before"));
}

/// Some series of several kinds, of which some leave their past.
fn many(seed: u64, shift: f64) -> Vec<Made> {
    (0_u32..12)
        .map(|index| {
            let late = if index % 4 == 0 { shift * (1.0 + f64::from(index)) } else { 0.0 };
            let service = format!("s{}", index % 3);
            Made::noisy(&service, "latency_ms", seed + u64::from(index), after(250, late))
                .label("instance", &index.to_string())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_scale_changes_nothing(seed in 1_u64..1_000, power in -6_i32..7) {
        let made = many(seed, 20.0);
        let mut scaled = many(seed, 20.0);
        for sample in scaled.iter_mut().flat_map(|made| &mut made.samples) {
            sample.1 *= 10_f64.powi(power);
        }
        let (one, two) = (ranked(&made), ranked(&scaled));
        prop_assert_eq!(one.metrics.len(), two.metrics.len());
        for (one, two) in one.metrics.iter().zip(&two.metrics) {
            prop_assert_eq!(one.series, two.series);
            prop_assert!((one.score / two.score - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_stands_out_still_does_on_another_level(seed in 1_u64..1_000, level in 0.0_f64..500.0) {
        let (made, mut shifted) = (many(seed, 60.0), many(seed, 60.0));
        for sample in shifted.iter_mut().flat_map(|made| &mut made.samples) {
            sample.1 += level;
        }
        let found = |ranking: Ranking| ranking.metrics.iter().map(|metric| metric.series).collect::<BTreeSet<_>>();
        prop_assert_eq!(found(ranked(&made)), found(ranked(&shifted)));
    }

    #[test]
    fn flat_series_change_no_order(seed in 1_u64..1_000, flat in 1_usize..40) {
        let made = many(seed, 20.0);
        let mut more = many(seed, 20.0);
        more.extend((0..flat).map(|_| Made::of("flat", "constant", |_| 3.0)));
        let told = |ranking: &Ranking| ranking.metrics.iter().map(|metric| (metric.series, metric.score)).collect::<Vec<_>>();
        let (one, two) = (ranked(&made), ranked(&more));
        prop_assert_eq!(told(&one), told(&two));
        prop_assert_eq!(one.threshold, two.threshold);
    }

    #[test]
    fn the_order_of_series_does_not_matter(seed in 1_u64..1_000, turn in 1_usize..11) {
        let made = many(seed, 20.0);
        let mut turned = many(seed, 20.0);
        turned.rotate_left(turn);
        let told = |ranking: &Ranking, made: &[Made]| {
            ranking.metrics.iter().map(|metric| made[metric.series].labels.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(&ranked(&made), &made), told(&ranked(&turned), &turned));
        prop_assert_eq!(ranked(&made).services, ranked(&turned).services);
    }

    #[test]
    fn no_score_is_ever_no_number(values in prop::collection::vec(prop::num::f64::ANY, 0..60), steps in prop::collection::vec(-5.0_f64..120.0, 0..60)) {
        let mut at = 0.0;
        let mut times = steps.iter().map(|step| { at += step.max(0.0); at });
        let samples: Vec<_> = values.iter().map_while(|value| times.next().map(|at| (at, *value))).collect();
        for name in ["x_total", "x_sum", "x_count", "up", "x_bucket"] {
            let labels = Labels::from([("le".to_owned(), "+Inf".to_owned())]);
            let made = [
                Made { name, service: "a".into(), labels, samples: samples.clone() },
                Made { name, service: "a".into(), labels: Labels::from([("le".to_owned(), "1".to_owned())]), samples: samples.clone() },
            ];
            let windows = Windows::new(0.0..900.0, 900.0..1_800.0).unwrap();
            let series: Vec<_> = made.iter().map(|made| Series { name, service: "a", labels: &made.labels, kind: None, samples: &made.samples }).collect();
            let ranking = rank(&series, &Question { windows, edges: &BTreeSet::new(), alerting: None, symptom: None });
            let fine = |value: f64| value.is_finite();
            prop_assert!(ranking.metrics.iter().all(|metric| fine(metric.score) && fine(metric.rank) && fine(metric.effect) && fine(metric.since)));
            prop_assert!(ranking.services.iter().all(|service| fine(service.score) && fine(service.own)));
        }
    }
}
