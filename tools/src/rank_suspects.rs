//! `rank_suspects`: which metrics and services left their own past, and which of them makes the others ill.

mod answer;
mod calls;
mod connections;
mod neighbours;
mod read;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use analysis::suspects::{self, Edge, Kind, Question, Series, Signal, Windows, edges_from};
use chrono::{DateTime, Utc};
use futures::{StreamExt, future::join, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Catalogue, Failure, Seen, Service, SharedCatalogue, SharedClock, Tool,
    query_prometheus::configured,
    reach::{Docker, Plain, Prometheus},
    service,
};
use answer::Suspects;
use read::{Read, Span, Times};

/// How far back the time asked about begins, in minutes.
const MINUTES: u32 = 15;
const MINUTES_MOST: u32 = 24 * 60;
/// Services read at a time.
const TOGETHER: usize = 6;
/// Series looked at in all.
const SERIES: usize = 6_000;

/// Ranks what left its own past: compares every metric of a service, of what it needs and of what needs it, with the quiet hour
/// before, and names the service that explains the others. Says so when nothing stands out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}, {"service": "payments", "since_minutes_ago": 40}]))]
pub struct RankSuspectsArgs {
    /// The service that is ill, or alerts.
    pub service: String,
    /// How many minutes are compared with the hour before them; 15 if not given, 1440 at most.
    pub minutes_back: Option<u32>,
    /// When it began, if that is known, in minutes ago; in place of `minutes_back`.
    pub since_minutes_ago: Option<u32>,
    /// What it alerts about, if that is known.
    pub symptom: Option<SuspectsSymptom>,
}

/// What a service can alert about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuspectsSymptom {
    /// It fails, or is down.
    Errors,
    /// It is slow.
    Latency,
}

impl From<SuspectsSymptom> for Signal {
    fn from(symptom: SuspectsSymptom) -> Self {
        match symptom {
            SuspectsSymptom::Errors => Self::Errors,
            SuspectsSymptom::Latency => Self::Latency,
        }
    }
}

/// Where it is seen which containers are connected.
struct Containers {
    docker: Arc<Docker>,
    proc: PathBuf,
}

/// Ranks suspects.
pub struct RankSuspects {
    prometheus: Option<Arc<Prometheus>>,
    containers: Option<Containers>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

impl RankSuspects {
    /// A tool over this Prometheus; without one every call says so.
    pub fn new(prometheus: Option<Arc<Prometheus>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { prometheus, containers: None, catalogue, clock }
    }

    /// Reads who calls whom from the connections of containers too: below `proc`, where the engine's machine has its `/proc`.
    #[must_use]
    pub fn by_connections(self, docker: Arc<Docker>, proc: PathBuf) -> Self {
        Self { containers: Some(Containers { docker, proc }), ..self }
    }

    /// Who calls whom, where the catalogue does not say; what could not be read is said.
    async fn calls(
        &self,
        prometheus: &Prometheus,
        catalogue: &Catalogue,
        times: Times,
    ) -> (BTreeSet<Edge>, Vec<String>) {
        let by_connections = async {
            match &self.containers {
                Some(Containers { docker, proc }) => connections::connections(docker, proc, catalogue).await,
                None => Ok(BTreeSet::new()),
            }
        };
        let (by_series, by_connections) = join(calls::calls(prometheus, catalogue, times.now), by_connections).await;
        let (mut calls, mut not_seen) = (BTreeSet::new(), Vec::new());
        for found in [by_series, by_connections] {
            match found {
                Ok(found) => calls.extend(found),
                Err(failure) => not_seen.push(format!("who calls whom: {failure}")),
            }
        }
        (calls, not_seen)
    }
}

impl Tool for RankSuspects {
    const NAME: &'static str = "rank_suspects";
    type Args = RankSuspectsArgs;
    type Output = Suspects;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Suspects>, Failure> {
        let times = times(args, self.clock.now())?;
        let asked = service::known(&self.catalogue, &args.service)?;
        let prometheus = configured(&self.prometheus)?;
        if asked.prometheus.is_none() {
            let name = &asked.name;
            return Err(Failure::Tell(format!(
                "{name} has no selector for Prometheus: set `prometheus` in [services.{name}], such as '{{job=\"{name}\"}}'"
            )));
        }
        let catalogue = self.catalogue.load();
        let alone = asked.depends_on.is_empty() && catalogue.dependants(&asked.name).is_empty();
        let (calls, mut not_seen) =
            if alone { self.calls(prometheus, &catalogue, times).await } else { Default::default() };
        let around = neighbours::around(&catalogue, &asked, calls);
        if around.left_out > 0 {
            not_seen.push(format!("{} services farther away", around.left_out));
        }
        let (read, kinds) = join(read_all(prometheus, &around.services, times), kinds(prometheus)).await;
        let (read, left_out) = read?;
        not_seen.extend(left_out);
        let ask = Ask { service: &asked.name, symptom: args.symptom.map(Signal::from), times };
        let output = ranked(ask, &read, &kinds, around.edges, not_seen)?;
        let raw = service::raw(&output);
        Ok(Seen { output, raw })
    }
}

/// The times that are compared, or what is wrong with the question.
fn times(args: &RankSuspectsArgs, now: DateTime<Utc>) -> Result<Times, Failure> {
    let tell = |what: &str| Err(Failure::Tell(what.to_owned()));
    match (args.minutes_back, args.since_minutes_ago) {
        (Some(_), Some(_)) => return tell("give `minutes_back` or `since_minutes_ago`, not both"),
        (Some(0), None) => return tell("`minutes_back` is 0; right would be at least 1, such as 15"),
        (Some(minutes), None) | (None, Some(minutes)) if minutes > MINUTES_MOST => {
            return tell(&format!("{minutes} minutes are too many; at most {MINUTES_MOST}"));
        }
        (Some(_), None) | (None, _) => {}
    }
    Ok(Times::of(now, args.minutes_back.unwrap_or(MINUTES), args.since_minutes_ago))
}

/// The types of metrics. Without them they are read from names and samples.
async fn kinds(prometheus: &Prometheus) -> BTreeMap<String, Kind> {
    let kind = |(name, (kind, _)): (String, (String, String))| {
        let kind = match kind.as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            "summary" => Kind::Summary,
            _ => return None,
        };
        Some((name, kind))
    };
    prometheus.metadata().await.unwrap_or_default().into_iter().filter_map(kind).collect()
}

/// The series of a service.
type OfService = (String, Vec<Plain>);

/// Reads all services side by side; also what was left out.
///
/// # Errors
/// As Prometheus fails for the service asked about, which comes first: without that there is nothing to tell.
async fn read_all(
    prometheus: &Prometheus,
    services: &[Service],
    times: Times,
) -> Result<(Vec<OfService>, Vec<String>), Failure> {
    let span = Span { start: times.quiet, end: times.now };
    let one = |service: Service| async move {
        let read = read::read(prometheus, &service, span).await;
        (service.name, read)
    };
    let answers: Vec<(String, Result<Read, Failure>)> =
        stream::iter(services.iter().cloned()).map(one).buffered(TOGETHER).collect().await;
    let (mut all, mut not_seen, mut count) = (Vec::new(), Vec::new(), 0);
    for (place, (name, answer)) in answers.into_iter().enumerate() {
        match answer {
            Ok(read) => {
                if let Some((metrics, series)) = read.left_out {
                    not_seen.push(format!("{metrics} metrics of {name} with {series} series"));
                }
                if read.series.is_empty() {
                    not_seen.push(format!("{name}: no series in this time"));
                }
                if count + read.series.len() > SERIES && place > 0 {
                    not_seen.push(format!("{name}: {} series, over {SERIES} in all", read.series.len()));
                    continue;
                }
                count += read.series.len();
                all.push((name, read.series));
            }
            Err(failure) if place == 0 => return Err(failure),
            Err(failure) => not_seen.push(format!("{name}: {failure}")),
        }
    }
    Ok((all, not_seen))
}

/// What is asked of the series.
struct Ask<'a> {
    service: &'a str,
    symptom: Option<Signal>,
    times: Times,
}

fn ranked(
    ask: Ask<'_>,
    read: &[OfService],
    kinds: &BTreeMap<String, Kind>,
    mut edges: BTreeSet<Edge>,
    not_seen: Vec<String>,
) -> Result<Suspects, Failure> {
    let Ask { service, symptom, times } = ask;
    let each = read.iter().flat_map(|(service, all)| all.iter().map(move |plain| (service, plain)));
    let series: Vec<Series<'_>> = each.map(|(service, plain)| series(service, plain, kinds)).collect();
    let looked = |name: &str| read.iter().any(|(service, _)| service == name);
    edges.extend(edges_from(&series).into_iter().filter(|edge| looked(&edge.caller) && looked(&edge.callee)));
    let windows = Windows::new(seconds(times.quiet)..seconds(times.begins), seconds(times.begins)..seconds(times.now))
        .map_err(|error| Failure::Tell(error.to_string()))?;
    let question = Question { windows, edges: &edges, alerting: Some(service), symptom };
    Ok(Suspects::of(&suspects::rank(&series, &question), &series, times, read.len(), not_seen))
}

fn seconds(at: DateTime<Utc>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a date fit")]
    let milliseconds = at.timestamp_millis() as f64;
    milliseconds / 1_000.0
}

fn series<'a>(service: &'a str, plain: &'a Plain, kinds: &BTreeMap<String, Kind>) -> Series<'a> {
    let name = plain.labels.get("__name__").map_or("", String::as_str);
    // The parts of a histogram stand under its name without their ending, and so do counters where they are OpenMetrics.
    let base = || ["_bucket", "_sum", "_count", "_total"].iter().find_map(|ending| name.strip_suffix(ending));
    let kind = kinds.get(name).or_else(|| kinds.get(base()?)).copied();
    Series { name, service, labels: &plain.labels, kind, samples: &plain.samples }
}
