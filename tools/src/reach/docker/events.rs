//! What the engine says happened. An engine keeps only its newest events.

use std::collections::HashMap;

use bollard::{models::EventMessage, query_parameters::EventsOptions};
use chrono::{DateTime, Utc};

use super::{Docker, failure};
use crate::{Failure, Service};

/// Events that are read at most.
const EVENTS: usize = 2_000;
/// What happens all the time and changes nothing.
const NOISE: [&str; 8] = ["exec_", "attach", "top", "resize", "export", "archive-path", "extract-to-dir", "commit"];

type Filters = HashMap<String, Vec<String>>;

impl Docker {
    /// What the engine says happened to a container between two moments; probes left out.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub async fn events(
        &self,
        id: &str,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<EventMessage>, Failure> {
        self.filtered(filter("container", id), since, until).await
    }

    /// What the engine says happened to the containers of a service between two moments, those that are gone by now among them;
    /// oldest first.
    ///
    /// # Errors
    /// `Tell` when the catalogue names neither container nor labels; else `Unreachable`.
    pub async fn service_events(
        &self,
        service: &Service,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<EventMessage>, Failure> {
        self.filtered(containers(service)?, since, until).await
    }

    /// What the engine says happened to a Swarm service between two moments, oldest first.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub async fn swarm_events(
        &self,
        name: &str,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<EventMessage>, Failure> {
        let mut filters = filter("type", "service");
        filters.extend(filter("service", name));
        self.filtered(filters, since, until).await
    }

    /// The images whose containers of a service were seen to be healthy between two moments, with the moment in seconds.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub(crate) async fn healthy_images(
        &self,
        service: &Service,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<(i64, String)>, Failure> {
        let mut filters = containers(service)?;
        filters.extend(filter("event", "health_status"));
        let healthy = self.filtered(filters, since, until).await?.into_iter().filter_map(|event| {
            let image = event.actor?.attributes?.remove("image")?;
            (event.action? == "health_status: healthy").then_some((event.time.unwrap_or_default(), image))
        });
        Ok(healthy.collect())
    }

    async fn filtered(
        &self,
        filters: Filters,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<EventMessage>, Failure> {
        let client = self.client(self.timeout)?;
        let options = EventsOptions {
            since: Some(since.timestamp().to_string()),
            until: Some(until.timestamp().to_string()),
            filters: Some(filters),
        };
        let mut events = Vec::new();
        let mut output = std::pin::pin!(client.events(Some(options)));
        while let Some(event) = self.next(&mut output).await? {
            let event: EventMessage = event.map_err(failure)?;
            let action = event.action.as_deref().unwrap_or_default();
            if !action.is_empty() && !NOISE.iter().any(|noise| action.starts_with(noise)) {
                events.push(event);
            }
            if events.len() >= EVENTS {
                break;
            }
        }
        Ok(events)
    }
}

fn filter(name: &str, value: &str) -> Filters {
    HashMap::from([(name.to_owned(), vec![value.to_owned()])])
}

/// The filter by which the engine finds containers of a service, whether they are still there or not.
fn containers(service: &Service) -> Result<Filters, Failure> {
    let mut filters = filter("type", "container");
    match &service.container {
        Some(name) => filters.extend(filter("container", name.trim_start_matches('/'))),
        // Without a filter the engine would tell of all containers.
        None if service.labels.is_empty() => {
            return Err(Failure::Tell(format!("the catalogue names no container of {}", service.name)));
        }
        None => {
            let labels = service.labels.iter().map(|(key, value)| format!("{key}={value}"));
            filters.insert("label".to_owned(), labels.collect());
        }
    }
    Ok(filters)
}
