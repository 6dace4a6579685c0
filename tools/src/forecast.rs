//! `forecast`: when disks, memory, connection pools and the like run full.

mod line;
mod measure;
mod pairs;
mod resource;

use std::{fmt, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, Service, SharedCatalogue, SharedClock, Tool,
    query_prometheus::{configured, parsed},
    reach::{Docker, Prometheus},
    service,
};
use line::Line;
use measure::{Reach, measured};
use resource::{Limit, Resource, Unit};
pub(crate) use resource::{Select, selects};

/// How far back, in hours: three days show a daily cycle.
const HOURS: u32 = 72;
const HOURS_MOST: u32 = 24 * 14;
/// Resources told of one answer.
const MOST: usize = 12;

/// Forecasts when something runs full, with an interval of 90 %. With `service`, all that is found in its metrics is looked at:
/// disks, inodes, memory, open files, connection pools. Or one PromQL `query` of what is used, with `capacity` or `capacity_query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}]))]
pub struct ForecastArgs {
    /// A service of the catalogue.
    pub service: Option<String>,
    /// PromQL of what is used.
    pub query: Option<String>,
    /// What there is of it, in the query's unit.
    pub capacity: Option<f64>,
    /// PromQL of what there is of it.
    pub capacity_query: Option<String>,
    /// How far back, in hours; 72 if not given, 336 at most.
    pub hours_back: Option<u32>,
}

/// Forecasts.
pub struct Forecast {
    prometheus: Option<Arc<Prometheus>>,
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What runs full, and when.
#[derive(Debug, Serialize)]
pub struct Forecasts {
    /// The soonest first.
    resources: Vec<Line>,
    /// Resources that fit and are not told: those that are farthest from full.
    left_out: usize,
    /// How many of all run full, or are full.
    fills: usize,
    /// Hours until the first one is full; 0 when one is.
    soonest_hours: Option<f64>,
    hours_back: u32,
    /// What could not be looked at, and why.
    not_seen: Vec<String>,
}

impl Forecast {
    /// A tool over this Prometheus; Docker tells the memory limits that Prometheus does not know.
    pub fn new(
        prometheus: Option<Arc<Prometheus>>,
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
    ) -> Self {
        Self { prometheus, docker, catalogue, clock }
    }

    /// What the metrics of a service tell of.
    async fn of_service(
        &self,
        prometheus: &Prometheus,
        service: &Service,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Resource>, Vec<String>), Failure> {
        let mut found = Vec::new();
        for select in resource::selects(service)? {
            let names = prometheus.metric_names(Some(&select.whole()), now - TimeDelta::hours(1), now).await?;
            found.extend(pairs::found(&select, &names));
        }
        let mut not_seen = Vec::new();
        for resource in &mut found {
            if let Limit::ContainerMemory = resource.limit {
                match self.memory_limit(service).await {
                    Ok(limit) => resource.limit = Limit::Number(limit),
                    Err(why) => not_seen.push(format!("{}: {why}", resource.what)),
                }
            }
        }
        found.retain(|resource| !matches!(resource.limit, Limit::ContainerMemory));
        if found.is_empty() && not_seen.is_empty() {
            not_seen.push(format!(
                "no metric of {} and its limit were found; give `query` and `capacity` or `capacity_query`",
                service.name
            ));
        }
        Ok((found, not_seen))
    }

    /// The least memory limit of the service's containers.
    async fn memory_limit(&self, service: &Service) -> Result<f64, Failure> {
        let containers = service::docker(&self.docker)?.of_service(service).await?;
        let hosts = containers.iter().filter_map(|container| container.host_config.as_ref());
        let least = hosts.map(crate::container::memory_limit).filter(|limit| *limit > 0).min();
        let none = || Failure::Tell("its containers have no memory limit".to_owned());
        #[expect(clippy::cast_precision_loss, reason = "bytes of a memory have few digits")]
        least.map(|limit| limit as f64).ok_or_else(none)
    }
}

impl Tool for Forecast {
    const NAME: &'static str = "forecast";
    type Args = ForecastArgs;
    type Output = Forecasts;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Forecasts>, Failure> {
        let wanted = wanted(args)?;
        let prometheus = configured(&self.prometheus)?;
        let hours_back = args.hours_back.unwrap_or(HOURS).clamp(1, HOURS_MOST);
        let now = self.clock.now();
        let (resources, mut not_seen) = match wanted {
            Wanted::Resource(resource) => (vec![*resource], Vec::new()),
            Wanted::Service(name) => {
                let service = service::known(&self.catalogue, name)?;
                self.of_service(prometheus, &service, now).await?
            }
        };
        let reach = Reach { now, hours_back };
        let answers = join_all(resources.iter().map(|resource| measured(prometheus, resource, reach))).await;
        let (mut lines, mut failed) = (Vec::new(), None);
        for (resource, answer) in resources.iter().zip(answers) {
            match answer {
                Ok((more, missing)) => {
                    lines.extend(more);
                    not_seen.extend(missing);
                }
                Err(failure) => {
                    not_seen.push(format!("{}: {failure}", resource.what));
                    failed = Some(failure);
                }
            }
        }
        if let (true, Some(failure)) = (lines.is_empty(), failed) {
            return Err(failure);
        }
        let output = Forecasts::of(lines, not_seen, reach);
        let raw = service::raw(&output);
        Ok(Seen { output, raw })
    }
}

enum Wanted<'a> {
    Service(&'a str),
    Resource(Box<Resource>),
}

/// What is asked for, or what is wrong with the question.
fn wanted(args: &ForecastArgs) -> Result<Wanted<'_>, Failure> {
    let tell = |what: &str| Err(Failure::Tell(what.to_owned()));
    let limit = match (args.capacity, &args.capacity_query) {
        (Some(_), Some(_)) => return tell("give `capacity` or `capacity_query`, not both"),
        (Some(capacity), None) if !capacity.is_finite() => {
            return tell("`capacity` is no number; right would be one such as 1073741824");
        }
        (Some(capacity), None) => Some(Limit::Number(capacity)),
        (None, Some(query)) => {
            parsed(query)?;
            Some(Limit::Query(query.clone()))
        }
        (None, None) => None,
    };
    match (&args.service, &args.query, limit) {
        (Some(service), None, None) => Ok(Wanted::Service(service)),
        (None, Some(query), Some(limit)) => {
            parsed(query)?;
            let unit = if query.contains("bytes") { Unit::Bytes } else { Unit::Count };
            let resource = Resource { what: "what the query gives".to_owned(), used: query.clone(), limit, unit };
            Ok(Wanted::Resource(Box::new(resource)))
        }
        (None, Some(_), None) => tell("`query` needs `capacity` or `capacity_query`: what there is of it"),
        (None, None, _) => tell("give `service`, or `query` with `capacity` or `capacity_query`"),
        (Some(_), Some(_), _) => tell("give either `service` or `query`"),
        (Some(_), None, Some(_)) => tell("`capacity` and `capacity_query` go with `query`, not with `service`"),
    }
}

impl Forecasts {
    fn of(mut lines: Vec<Line>, not_seen: Vec<String>, reach: Reach) -> Self {
        lines.sort_by(|a, b| a.urgency().total_cmp(&b.urgency()));
        let fills = lines.iter().filter(|line| line.hours_left().is_some()).count();
        let soonest_hours = lines.first().and_then(Line::hours_left);
        let left_out = lines.len().saturating_sub(MOST);
        lines.truncate(MOST);
        Self { resources: lines, left_out, fills, soonest_hours, hours_back: reach.hours_back, not_seen }
    }
}

impl fmt::Display for Forecasts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.resources.len() + self.left_out;
        match self.fills {
            _ if found == 0 => write!(out, "nothing was found that could run full")?,
            0 => write!(out, "none of {found} runs full as things are")?,
            fills => write!(out, "{fills} of {found} run full")?,
        }
        write!(out, " (by the last {} hours)", self.hours_back)?;
        for line in &self.resources {
            write!(out, "\n{line}")?;
        }
        if self.left_out > 0 {
            write!(out, "\n[{} more are left out, those farthest from full]", self.left_out)?;
        }
        self.not_seen.iter().try_for_each(|what| write!(out, "\nnot seen: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_is_none_is_told_with_what_would_be_right() {
        let ask = |args: serde_json::Value| {
            let args: ForecastArgs = serde_json::from_value(args).unwrap();
            wanted(&args).err().map_or_else(|| "fine".to_owned(), |failure| failure.to_string())
        };
        let told = [
            ask(serde_json::json!({})),
            ask(serde_json::json!({ "service": "a", "query": "b" })),
            ask(serde_json::json!({ "service": "a", "capacity": 5 })),
            ask(serde_json::json!({ "query": "used" })),
            ask(serde_json::json!({ "query": "used", "capacity": 5, "capacity_query": "all" })),
            ask(serde_json::json!({ "query": "used{", "capacity": 5 })),
            ask(serde_json::json!({ "query": "used", "capacity_query": "all" })),
        ];
        insta::assert_snapshot!(told.join("\n"), @"
        give `service`, or `query` with `capacity` or `capacity_query`
        give either `service` or `query`
        `capacity` and `capacity_query` go with `query`, not with `service`
        `query` needs `capacity` or `capacity_query`: what there is of it
        give `capacity` or `capacity_query`, not both
        the query does not parse: unexpected end of input inside braces
        used{
            ^ column 5
        fine
        ");
    }
}
