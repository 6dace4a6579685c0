//! Asks Prometheus what was used and what there is, and draws the lines.

use std::collections::BTreeMap;

use analysis::forecast::{Forecast, Outcome, Sample, forecast};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    line::Line,
    resource::{Limit, Resource},
};
use crate::{
    Failure,
    reach::{Prometheus, PrometheusAnswer, Series},
};

/// Points that are asked for over the whole time, and over its newest part.
const POINTS: u32 = 288;
const POINTS_NEWEST: u32 = 180;
/// The newest part is so many times shorter, and shows what began of late.
const NEWEST: u32 = 24;
/// Prometheus seldom scrapes more often, in seconds.
const STEP_LEAST: u32 = 15;
/// Series of one resource that are looked at.
const SERIES: usize = 200;
/// A line over the newest part alone counts only if it explains so much.
const FIT_LEAST: f64 = 0.5;

type Labels = BTreeMap<String, String>;

/// The time that is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub(super) now: DateTime<Utc>,
    pub(super) hours_back: u32,
}

/// One line for each series of a resource, and what could not be said.
pub(super) async fn measured(
    prometheus: &Prometheus,
    resource: &Resource,
    reach: Reach,
) -> Result<(Vec<Line>, Vec<String>), Failure> {
    let seconds = reach.hours_back.saturating_mul(3_600);
    let (whole, newest, limits) = tokio::join!(
        range(prometheus, &resource.used, reach.now, seconds, POINTS),
        range(prometheus, &resource.used, reach.now, seconds / NEWEST, POINTS_NEWEST),
        limits(prometheus, &resource.limit, reach.now),
    );
    let (whole, newest, limits) = (whole?, newest?, limits?);
    let mut not_seen = Vec::new();
    if whole.series.is_empty() && newest.series.is_empty() {
        return Ok((Vec::new(), vec![format!("{}: no series in the last {} hours", resource.what, reach.hours_back)]));
    }
    let by_labels = |answer: &PrometheusAnswer| -> BTreeMap<Labels, Vec<Sample>> {
        let series = answer.series.iter().take(SERIES);
        series.map(|series| (unnamed(&series.labels), samples(series))).collect()
    };
    let (mut whole_of, mut newest_of) = (by_labels(&whole), by_labels(&newest));
    let all: Vec<Labels> = whole_of
        .keys()
        .chain(newest_of.keys())
        .cloned()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    if whole.series.len().max(newest.series.len()) > SERIES {
        not_seen.push(format!("{}: {} more series", resource.what, whole.series.len().saturating_sub(SERIES)));
    }
    let (mut lines, mut without) = (Vec::new(), 0);
    for labels in all {
        let Some(limit) = limit_of(&labels, &limits) else {
            without += 1;
            continue;
        };
        let (whole, newest) =
            (whole_of.remove(&labels).unwrap_or_default(), newest_of.remove(&labels).unwrap_or_default());
        let drawn =
            |samples: &[Sample]| forecast(samples, limit, reach.now).map_err(|bad| Failure::Tell(bad.to_string()));
        let forecast = better(drawn(&whole)?, drawn(&newest)?);
        lines.push(Line::of(resource, &labels, forecast, reach.now));
    }
    if without > 0 {
        not_seen.push(format!("{}: of {without} series no limit is known", resource.what));
    }
    Ok((lines, not_seen))
}

async fn range(
    prometheus: &Prometheus,
    query: &str,
    now: DateTime<Utc>,
    seconds: u32,
    points: u32,
) -> Result<PrometheusAnswer, Failure> {
    let step = (seconds / points).max(STEP_LEAST);
    prometheus.query_range(query, now - TimeDelta::seconds(i64::from(seconds)), now, step).await
}

/// What there is, by labels.
async fn limits(prometheus: &Prometheus, limit: &Limit, now: DateTime<Utc>) -> Result<Vec<(Labels, f64)>, Failure> {
    match limit {
        Limit::Number(number) => Ok(vec![(Labels::new(), *number)]),
        // What is free is used up at zero.
        Limit::AllFree => Ok(vec![(Labels::new(), 0.0)]),
        Limit::ContainerMemory => Ok(Vec::new()),
        Limit::Query(query) => {
            let answer = prometheus.query(query, now).await?;
            let last = |series: &Series| Some((unnamed(&series.labels), series.samples.last()?.value));
            // A file system without inodes says that it has 0 of them.
            Ok(answer.series.iter().filter_map(last).filter(|(_, most)| most.is_finite() && *most > 0.0).collect())
        }
    }
}

/// The least limit whose labels do not speak against it, the same labels before others.
fn limit_of(labels: &Labels, limits: &[(Labels, f64)]) -> Option<f64> {
    if let Some((_, limit)) = limits.iter().find(|(of, _)| of == labels) {
        return Some(*limit);
    }
    let fits = |of: &Labels| of.iter().all(|(key, value)| labels.get(key).is_none_or(|found| found == value));
    limits.iter().filter(|(of, _)| fits(of)).map(|(_, limit)| *limit).min_by(f64::total_cmp)
}

/// Of the line over the whole time and that over its newest part the one that says more: what began of late counts, unless it
/// is a part of every day.
fn better(whole: Forecast, newest: Forecast) -> Forecast {
    let fills = |forecast: &Forecast| match forecast.outcome {
        Outcome::Fills { at, .. } => Some(at),
        Outcome::DoesNotFill { .. } | Outcome::TooLittleData { .. } | Outcome::AlreadyFull => None,
    };
    // Whether it is full now is told by what is newest: of points far apart too few are full yet, or still.
    let full = [&whole, &newest].iter().any(|forecast| forecast.outcome == Outcome::AlreadyFull);
    if matches!(whole.outcome, Outcome::TooLittleData { .. }) || (full && newest.level.is_some()) {
        return newest;
    }
    let fits = newest.trend.is_some_and(|trend| trend.fit >= FIT_LEAST);
    let whole = Forecast { level: newest.level.or(whole.level), ..whole };
    let sooner = match (fills(&newest), fills(&whole)) {
        (Some(newest), Some(whole)) => newest < whole,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if sooner && fits && !whole.daily_cycle { newest } else { whole }
}

fn samples(series: &Series) -> Vec<Sample> {
    series.samples.iter().map(|sample| Sample { at: sample.at, value: sample.value }).collect()
}

fn unnamed(labels: &Labels) -> Labels {
    labels.iter().filter(|(key, _)| *key != "__name__").map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_limit_is_that_of_the_same_labels_or_of_none_that_differ() {
        let limits = [(labels(&[("a", "1")]), 10.0), (labels(&[("a", "2")]), 20.0), (labels(&[("b", "1")]), 5.0)];
        assert_eq!(limit_of(&labels(&[("a", "1")]), &limits), Some(10.0));
        assert_eq!(limit_of(&labels(&[("a", "2"), ("b", "2")]), &limits), Some(20.0));
        assert_eq!(limit_of(&labels(&[("a", "3"), ("b", "3")]), &limits), None);
        assert_eq!(limit_of(&labels(&[("a", "3")]), &[(Labels::new(), 7.0)]), Some(7.0));
    }
}
