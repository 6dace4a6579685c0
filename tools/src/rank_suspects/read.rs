//! Reads every series of a service, in few questions of which none is too large.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, future::try_join, stream};

use crate::{
    Failure, Service,
    forecast::{Select, selects},
    reach::{Plain, Prometheus},
};

/// Series read of one service; a service with more is read by the metrics that have the fewest, so that most of them are.
const SERIES: usize = 2_500;
/// Bytes that one answer should have. A sample is written in about [`SAMPLE`], labels in about [`LABELS`].
const ANSWER: usize = 4 << 20;
const SAMPLE: usize = 32;
const LABELS: usize = 400;
/// Bytes of metric names in one question.
const NAMES: usize = 3_000;
/// Points of a series.
const POINTS: u32 = 300;
/// Seconds between scrapes, as people set them; where that is not known it is taken to be 30.
const SCRAPES: [u32; 8] = [1, 2, 5, 10, 15, 20, 30, 60];
/// Seconds over which scrapes are counted.
const COUNTED: f64 = 600.0;
/// Questions at a time for one service.
const TOGETHER: usize = 3;

/// The time that is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

/// The series of one service.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) series: Vec<Plain>,
    /// Metrics and series that were left out, where there were too many.
    pub(super) left_out: Option<(usize, usize)>,
}

impl Span {
    /// Seconds between points: often enough, and a multiple of the seconds between scrapes. Otherwise of two points that are
    /// equally far apart one would have more scrapes between than the other, and no counter would be steady.
    fn step(self, scrape: u32) -> u32 {
        let seconds = u32::try_from((self.end - self.start).num_seconds()).unwrap_or(u32::MAX);
        (seconds / POINTS).max(5).next_multiple_of(scrape.max(1))
    }

    fn points(self, step: u32) -> usize {
        usize::try_from((self.end - self.start).num_seconds() / i64::from(step.max(1))).unwrap_or_default() + 1
    }
}

/// Seconds between scrapes of a service, as its `up` tells; what many have where it does not.
async fn scrape(prometheus: &Prometheus, select: &Select, now: DateTime<Utc>) -> Result<u32, Failure> {
    let query = format!("max(count_over_time({}[{COUNTED}s]))", select.metric("up", ""));
    let count = prometheus.number(&query, now).await?.filter(|count| *count >= 1.0);
    let near = |count: f64| {
        let seconds = COUNTED / count;
        SCRAPES
            .into_iter()
            .min_by(|one, two| (f64::from(*one) - seconds).abs().total_cmp(&(f64::from(*two) - seconds).abs()))
    };
    Ok(count.and_then(near).unwrap_or(30))
}

/// All series of a service, those of its containers among them.
///
/// # Errors
/// `Tell` when the catalogue has no selector that can be asked with; else as Prometheus fails.
pub(super) async fn read(prometheus: &Prometheus, service: &Service, span: Span) -> Result<Read, Failure> {
    let mut all = Read::default();
    for select in selects(service)? {
        let whole = select.whole();
        let (found, scrape) =
            try_join(prometheus.series(&whole, span.start, span.end), scrape(prometheus, &select, span.end)).await?;
        let step = span.step(scrape);
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for mut labels in found {
            *names.entry(labels.remove("__name__").unwrap_or_default()).or_default() += 1;
        }
        let plan = plan(&select, &names, span.points(step), SERIES.saturating_sub(all.series.len()));
        let answers = stream::iter(plan.questions)
            .map(|question| async move { prometheus.matrix(&question, span.start, span.end, step).await })
            .buffered(TOGETHER);
        let answers: Vec<Vec<Plain>> = answers.try_collect().await?;
        all.series.extend(answers.into_iter().flatten());
        if let Some((metrics, series)) = plan.left_out {
            let (before, those) = all.left_out.unwrap_or_default();
            all.left_out = Some((before + metrics, those + series));
        }
    }
    Ok(all)
}

/// What is asked.
#[derive(Debug, PartialEq)]
struct Plan {
    questions: Vec<String>,
    left_out: Option<(usize, usize)>,
}

fn plan(select: &Select, names: &BTreeMap<String, usize>, points: usize, most: usize) -> Plan {
    let mut fewest: Vec<(&str, usize)> = names.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    fewest.sort_by_key(|(name, count)| (*count, *name));
    let (mut kept, mut parts, mut left_out) = (0, vec![Part::default()], (0, 0));
    let bytes = |count: usize| count * (points * SAMPLE + LABELS);
    for (name, count) in fewest {
        if kept + count > most {
            left_out = (left_out.0 + 1, left_out.1 + count);
            continue;
        }
        kept += count;
        let fits = |part: &&mut Part<'_>| {
            part.names.is_empty() || (part.bytes + bytes(count) <= ANSWER && part.text + name.len() < NAMES)
        };
        match parts.last_mut().filter(fits) {
            Some(part) => part.add(name, bytes(count)),
            None => parts.push(Part { names: vec![name], bytes: bytes(count), text: name.len() }),
        }
    }
    let whole = left_out == (0, 0) && parts.len() == 1;
    let question = |part: &Part<'_>| {
        if whole { select.whole() } else { select.metric("", &format!("__name__=~\"{}\"", part.names.join("|"))) }
    };
    let questions = parts.iter().filter(|part| !part.names.is_empty()).map(question).collect();
    Plan { questions, left_out: (left_out != (0, 0)).then_some(left_out) }
}

/// What one question asks for.
#[derive(Debug, Default)]
struct Part<'a> {
    names: Vec<&'a str>,
    bytes: usize,
    text: usize,
}

impl<'a> Part<'a> {
    fn add(&mut self, name: &'a str, bytes: usize) {
        self.names.push(name);
        self.bytes += bytes;
        self.text += name.len() + 1;
    }
}

/// Where the quiet time begins and ends, and the time asked about begins; it ends now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) quiet: DateTime<Utc>,
    pub(super) begins: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

/// How long the quiet time lasts.
const QUIET: TimeDelta = TimeDelta::minutes(60);
/// What leads up to an alert is asked about too: rules wait, and windows of rates fill.
const LEAD: TimeDelta = TimeDelta::minutes(10);

impl Times {
    /// The last `minutes_back`; or from a little before an onset, so long that what came after it is seen too.
    pub(super) fn of(now: DateTime<Utc>, minutes_back: u32, since_minutes_ago: Option<u32>) -> Self {
        let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
        let begins = since_minutes_ago.map_or(now - minutes(minutes_back), |since| now - minutes(since) - LEAD);
        Self { quiet: begins - QUIET, begins, now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn select() -> Select {
        let service = Service { prometheus: Some("{job=\"a\"}".into()), ..Service::named("a", Origin::Settings) };
        selects(&service).unwrap().remove(0)
    }

    #[test]
    fn few_series_are_one_question_and_many_are_several_or_left_out() {
        let names = |count: usize, each: usize| (0..count).map(|index| (format!("m{index}"), each)).collect();
        assert_eq!(plan(&select(), &names(10, 3), 200, 2_500).questions, ["{job=\"a\"}"]);
        let many = plan(&select(), &names(1_000, 2), 240, 2_500);
        assert!(many.questions.len() > 3 && many.left_out.is_none());
        assert!(
            many.questions
                .iter()
                .all(|question| question.starts_with("{job=\"a\",__name__=~\"m") && question.len() < 4_000)
        );
        let mut wide: BTreeMap<String, usize> = names(10, 3);
        wide.insert("bucket".into(), 9_000);
        let plan = plan(&select(), &wide, 240, 2_500);
        assert_eq!((plan.questions.len(), plan.left_out), (1, Some((1, 9_000))));
        assert!(!plan.questions[0].contains("bucket"));
    }

    #[test]
    fn points_are_as_far_apart_as_scrapes_or_a_multiple_of_that() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let step = |minutes: i64, scrape: u32| Span { start: now - TimeDelta::minutes(minutes), end: now }.step(scrape);
        let steps = [step(75, 15), step(75, 10), step(75, 20), step(75, 60), step(600, 15), step(5, 1), step(5, 0)];
        assert_eq!(steps, [15, 20, 20, 60, 120, 5, 5]);
    }
}
