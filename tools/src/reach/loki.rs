//! Loki's HTTP API. Source: <https://grafana.com/docs/loki/latest/reference/loki-http-api/>

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use super::{Http, HttpOptions, Series, prometheus::Point};
use crate::{Failure, SharedClock, System};

/// A client of one Loki.
pub struct Loki {
    http: Http,
}

/// An answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub enum LokiAnswer {
    /// Lines with their moments (nanoseconds) and streams, newest first.
    Lines(Vec<(i64, BTreeMap<String, String>, String)>),
    /// A metric query's series.
    Metric(Vec<Series>),
}

#[derive(Deserialize)]
struct Envelope {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Value,
}

#[derive(Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Range {
    metric: BTreeMap<String, String>,
    values: Vec<Point>,
}

impl Loki {
    /// A client; asks nothing yet.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no HTTP URL.
    pub fn new(client: Client, base: &str, options: HttpOptions, clock: SharedClock) -> Result<Self, Failure> {
        Ok(Self { http: Http::new(System::Loki, client, base, options, clock)? })
    }

    /// Whether it is ready, in its own words.
    ///
    /// # Errors
    /// As [`Http::get`]; Loki is not ready for its first 15 seconds.
    pub async fn ready(&self) -> Result<String, Failure> {
        Ok(self.http.text("ready").await?.trim().to_owned())
    }

    /// A query over time; for lines the newest `limit`.
    ///
    /// # Errors
    /// `Tell` when Loki refuses the query; else as [`Http::get`].
    pub async fn query_range(
        &self,
        query: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        limit: usize,
        step_seconds: u32,
    ) -> Result<(LokiAnswer, Value), Failure> {
        let nanoseconds = |at: DateTime<Utc>| at.timestamp_nanos_opt().unwrap_or_default().to_string();
        let parameters = [
            ("query", query.to_owned()),
            ("start", nanoseconds(start)),
            ("end", nanoseconds(end)),
            ("limit", limit.to_string()),
            ("direction", "backward".to_owned()),
            ("step", step_seconds.to_string()),
        ];
        let Envelope { data } = self.http.get("loki/api/v1/query_range", &parameters).await?;
        let raw = data.result.clone();
        let answer = match data.kind.as_str() {
            "streams" => LokiAnswer::Lines(lines(read(data.result)?)),
            "matrix" => {
                let found: Vec<Range> = read(data.result)?;
                let series = |found: Range| Series {
                    labels: found.metric,
                    samples: found.values.iter().map(Point::sample).collect(),
                };
                LokiAnswer::Metric(found.into_iter().map(series).collect())
            }
            other => {
                return Err(Failure::unreachable(System::Loki, format!("answers with result type {other:?}")));
            }
        };
        Ok((answer, raw))
    }
}

fn lines(streams: Vec<Stream>) -> Vec<(i64, BTreeMap<String, String>, String)> {
    let mut lines: Vec<_> = streams
        .into_iter()
        .flat_map(|Stream { stream, values }| {
            values.into_iter().map(move |(at, line)| (at.parse().unwrap_or_default(), stream.clone(), line))
        })
        .collect();
    lines.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    lines
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::unreachable(System::Loki, format!("answers in another form: {error}")))
}
