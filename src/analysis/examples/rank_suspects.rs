//! Ranks the suspects of incidents kept as CSV files, and says how often the true cause was found where it is written down.
//!
//! `cargo run --release -p devops-agent-analysis --example rank_suspects -- FOLDER…`, each a case with these files:
//! - `series.csv`: a column `time` (seconds since the epoch), then one for each series, named `service|metric`, or
//!   `service|metric|label=value|…`; an empty cell is no sample.
//! - `case.csv`, rows of a key and a value: `quiet_from`, `quiet_until`, `from` and `until` in seconds since the epoch;
//!   if known `alerting`, the service that alerts, `symptom`, what it alerts about (`errors` or `latency`), and `cause`, the
//!   service at fault (more rows where there are more).
//! - `calls.csv`, if known: columns `caller` and `callee`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    path::Path,
};

use analysis::suspects::{Edge, Labels, Question, Ranking, Series, Signal, Windows, edges_from, rank};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let (mut known, mut found) = (0_u32, [0_u32; 5]);
    for folder in std::env::args().skip(1) {
        let case = Case::read(Path::new(&folder)).map_err(|error| format!("{folder}: {error}"))?;
        let ranking = case.rank()?;
        println!("{folder}: {}", told(&ranking, &case.causes));
        if case.causes.is_empty() {
            continue;
        }
        known += 1;
        let place = ranking.services.iter().position(|service| case.causes.contains(&service.service));
        for (last, counted) in found.iter_mut().enumerate() {
            *counted += u32::from(place.is_some_and(|place| place <= last));
        }
    }
    if known > 0 {
        let shares = found.map(|count| f64::from(count) / f64::from(known));
        let ([first, _, third, _, fifth], average) = (shares, shares.iter().sum::<f64>() / 5.0);
        println!(
            "{known} with a known cause: top-1 {first:.3}, top-3 {third:.3}, top-5 {fifth:.3}, on average of the first five {average:.3}"
        );
    }
    Ok(())
}

fn told(ranking: &Ranking, causes: &BTreeSet<String>) -> String {
    let service = |service: &analysis::suspects::ServiceSuspect| {
        let cause = if causes.contains(&service.service) { "*" } else { "" };
        let top = ranking.metrics.iter().find(|metric| metric.service == service.service);
        let top =
            top.map_or_else(String::new, |top| format!("{} {:?} {:.0} sigma", top.metric, top.direction, top.score));
        format!("{cause}{} {:.2} ({top})", service.service, service.score)
    };
    if ranking.services.is_empty() {
        return format!("nothing stands out of {}", ranking.looked_at);
    }
    ranking.services.iter().take(5).map(service).collect::<Vec<_>>().join(", ")
}

/// One incident as it was read.
struct Case {
    columns: Vec<Column>,
    edges: BTreeSet<Edge>,
    windows: Windows,
    alerting: Option<String>,
    symptom: Option<Signal>,
    causes: BTreeSet<String>,
}

struct Column {
    service: String,
    metric: String,
    labels: Labels,
    samples: Vec<(f64, f64)>,
}

impl Case {
    fn read(folder: &Path) -> Result<Self, Failed> {
        let mut about: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rows = csv::ReaderBuilder::new().has_headers(false).from_path(folder.join("case.csv"))?;
        for row in rows.deserialize() {
            let (key, value): (String, String) = row?;
            about.entry(key).or_default().push(value);
        }
        let one = |key: &str| about.get(key).and_then(|values| values.first());
        let moment = |key: &str| -> Result<f64, Failed> {
            Ok(one(key).ok_or_else(|| format!("case.csv: {key} is missing"))?.parse()?)
        };
        let windows = Windows::new(moment("quiet_from")?..moment("quiet_until")?, moment("from")?..moment("until")?)?;
        let symptom = match one("symptom").map(String::as_str) {
            None => None,
            Some("errors") => Some(Signal::Errors),
            Some("latency") => Some(Signal::Latency),
            Some(other) => {
                return Err(format!("case.csv: symptom is {other:?}; right would be errors or latency").into());
            }
        };
        let calls = folder.join("calls.csv");
        let edges = if calls.exists() {
            let rows: Result<Vec<(String, String)>, _> = csv::Reader::from_path(calls)?.deserialize().collect();
            rows?.into_iter().map(|(caller, callee)| Edge::new(caller, callee)).collect()
        } else {
            BTreeSet::new()
        };
        Ok(Self {
            columns: columns(&folder.join("series.csv"))?,
            edges,
            windows,
            alerting: one("alerting").cloned(),
            symptom,
            causes: about.get("cause").into_iter().flatten().cloned().collect(),
        })
    }

    fn rank(&self) -> Result<Ranking, Failed> {
        let series: Vec<_> = self.columns.iter().map(Column::series).collect();
        let read = edges_from(&series);
        let edges = if self.edges.is_empty() { &read } else { &self.edges };
        let (windows, alerting) = (self.windows.clone(), self.alerting.as_deref());
        Ok(rank(&series, &Question { windows, edges, alerting, symptom: self.symptom }))
    }
}

impl Column {
    fn named(header: &str) -> Result<Self, Failed> {
        let mut parts = header.split('|');
        let (Some(service), Some(metric)) = (parts.next(), parts.next()) else {
            return Err(format!("series.csv: {header:?} is not \"service|metric\"").into());
        };
        let label = |part: &str| part.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            service: service.to_owned(),
            metric: metric.to_owned(),
            labels: parts.filter_map(label).collect(),
            samples: Vec::new(),
        })
    }

    fn series(&self) -> Series<'_> {
        Series { name: &self.metric, service: &self.service, labels: &self.labels, kind: None, samples: &self.samples }
    }
}

fn columns(file: &Path) -> Result<Vec<Column>, Failed> {
    let mut reader = csv::Reader::from_path(file)?;
    let mut columns = reader.headers()?.iter().skip(1).map(Column::named).collect::<Result<Vec<_>, _>>()?;
    for row in reader.records() {
        let row = row?;
        let at: f64 = row.get(0).unwrap_or_default().parse()?;
        for (column, cell) in columns.iter_mut().zip(row.iter().skip(1)) {
            if !cell.is_empty() {
                column.samples.push((at, cell.parse()?));
            }
        }
    }
    Ok(columns)
}
