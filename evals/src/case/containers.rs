//! `containers.json`: containers and images as Docker inspects them at the world's beginning, and the events before it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::CaseError;

const FILE: &str = "containers.json";

/// What Docker knows when the world begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Containers {
    /// Inspect documents.
    pub(crate) containers: Vec<Value>,
    /// Inspect documents of images.
    pub(crate) images: Vec<Value>,
    /// Inspect documents of the Swarm's services; `None` for an engine that manages none.
    #[serde(default)]
    pub(crate) swarm: Option<Vec<Value>>,
    /// Events, by time.
    #[serde(default)]
    pub(crate) events: Vec<RecordedEvent>,
}

/// Something that Docker saw before the world begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedEvent {
    pub(crate) at: DateTime<Utc>,
    /// The container's name.
    pub(crate) container: String,
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) attributes: std::collections::BTreeMap<String, String>,
}

/// Text below a document, such as `/State/Status`; empty when there is none.
pub(crate) fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The container's name without Docker's leading slash.
pub(crate) fn name(document: &Value) -> &str {
    text(document, "/Name").trim_start_matches('/')
}

pub(super) fn parse(file: &str) -> Result<Containers, CaseError> {
    let containers: Containers =
        serde_json::from_str(file).map_err(|error| CaseError::line(FILE, error.line(), error.to_string()))?;
    for (index, document) in containers.containers.iter().enumerate() {
        for pointer in ["/Id", "/Name", "/Created", "/Image", "/State/Status", "/State/StartedAt", "/Config/Image"] {
            if text(document, pointer).is_empty() {
                let key = format!("containers[{index}]{}", pointer.replace('/', "."));
                return Err(CaseError::key(FILE, key, "is missing; it is the text that `docker inspect` shows there"));
            }
        }
    }
    for (what, documents) in [("containers", &containers.containers), ("images", &containers.images)] {
        let mut ids = BTreeSet::new();
        if let Some(twice) = documents.iter().map(|document| text(document, "/Id")).find(|id| !ids.insert(*id)) {
            return Err(CaseError::key(
                FILE,
                format!("{what}.Id"),
                format!("`{twice}` is there twice; each has its own"),
            ));
        }
    }
    for (index, service) in containers.swarm.iter().flatten().enumerate() {
        for pointer in ["/ID", "/Spec/Name", "/Spec/TaskTemplate/ContainerSpec/Image"] {
            if text(service, pointer).is_empty() {
                let key = format!("swarm[{index}]{}", pointer.replace('/', "."));
                let problem = "is missing; it is the text that `docker service inspect` shows there";
                return Err(CaseError::key(FILE, key, problem));
            }
        }
    }
    for event in &containers.events {
        if !containers.containers.iter().any(|document| name(document) == event.container) {
            return Err(CaseError::key(FILE, "events", format!("`{}` is none of the containers", event.container)));
        }
    }
    Ok(containers)
}
