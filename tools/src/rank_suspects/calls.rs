//! Who calls whom, where the catalogue does not say: read from the series of service graphs.

use std::collections::BTreeSet;

use analysis::suspects::{Edge, Labels, Series, edges_from};
use chrono::{DateTime, Utc};
use futures::future::join_all;

use crate::{Catalogue, Failure, reach::Prometheus};

/// What service graphs are kept in: made of traces by Tempo and the OpenTelemetry Collector, or counted by Istio and Linkerd.
const GRAPHS: [&str; 4] = [
    "count by (client, server) (traces_service_graph_request_total)",
    "count by (client, server) (traces_service_graph_request_server_seconds_count)",
    "count by (source_workload, destination_workload) (istio_requests_total)",
    "count by (deployment, dst_deployment) (response_total{direction=\"outbound\"})",
];

/// Calls between services of the catalogue.
///
/// # Errors
/// As Prometheus fails, when no question was answered.
pub(super) async fn calls(
    prometheus: &Prometheus,
    catalogue: &Catalogue,
    now: DateTime<Utc>,
) -> Result<BTreeSet<Edge>, Failure> {
    let mut labels: Vec<Labels> = Vec::new();
    let (mut answered, mut failed) = (false, None);
    for answer in join_all(GRAPHS.iter().map(|query| prometheus.query(query, now))).await {
        match answer {
            Ok(answer) => {
                answered = true;
                labels.extend(answer.series.into_iter().map(|series| series.labels));
            }
            Err(failure) => failed = Some(failure),
        }
    }
    if let (false, Some(failure)) = (answered, failed) {
        return Err(failure);
    }
    let none = Labels::new();
    let of = |service, labels| Series { name: "", service, labels, kind: None, samples: &[] };
    // The names of the catalogue, so that only calls between them are read.
    let names = catalogue.names();
    let known = names.iter().map(|name| of(name.as_str(), &none));
    let series: Vec<_> = known.chain(labels.iter().map(|labels| of("", labels))).collect();
    let mut edges = edges_from(&series);
    edges.retain(|edge| catalogue.get(&edge.caller).is_some() && catalogue.get(&edge.callee).is_some());
    Ok(edges)
}
