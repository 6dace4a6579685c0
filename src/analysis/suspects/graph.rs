//! Who calls whom, and who of those that are ill makes the others so.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::series::{Labels, Series};

/// A service asks another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Edge {
    /// Who asks.
    pub caller: String,
    /// Who is asked.
    pub callee: String,
}

impl Edge {
    /// An edge.
    pub fn new(caller: impl Into<String>, callee: impl Into<String>) -> Self {
        Self { caller: caller.into(), callee: callee.into() }
    }
}

/// Pairs of labels of which the first names the caller and the second the callee: Tempo's and OpenTelemetry's service graphs,
/// Istio, Linkerd, Cilium, and what is written by hand.
const PAIRS: [(&str, &str); 12] = [
    ("client", "server"),
    ("caller", "callee"),
    ("source_workload", "destination_workload"),
    ("source_app", "destination_app"),
    ("source_canonical_service", "destination_canonical_service"),
    ("source_service", "destination_service"),
    ("source_service_name", "destination_service_name"),
    ("source", "destination"),
    ("deployment", "dst_deployment"),
    ("from", "to"),
    ("parent", "child"),
    ("client_service", "server_service"),
];
/// Labels with which a service names whom it asks.
const ASKED: [&str; 8] = [
    "upstream",
    "upstream_service",
    "peer_service",
    "remote_service",
    "target_service",
    "dependency",
    "backend",
    "upstream_cluster",
];
/// What a service graph writes where it does not know.
const UNKNOWN: [&str; 4] = ["", "unknown", "user", "-"];

/// Reads who calls whom from labels, where both are services that have series of their own or both stand in one series.
pub fn edges_from(series: &[Series<'_>]) -> BTreeSet<Edge> {
    let services: BTreeSet<&str> = series.iter().map(|series| series.service).collect();
    let mut edges = BTreeSet::new();
    for one in series {
        let label = |name: &str| one.labels.get(name).map(String::as_str).filter(|value| !UNKNOWN.contains(value));
        for (caller, callee) in PAIRS {
            if let (Some(caller), Some(callee)) = (label(caller), label(callee))
                && caller != callee
                && (services.contains(caller) || services.contains(callee))
            {
                edges.insert(Edge::new(caller, callee));
            }
        }
        let asked = ASKED.iter().filter_map(|name| label(name)).filter(|callee| services.contains(callee));
        edges.extend(asked.filter(|callee| *callee != one.service).map(|callee| Edge::new(one.service, callee)));
    }
    edges
}

/// Whom a series' labels name as asked.
pub(super) fn asked(labels: &Labels) -> Option<&str> {
    ASKED.iter().find_map(|name| labels.get(*name)).map(String::as_str)
}

/// A service's place among those that are ill.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Whether it is on the path from the service that alerts, through those that are ill; without one, whether it is ill.
    pub(super) on_path: bool,
    /// How much of its illness the illness of those it asks explains, between 0 and 1.
    pub(super) explained: f64,
    /// The strongest of those that explain it.
    pub(super) by: Option<String>,
    /// The ill services that it explains, directly and through others.
    pub(super) explains: Vec<String>,
}

/// The graph, by callers.
pub(super) struct Graph<'a> {
    callees: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(edges: &'a BTreeSet<Edge>) -> Self {
        let mut callees: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for edge in edges.iter().filter(|edge| edge.caller != edge.callee) {
            callees.entry(&edge.caller).or_default().insert(&edge.callee);
        }
        Self { callees }
    }

    /// Whether it knows of any call.
    pub(super) fn is_empty(&self) -> bool {
        self.callees.is_empty()
    }

    /// The services next to `from`, where those that nothing is known of do not count: what is behind them is next.
    pub(super) fn next(&self, from: &str, seen: impl Fn(&str) -> bool) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut through: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = self.callees.get(from).into_iter().flatten().copied().collect();
        while let Some(callee) = open.pop() {
            if callee == from {
                continue;
            }
            if seen(callee) {
                found.insert(callee);
            } else if through.insert(callee) {
                open.extend(self.callees.get(callee).into_iter().flatten().copied());
            }
        }
        found
    }

    /// The place of each ill service. `ill` holds each service of which series are known, and how ill it is (0: well).
    pub(super) fn places(&self, ill: &BTreeMap<&'a str, f64>, alerting: Option<&str>) -> BTreeMap<&'a str, Place> {
        let seen = |service: &str| ill.contains_key(service);
        let strength = |service: &str| ill.get(service).copied().unwrap_or(0.0);
        let below = |service: &str| {
            let mut next = self.next(service, seen);
            next.retain(|callee| strength(callee) > 0.0);
            next
        };
        // Those that are ill enough beside who asks them to make that one ill.
        let enough = |service: &str| {
            let mut next = below(service);
            next.retain(|callee| strength(callee) >= ENOUGH * strength(service));
            next
        };
        let path = alerting.map(|alerting| (alerting, reach(alerting, below)));
        let all: Vec<&'a str> = ill.iter().filter(|(_, ill)| **ill > 0.0).map(|(service, _)| *service).collect();
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            all.iter().map(|service| (*service, reach(service, enough))).collect();
        let place = |service: &'a str| {
            let own = strength(service);
            // In a ring each would explain the other; only who is outside of it does.
            let ring = |other: &str| reached.get(other).is_some_and(|reached| reached.contains(service));
            let by = enough(service).into_iter().filter(|callee| !ring(callee));
            let by = by.max_by(|one, two| strength(one).total_cmp(&strength(two)).then(two.cmp(one)));
            let explains = all
                .iter()
                .filter(|other| **other != service && !reached.get(service).is_some_and(|own| own.contains(*other)));
            let explains =
                explains.filter(|other| reached.get(*other).is_some_and(|reached| reached.contains(service)));
            Place {
                on_path: path
                    .as_ref()
                    .is_none_or(|(alerting, reached)| *alerting == service || reached.contains(service)),
                explained: by.map_or(0.0, |by| (strength(by) / own.max(f64::MIN_POSITIVE)).min(1.0)),
                by: by.map(str::to_owned),
                explains: explains.map(|other| (*other).to_owned()).collect(),
            }
        };
        all.iter().map(|service| (*service, place(service))).collect()
    }
}

/// A callee has to be this ill, beside its caller, to explain anything of it.
const ENOUGH: f64 = 0.3;

/// Everything that is reached from `start` by steps.
fn reach<'a>(start: &str, next: impl Fn(&str) -> BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = next(start).into_iter().collect();
    while let Some(service) = open.pop() {
        if reached.insert(service) {
            open.extend(next(service));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_labels() {
        let labels = [
            Labels::from([("client".to_owned(), "web".to_owned()), ("server".to_owned(), "cart".to_owned())]),
            Labels::from([("upstream".to_owned(), "cart".to_owned()), ("from".to_owned(), "mars".to_owned())]),
            Labels::from([
                ("source_workload".to_owned(), "unknown".to_owned()),
                ("destination_workload".to_owned(), "cart".to_owned()),
            ]),
            Labels::new(),
        ];
        let of = |service, labels| Series { name: "calls_total", service, labels, kind: None, samples: &[] };
        let series =
            [of("tempo", &labels[0]), of("gateway", &labels[1]), of("web", &labels[2]), of("cart", &labels[3])];
        assert_eq!(edges_from(&series), BTreeSet::from([Edge::new("gateway", "cart"), Edge::new("web", "cart")]));
    }

    #[test]
    fn the_ill_one_at_the_end_of_the_calls_explains_the_others() {
        let edges = BTreeSet::from([
            Edge::new("web", "api"),
            Edge::new("api", "proxy"),
            Edge::new("proxy", "db"),
            Edge::new("web", "ads"),
            Edge::new("other", "db"),
        ]);
        let graph = Graph::new(&edges);
        let ill = BTreeMap::from([("web", 2.0), ("api", 3.0), ("db", 4.0), ("ads", 0.0), ("other", 1.0)]);
        let places = graph.places(&ill, Some("web"));
        let explained = |service: &str| places[service].by.clone();
        assert_eq!(
            (explained("web").as_deref(), explained("api").as_deref(), explained("db")),
            (Some("api"), Some("db"), None)
        );
        assert_eq!(places["db"].explains, ["api", "other", "web"]);
        assert!(places["db"].on_path && !places["other"].on_path && !places.contains_key("ads"));
    }

    #[test]
    fn a_ring_explains_nothing_within_itself() {
        let edges = BTreeSet::from([Edge::new("a", "b"), Edge::new("b", "a")]);
        let places = Graph::new(&edges).places(&BTreeMap::from([("a", 1.0), ("b", 2.0)]), Some("a"));
        assert!(places["a"].by.is_none() && places["b"].by.is_none() && places["b"].on_path);
    }
}
