//! `query_prometheus`: PromQL, checked before it is sent, answered by the shape of its series.

use std::{fmt, sync::Arc};

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Failure, Seen, SharedClock, Tool, promql, reach::Prometheus, service, shape::Shapes};

/// Series told of one answer.
const SERIES: usize = 20;
/// Points of a series that are asked for.
const POINTS: u32 = 60;
/// Steps that people can read, in seconds.
const STEPS: [u32; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600];

/// Asks Prometheus with PromQL: for one moment, or over a time when `minutes_back` is given. A series is summed up by its
/// shape: first, last, least, most, and when it changed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"query": "sum by (status) (rate(http_requests_total{job=\"payments\"}[5m]))", "minutes_back": 30}]))]
pub struct QueryPrometheusArgs {
    /// The PromQL expression.
    pub query: String,
    /// Over how many minutes; not given: at one moment.
    pub minutes_back: Option<u32>,
    /// How many minutes ago it ends; not given: now.
    pub until_minutes_ago: Option<u32>,
}

/// Asks Prometheus.
pub struct QueryPrometheus {
    prometheus: Option<Arc<Prometheus>>,
    clock: SharedClock,
}

/// What Prometheus answers.
#[derive(Debug, Serialize)]
pub struct Answered {
    query: String,
    #[serde(flatten)]
    shapes: Shapes,
    /// Seconds between points; 0 at one moment.
    step_seconds: u32,
}

impl QueryPrometheus {
    /// A tool over this Prometheus; without one every call says so.
    pub fn new(prometheus: Option<Arc<Prometheus>>, clock: SharedClock) -> Self {
        Self { prometheus, clock }
    }
}

impl Tool for QueryPrometheus {
    const NAME: &'static str = "query_prometheus";
    type Args = QueryPrometheusArgs;
    type Output = Answered;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Answered>, Failure> {
        parsed(&args.query)?;
        let prometheus = configured(&self.prometheus)?;
        let end = self.clock.now() - TimeDelta::minutes(i64::from(args.until_minutes_ago.unwrap_or(0)));
        let (answer, step_seconds) = match args.minutes_back.filter(|minutes| *minutes > 0) {
            None => (prometheus.query(&args.query, end).await?, 0),
            Some(minutes) => {
                let step = step(minutes);
                let start = end - TimeDelta::minutes(i64::from(minutes));
                (prometheus.query_range(&args.query, start, end, step).await?, step)
            }
        };
        let shapes = Shapes::of(&answer.series, step_seconds, SERIES);
        let output = Answered { query: args.query.clone(), shapes, step_seconds };
        Ok(Seen { output, raw: service::raw(&answer.raw) })
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\nquery: {}", self.shapes.lines(), self.query)?;
        if self.step_seconds > 0 {
            write!(out, " (every {} s)", self.step_seconds)?;
        }
        Ok(())
    }
}

/// Prometheus, where it is configured.
pub(crate) fn configured(prometheus: &Option<Arc<Prometheus>>) -> Result<&Prometheus, Failure> {
    prometheus.as_deref().ok_or_else(|| Failure::Tell("Prometheus is not configured ([prometheus] url)".to_owned()))
}

/// A step with which a series has few points, of those that people can read.
fn step(minutes: u32) -> u32 {
    let wanted = minutes.saturating_mul(60) / POINTS;
    STEPS.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| wanted.next_multiple_of(21_600))
}

/// Tells a query that does not parse before it is sent, with its place where the parser knows it.
pub(crate) fn parsed(query: &str) -> Result<(), Failure> {
    if query.trim().is_empty() {
        return Err(Failure::Tell("the query is empty".to_owned()));
    }
    let Err(error) = promql::parse(query) else {
        return Ok(());
    };
    let at = (1..=query.len()).filter(|end| query.is_char_boundary(*end)).rfind(|end| begins(query.get(..*end)));
    let place = at.map_or_else(String::new, |at| {
        let column = query.get(..at).map_or(0, |head| head.chars().count()) + 1;
        format!("\n{query}\n{}^ column {column}", " ".repeat(column - 1))
    });
    Err(Failure::Tell(format!("the query does not parse: {error}{place}")))
}

/// Whether a beginning of a query is itself a whole expression: what follows the longest such is where it goes wrong.
fn begins(head: Option<&str>) -> bool {
    head.is_some_and(|head| promql::parse(head).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_does_not_parse_is_told_with_its_place() {
        let told = |query: &str| parsed(query).unwrap_err().to_string();
        insta::assert_snapshot!([told("up{job=\"a\"} == "), told("rate(x[5m]) summ"), told("")].join("\n"), @r#"
        the query does not parse: invalid promql query
        up{job="a"} == 
                    ^ column 13
        the query does not parse: invalid promql query
        rate(x[5m]) summ
                    ^ column 13
        the query is empty
        "#);
        assert_eq!(parsed("sum by (a) (rate(b[5m]))"), Ok(()));
    }

    #[test]
    fn steps_keep_answers_small() {
        assert_eq!([1, 5, 30, 60, 360, 1_440, 10_080].map(step), [1, 5, 30, 60, 600, 1_800, 21_600]);
    }
}
