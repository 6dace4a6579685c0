//! `slo_status`: the error budget of a service, how fast it burns, and whether that is worth waking somebody.

use std::{collections::BTreeMap, fmt, sync::Arc};

use analysis::slo::{self, Burn, Exhausted, Objective, Rate, Reading, Status, Urgency, written};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Measure, Seen, Service, SharedCatalogue, SharedClock, Slo, Tool, query_prometheus::configured,
    reach::Prometheus, service, shape::figure, slo::within,
};

/// Points of a mean over time; more are no more exact.
const POINTS: i64 = 120;
/// Prometheus seldom scrapes more often, in seconds.
const STEP_LEAST: i64 = 15;

/// Says how much of a service's error budget is left, how fast it burns over the standard windows (5m to 30d), which of the
/// alerting rules of several windows hold, and when the budget is used up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}]))]
pub struct SloStatusArgs {
    /// A service of the catalogue that has an SLO.
    pub service: String,
}

/// Measures error budgets.
pub struct SloStatus {
    prometheus: Option<Arc<Prometheus>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// Where a service stands.
#[derive(Debug, Serialize)]
pub struct Standing {
    service: String,
    objective: Objective,
    #[serde(flatten)]
    status: Status,
    /// Burn rate by window, such as `1h`; `null` where nothing was measured.
    burn: BTreeMap<String, Option<f64>>,
    /// Whether requests were counted; else it is the mean of the error rate over time.
    counted: bool,
    /// Whether there are data since the objective's window began.
    covered: bool,
    /// Windows that could not be asked, and why.
    not_seen: Vec<String>,
}

impl SloStatus {
    /// A tool over this Prometheus; without one every call says so.
    pub fn new(prometheus: Option<Arc<Prometheus>>, catalogue: SharedCatalogue, clock: SharedClock) -> Self {
        Self { prometheus, catalogue, clock }
    }
}

impl Tool for SloStatus {
    const NAME: &'static str = "slo_status";
    type Args = SloStatusArgs;
    type Output = Standing;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Standing>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let prometheus = configured(&self.prometheus)?;
        let (slo, source) = source(&service)?;
        let (objective, now) = (*slo.objective(), self.clock.now());
        let windows = slo::windows(&objective);
        let asked = windows.iter().map(|window| source.read(prometheus, *window, now));
        // At the very beginning of the window nothing may have been scraped yet; an hour on there must be something.
        let early = now - objective.window() + TimeDelta::hours(1).min(objective.window() / 2);
        let hour = TimeDelta::hours(1).min(objective.window() / 2);
        let (answers, early) = tokio::join!(join_all(asked), source.read(prometheus, hour, early));
        let (mut readings, mut not_seen, mut failed) = (Vec::new(), Vec::new(), None);
        for (window, answer) in windows.into_iter().zip(answers) {
            match answer {
                Ok(reading) => readings.push((window, reading)),
                Err(failure) => {
                    not_seen.push(format!("{}: {failure}", written(window)));
                    failed = Some(failure);
                }
            }
        }
        if let (true, Some(failure)) = (readings.is_empty(), failed) {
            return Err(failure);
        }
        let status = slo::status(&objective, &readings);
        let rate = |burn: &Burn| match burn.rate {
            Rate::Burns { rate, .. } => Some(rate),
            Rate::NoTraffic | Rate::NoData | Rate::Vanished | Rate::Contradiction => None,
        };
        let output = Standing {
            service: service.name.clone(),
            objective,
            burn: status.burns.iter().map(|burn| (written(burn.window), rate(burn))).collect(),
            counted: matches!(source, Source::Events { .. }),
            covered: early.is_ok_and(|reading| reading != Reading::NoData),
            status,
            not_seen,
        };
        let raw = service::raw(&output);
        Ok(Seen { output, raw })
    }
}

/// What is asked for the share that failed.
enum Source<'a> {
    Events { errors: &'a str, total: &'a str },
    ErrorRate(&'a str),
}

fn source(service: &Service) -> Result<(&Slo, Source<'_>), Failure> {
    let name = &service.name;
    let Some(slo) = &service.slo else {
        return Err(Failure::Tell(format!(
            "the catalogue has no SLO of {name}: set `objective` in [services.{name}.slo]"
        )));
    };
    let source = match (slo.measure(), &service.error_rate) {
        (Measure::Events { errors, total }, _) => Source::Events { errors, total },
        (Measure::ErrorRate, Some(error_rate)) => Source::ErrorRate(error_rate),
        (Measure::ErrorRate, None) => {
            return Err(Failure::Tell(format!(
                "the SLO of {name} cannot be measured: set `errors` and `total` in [services.{name}.slo], or `error_rate` in [services.{name}]"
            )));
        }
    };
    Ok((slo, source))
}

impl Source<'_> {
    async fn read(&self, prometheus: &Prometheus, window: TimeDelta, at: DateTime<Utc>) -> Result<Reading, Failure> {
        match self {
            Self::Events { errors, total } => {
                let length = written(window);
                let (errors, total) = (within(errors, &length), within(total, &length));
                let (errors, total) = tokio::join!(sum(prometheus, &errors, at), sum(prometheus, &total, at));
                Ok(match (errors?, total?) {
                    (_, None) => Reading::NoData,
                    (_, Some(0.0)) => Reading::NoTraffic,
                    // A counter of errors is often not there before the first error.
                    (errors, Some(total)) => Reading::Events { errors: errors.unwrap_or(0.0), total },
                })
            }
            Self::ErrorRate(error_rate) => {
                let step = (window.num_seconds() / POINTS).max(STEP_LEAST);
                // Without traffic the rate is 0/0, which is no number and would spoil the mean: the comparison drops it.
                let over = |expression: &str| format!("avg_over_time(({expression})[{}:{step}s])", written(window));
                let shares = values(prometheus, &over(&format!("({error_rate}) >= 0")), at).await?;
                if !shares.is_empty() {
                    // Several series are several instances, of which nobody knows the traffic.
                    #[expect(clippy::cast_precision_loss, reason = "some instances")]
                    return Ok(Reading::Share(shares.iter().sum::<f64>() / shares.len() as f64));
                }
                // A series that is never a number is one without traffic; no series at all is none.
                let there = format!("count_over_time(({error_rate})[{}:{step}s])", written(window));
                let there = values(prometheus, &there, at).await?;
                Ok(if there.is_empty() { Reading::NoData } else { Reading::NoTraffic })
            }
        }
    }
}

/// The sum of what a query gives; `None` when it gives nothing.
async fn sum(prometheus: &Prometheus, query: &str, at: DateTime<Utc>) -> Result<Option<f64>, Failure> {
    let values = values(prometheus, query, at).await?;
    Ok((!values.is_empty()).then(|| values.iter().sum()))
}

async fn values(prometheus: &Prometheus, query: &str, at: DateTime<Utc>) -> Result<Vec<f64>, Failure> {
    let answer = prometheus.query(query, at).await?;
    Ok(answer.series.iter().filter_map(|series| series.samples.last()).map(|sample| sample.value).collect())
}

impl fmt::Display for Standing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, window) = (figure(self.objective.target() * 100.0), written(self.objective.window()));
        write!(out, "{}: objective {target} % over {window}; ", self.service)?;
        match self.status.budget_left {
            Some(left) => write!(out, "{} % of the error budget left, ", figure(left * 100.0))?,
            None => write!(out, "the error budget is not known, ")?,
        }
        match self.status.exhausted {
            Exhausted::Already => write!(out, "it is used up")?,
            Exhausted::After { hours, by } => {
                write!(out, "used up in {} h at the rate of {}", figure(hours), written(by))?
            }
            Exhausted::Never => write!(out, "not being used up")?,
            Exhausted::Unknown => write!(out, "nor when it is used up")?,
        }
        match self.status.urgency {
            Urgency::Page => write!(out, "\npage:")?,
            Urgency::Ticket => write!(out, "\nticket:")?,
            Urgency::None => write!(out, "\nno burn rate rule holds")?,
        }
        let rules: Vec<_> = self
            .status
            .holding
            .iter()
            .map(|rule| format!("over {} for {} and {}", figure(rule.over), written(rule.long), written(rule.short)))
            .collect();
        write!(out, "{}{}", if rules.is_empty() { "" } else { " " }, rules.join("; "))?;
        let rates: Vec<_> = self.status.burns.iter().filter_map(rate_of).collect();
        write!(out, "\nburn rates: {}", if rates.is_empty() { "none".to_owned() } else { rates.join(", ") })?;
        for (what, windows) in self.without_rate() {
            write!(out, "\n{what}: {}", windows.join(", "))?;
        }
        if !self.counted {
            write!(out, "\nmeasured by the mean of error_rate over time, whatever the traffic")?;
        }
        if !self.covered {
            write!(out, "\nthe data do not reach back {window}: the budget is that of the data there are")?;
        }
        self.not_seen.iter().try_for_each(|what| write!(out, "\nnot seen: {what}"))
    }
}

impl Standing {
    /// Windows without a rate, by what is wrong with them.
    fn without_rate(&self) -> BTreeMap<&'static str, Vec<String>> {
        let mut without: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for burn in &self.status.burns {
            let what = match burn.rate {
                Rate::Burns { .. } => continue,
                Rate::NoTraffic => "no traffic",
                Rate::NoData => "no data",
                Rate::Vanished => "no data any more, the counters are gone",
                Rate::Contradiction => "more errors than requests or no number, so `errors` and `total` do not fit",
            };
            without.entry(what).or_default().push(written(burn.window));
        }
        without
    }
}

/// The rate of a window, where it has one.
fn rate_of(burn: &Burn) -> Option<String> {
    let Rate::Burns { rate, share } = burn.rate else { return None };
    Some(format!("{} {} ({} %)", written(burn.window), figure(rate), figure(share * 100.0)))
}
