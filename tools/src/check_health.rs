//! `check_health`: one HTTP request to a service's health URL.

use std::{
    fmt,
    time::{Duration, Instant},
};

use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Failure, Seen, SharedCatalogue, Tool, service, text};

/// Bytes of an answer that are read.
const BODY: usize = 4_096;

/// Asks a service's health URL once: whether it answers, with which status, how fast, and the beginning of what it says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments"}]))]
pub struct CheckHealthArgs {
    /// A service of the catalogue.
    pub service: String,
}

/// Asks health URLs.
pub struct CheckHealth {
    client: Client,
    catalogue: SharedCatalogue,
    timeout: Duration,
}

/// What a health URL answers. A service that is ill is an answer, not a failure.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Whether it answered 2xx.
    pub ok: bool,
    /// `ok`, `status`, `timed out`, `refused` or `failed`.
    pub outcome: String,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// Milliseconds until the answer or the failure.
    pub milliseconds: u128,
    /// The beginning of the body.
    pub body: String,
}

impl CheckHealth {
    /// A tool that waits at most `timeout` for an answer.
    pub fn new(client: Client, catalogue: SharedCatalogue, timeout: Duration) -> Self {
        Self { client, catalogue, timeout }
    }
}

impl Tool for CheckHealth {
    const NAME: &'static str = "check_health";
    type Args = CheckHealthArgs;
    type Output = Health;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Health>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let Some(url) = &service.health_url else {
            let name = &service.name;
            return Err(Failure::Tell(format!("{name} has no health URL: set `health_url` in [services.{name}]")));
        };
        Ok(Seen { output: ask(&self.client, url, self.timeout).await, raw: Value::Null })
    }
}

/// Asks once.
pub(crate) async fn ask(client: &Client, url: &str, timeout: Duration) -> Health {
    let begun = Instant::now();
    let answer = async {
        let mut response = client.get(url).timeout(timeout).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() >= BODY {
                break;
            }
        }
        Ok::<_, reqwest::Error>((response.status(), body))
    };
    let answer = answer.await;
    let milliseconds = begun.elapsed().as_millis();
    match answer {
        Ok((status, body)) => {
            let body = text::one_line(&text::clean(&String::from_utf8_lossy(&body)), 300);
            let outcome = if status.is_success() { "ok".to_owned() } else { format!("status {}", status.as_u16()) };
            Health { ok: status.is_success(), outcome, status: Some(status.as_u16()), milliseconds, body }
        }
        Err(error) => {
            let outcome = if error.is_timeout() {
                "timed out"
            } else if error.is_connect() {
                "refused"
            } else {
                "broken off"
            };
            Health { ok: false, outcome: outcome.to_owned(), status: None, milliseconds, body: String::new() }
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", if self.ok { "answers" } else { "does not answer well" })?;
        match self.status {
            Some(status) => write!(out, ": status {status} after {} ms", self.milliseconds)?,
            None => write!(out, ": {} after {} ms", self.outcome, self.milliseconds)?,
        }
        if self.body.is_empty() { Ok(()) } else { write!(out, ", body: {}", self.body) }
    }
}
