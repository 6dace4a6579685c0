//! Prometheus's HTTP API. Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>

mod matrix;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

pub(crate) use matrix::Plain;

use super::{Http, HttpOptions};
use crate::{Failure, SharedClock, System};

/// A client of one Prometheus.
pub struct Prometheus {
    http: Http,
}

/// Labels of a series.
type Labels = BTreeMap<String, String>;

/// One value at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: DateTime<Utc>,
    /// The value; may be NaN or infinite.
    pub value: f64,
}

/// One series of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, `__name__` among them.
    pub labels: Labels,
    /// Its samples, oldest first.
    pub samples: Vec<Sample>,
}

/// An answer to a query, and the data as Prometheus gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusAnswer {
    /// `vector`, `matrix`, `scalar` or `string`.
    pub kind: String,
    /// The series; a scalar is one series without labels.
    pub series: Vec<Series>,
    /// `data` as it came.
    pub raw: Value,
}

/// An alerting rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its expression.
    pub expr: String,
    /// Labels that it sets.
    pub labels: Labels,
}

/// Whether an alert's expression holds for an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// Whether a series of the alert is left.
    pub holds: bool,
    /// What was seen.
    pub found: String,
}

#[derive(Deserialize)]
struct Envelope {
    data: Value,
}

impl Prometheus {
    /// A client; asks nothing yet.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no HTTP URL.
    pub fn new(client: Client, base: &str, options: HttpOptions, clock: SharedClock) -> Result<Self, Failure> {
        Ok(Self { http: Http::new(System::Prometheus, client, base, options, clock)? })
    }

    /// Whether it is ready, in its own words.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn ready(&self) -> Result<String, Failure> {
        let info = self.data("api/v1/status/buildinfo", &[]).await?;
        let version = info.get("version").and_then(Value::as_str).unwrap_or("(version unknown)");
        Ok(format!("version {}", crate::text::clean(version)))
    }

    /// An instant query.
    ///
    /// # Errors
    /// `Tell` when Prometheus refuses the query; else as [`Http::get`].
    pub async fn query(&self, query: &str, at: DateTime<Utc>) -> Result<PrometheusAnswer, Failure> {
        self.answer("api/v1/query", &[("query", query.to_owned()), ("time", seconds(at))]).await
    }

    /// A query over time.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub async fn query_range(
        &self,
        query: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        step_seconds: u32,
    ) -> Result<PrometheusAnswer, Failure> {
        let parameters = [
            ("query", query.to_owned()),
            ("start", seconds(start)),
            ("end", seconds(end)),
            ("step", step_seconds.to_string()),
        ];
        self.answer("api/v1/query_range", &parameters).await
    }

    /// Names of metrics that have series of this selector since a moment.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub async fn metric_names(
        &self,
        selector: Option<&str>,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<String>, Failure> {
        let mut parameters = vec![("start", seconds(since)), ("end", seconds(until))];
        parameters.extend(selector.map(|selector| ("match[]", selector.to_owned())));
        let names = self.data("api/v1/label/__name__/values", &parameters).await?;
        self.read(names)
    }

    /// Type and help of metrics, by name.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn metadata(&self) -> Result<BTreeMap<String, (String, String)>, Failure> {
        #[derive(Deserialize)]
        struct About {
            #[serde(rename = "type", default)]
            kind: String,
            #[serde(default)]
            help: String,
        }
        let all: BTreeMap<String, Vec<About>> = self.read(self.data("api/v1/metadata", &[]).await?)?;
        let first = |(name, about): (String, Vec<About>)| {
            about.into_iter().next().map(|about| (name, (about.kind, about.help)))
        };
        Ok(all.into_iter().filter_map(first).collect())
    }

    /// Alerts as Prometheus sees them: pending and firing.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn alerts(&self) -> Result<Vec<Value>, Failure> {
        let data = self.data("api/v1/alerts", &[]).await?;
        self.read(data.get("alerts").cloned().unwrap_or_default())
    }

    /// The alerting rule of that name; of several the one whose own labels fit the alert's best.
    ///
    /// # Errors
    /// As [`Http::get`].
    pub async fn alert_rule(&self, name: &str, labels: &Labels) -> Result<Option<Rule>, Failure> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(default)]
            name: String,
            #[serde(default)]
            query: String,
            #[serde(default)]
            labels: Labels,
        }
        #[derive(Deserialize)]
        struct Group {
            #[serde(default)]
            rules: Vec<Listed>,
        }
        #[derive(Deserialize)]
        struct Groups {
            #[serde(default)]
            groups: Vec<Group>,
        }
        let groups: Groups = self.read(self.data("api/v1/rules", &[("type", "alert".to_owned())]).await?)?;
        let named = groups.groups.into_iter().flat_map(|group| group.rules).filter(|rule| rule.name == name);
        // A template in a rule's label has another value in the alert; literal ones have to be equal.
        let fits = |rule: &Listed| {
            rule.labels.iter().filter(|(key, value)| value.contains("{{") || labels.get(*key) == Some(value)).count()
        };
        let best = named.max_by_key(|rule| (fits(rule) == rule.labels.len(), fits(rule)));
        Ok(best.map(|rule| Rule { expr: rule.query, labels: rule.labels }))
    }

    /// Whether `expression` still holds for an alert with these labels. A resulting series is the alert's if each of its labels
    /// has the same value in the alert, or is one that the rule sets itself.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub async fn still_holds(
        &self,
        expression: &str,
        set_by_rule: &BTreeSet<String>,
        alert: &Labels,
        at: DateTime<Utc>,
    ) -> Result<Holds, Failure> {
        let answer = self.query(expression, at).await?;
        let own = |series: &&Series| {
            let mut labels = series.labels.iter().filter(|(key, _)| *key != "__name__" && !set_by_rule.contains(*key));
            labels.all(|(key, value)| alert.get(key) == Some(value))
        };
        let others = answer.series.len();
        let Some(series) = answer.series.iter().find(own) else {
            let others = if others == 0 { String::new() } else { format!("; it still holds for {others} others") };
            return Ok(Holds { holds: false, found: format!("no series of this alert is left{others}") });
        };
        let value = series.samples.last().map_or(f64::NAN, |sample| sample.value);
        Ok(Holds { holds: true, found: format!("it still holds, with value {value}") })
    }

    /// The first number of an instant query; `None` when no series comes back.
    ///
    /// # Errors
    /// As [`Prometheus::query`].
    pub async fn number(&self, query: &str, at: DateTime<Utc>) -> Result<Option<f64>, Failure> {
        let answer = self.query(query, at).await?;
        Ok(answer.series.first().and_then(|series| series.samples.last()).map(|sample| sample.value))
    }

    async fn answer(&self, path: &str, parameters: &[(&str, String)]) -> Result<PrometheusAnswer, Failure> {
        let raw = self.data(path, parameters).await?;
        let kind = raw.get("resultType").and_then(Value::as_str).unwrap_or_default().to_owned();
        let result = raw.get("result").cloned().unwrap_or_default();
        let series = match kind.as_str() {
            "vector" => {
                let found: Vec<Instant> = self.read(result)?;
                found
                    .into_iter()
                    .map(|found| Series {
                        labels: found.metric,
                        samples: found.value.iter().map(Point::sample).collect(),
                    })
                    .collect()
            }
            "matrix" => {
                let found: Vec<Range> = self.read(result)?;
                let samples = |values: Vec<Point>| values.iter().map(Point::sample).collect();
                found.into_iter().map(|found| Series { labels: found.metric, samples: samples(found.values) }).collect()
            }
            "scalar" => {
                let found: Point = self.read(result)?;
                vec![Series { labels: Labels::new(), samples: vec![found.sample()] }]
            }
            "string" => Vec::new(),
            other => {
                return Err(Failure::unreachable(System::Prometheus, format!("answers with result type {other:?}")));
            }
        };
        Ok(PrometheusAnswer { kind, series, raw })
    }

    async fn data(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, Failure> {
        let envelope: Envelope = self.http.get(path, parameters).await?;
        Ok(envelope.data)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T, Failure> {
        serde_json::from_value(value)
            .map_err(|error| Failure::unreachable(System::Prometheus, format!("answers in another form: {error}")))
    }
}

/// A native histogram has samples that are no numbers, and no `value`.
#[derive(Deserialize)]
struct Instant {
    metric: Labels,
    value: Option<Point>,
}

/// The same with `values`.
#[derive(Deserialize)]
struct Range {
    metric: Labels,
    #[serde(default)]
    values: Vec<Point>,
}

/// Seconds since the epoch and a number written as text: JSON has no NaN.
#[derive(Deserialize)]
pub(super) struct Point(f64, String);

impl Point {
    pub(super) fn sample(&self) -> Sample {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date fit")]
        let at = DateTime::from_timestamp_millis((self.0 * 1_000.0).round() as i64).unwrap_or_default();
        let value = match self.1.as_str() {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            text => text.parse().unwrap_or(f64::NAN),
        };
        Sample { at, value }
    }
}

/// Seconds since the epoch with milliseconds, as Prometheus reads times.
fn seconds(at: DateTime<Utc>) -> String {
    format!("{}.{:03}", at.timestamp(), at.timestamp_subsec_millis())
}

/// The expression in the link that an alert carries: `g0.expr` of Prometheus's graph page.
pub fn expression_of(generator_url: &str) -> Option<String> {
    let url = Url::parse(generator_url).ok()?;
    url.query_pairs().find(|(key, _)| key == "g0.expr").map(|(_, expression)| expression.into_owned())
}
