//! What the engine says happened.

use std::collections::HashMap;

use bollard::{models::EventMessage, query_parameters::EventsOptions};
use chrono::{DateTime, Utc};

use super::{Docker, failure};
use crate::{Failure, Service};

/// Events that are read at most.
const EVENTS: usize = 2_000;

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
        let client = self.client(self.timeout)?;
        let options = EventsOptions {
            since: Some(since.timestamp().to_string()),
            until: Some(until.timestamp().to_string()),
            filters: Some(HashMap::from([("container".to_owned(), vec![id.to_owned()])])),
        };
        let mut events = Vec::new();
        let mut output = std::pin::pin!(client.events(Some(options)));
        while let Some(event) = self.next(&mut output).await? {
            let event = event.map_err(failure)?;
            if event.action.as_deref().is_some_and(|action| !action.starts_with("exec_")) {
                events.push(event);
            }
            if events.len() >= EVENTS {
                break;
            }
        }
        Ok(events)
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
        let client = self.client(self.timeout)?;
        let mut filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), vec!["health_status".to_owned()]),
        ]);
        match &service.container {
            Some(name) => filters.insert("container".to_owned(), vec![name.clone()]),
            None => {
                let labels = service.labels.iter().map(|(key, value)| format!("{key}={value}"));
                filters.insert("label".to_owned(), labels.collect())
            }
        };
        let options = EventsOptions {
            since: Some(since.timestamp().to_string()),
            until: Some(until.timestamp().to_string()),
            filters: Some(filters),
        };
        let mut images = Vec::new();
        let mut output = std::pin::pin!(client.events(Some(options)));
        while let Some(event) = self.next(&mut output).await? {
            let event = event.map_err(failure)?;
            let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
            if let (Some("health_status: healthy"), Some(image)) = (event.action.as_deref(), attributes.get("image")) {
                images.push((event.time.unwrap_or_default(), image.clone()));
            }
            if images.len() >= EVENTS {
                break;
            }
        }
        Ok(images)
    }
}
