//! Services that show nothing by themselves while those that call them see them fail or wait: what lies between is slow or cut,
//! or they are gone without a trace.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    graph::{self, Graph},
    rank::{MetricSuspect, ServiceSuspect},
    series::Series,
    signal,
};

/// How suspicious the silent one is beside who sees it: what shows comes before what does not.
const UNSEEN: f64 = 0.9;
/// So many are named at most: of more of them nothing is known.
const NAMED: usize = 3;

/// Who is seen to fail by those that call it, and shows nothing. A caller whom an ill callee explains says nothing of others.
pub(super) fn silent(
    series: &[Series<'_>],
    metrics: &[MetricSuspect],
    services: &[ServiceSuspect],
    graph: &Graph<'_>,
) -> Vec<ServiceSuspect> {
    let known: BTreeSet<&str> = series.iter().map(|one| one.service).collect();
    // All that see those that they call, with whom they call.
    let seeing = series.iter().filter(|one| signal::of_others(one.name)).map(|one| one.service);
    let seeing: BTreeMap<&str, BTreeSet<&str>> =
        seeing.map(|caller| (caller, graph.next(caller, |service| known.contains(service)))).collect();
    let mut found = BTreeMap::new();
    let mut heard = BTreeSet::new();
    for metric in metrics.iter().filter(|metric| signal::of_others(&metric.metric) && metric.weight >= signal::ILL) {
        let named = series.get(metric.series).and_then(|one| graph::asked(one.labels));
        let caller = services.iter().find(|service| service.service == metric.service);
        if let (Some(caller), Some(asked)) =
            (caller.filter(|caller| caller.explained_by.is_none()), seeing.get(&*metric.service))
            && heard.insert((&metric.service, named))
        {
            let asked = asked.iter().filter(|callee| named.is_none_or(|named| named == **callee));
            let unseen = asked.filter(|callee| services.iter().all(|service| service.service != **callee));
            unseen.for_each(|callee| blame(callee, caller, &mut found));
        }
    }
    let mut found: Vec<ServiceSuspect> = found.into_values().collect();
    for suspect in &mut found {
        // Those that would see it too, and do not, speak against it.
        let callers = seeing.values().filter(|asked| asked.contains(&*suspect.service)).count();
        #[expect(clippy::cast_precision_loss, reason = "callers are few")]
        let callers = callers.max(1) as f64;
        suspect.score /= callers;
    }
    found.sort_by(|one, two| two.score.total_cmp(&one.score));
    // Of those that are equally suspicious either all are named or none.
    if let Some(next) = found.get(NAMED).map(|suspect| suspect.score) {
        found.retain(|suspect| suspect.score > next);
    }
    found
}

/// What one caller says of a service that it calls.
fn blame<'a>(service: &'a str, caller: &ServiceSuspect, found: &mut BTreeMap<&'a str, ServiceSuspect>) {
    let suspect = found.entry(service).or_insert_with(|| ServiceSuspect {
        service: service.to_owned(),
        score: 0.0,
        own: 0.0,
        since: caller.since,
        metrics: 0,
        on_path: caller.on_path,
        explained_by: None,
        explains: Vec::new(),
    });
    if let Err(place) = suspect.explains.binary_search(&caller.service) {
        suspect.explains.insert(place, caller.service.clone());
        suspect.score += UNSEEN * caller.score;
        suspect.since = suspect.since.min(caller.since);
    }
}
