//! What Docker tells of containers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::container::Container;

/// Something that happened to a container, a network or an image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// Docker's word for what it is about.
    pub(crate) kind: &'static str,
    /// The container's name; empty for what is about none.
    pub(crate) container: String,
    pub(crate) action: String,
    id: String,
    attributes: BTreeMap<String, String>,
}

impl Event {
    /// An event with Docker's usual attributes and `more`.
    pub(super) fn new(container: &Container, at: i64, action: &str, more: BTreeMap<String, String>) -> Self {
        let mut attributes = container.labels().clone();
        attributes.insert("image".to_owned(), container.image().to_owned());
        attributes.insert("name".to_owned(), container.name.clone());
        attributes.extend(more);
        Self {
            at,
            kind: "container",
            container: container.name.clone(),
            action: action.to_owned(),
            id: container.id().to_owned(),
            attributes,
        }
    }

    /// An event of something that is no container.
    pub(super) fn other(kind: &'static str, id: &str, at: i64, action: &str, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { at, kind, container: String::new(), action: action.to_owned(), id: id.to_owned(), attributes }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The container's labels, among other attributes.
    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// As `/events` tells it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "status": self.action,
            "id": self.id,
            "from": self.attributes.get("image"),
            "Type": self.kind,
            "Action": self.action,
            "Actor": { "ID": self.id, "Attributes": self.attributes },
            "scope": "local",
            "time": self.at.div_euclid(1000),
            "timeNano": self.at.saturating_mul(1_000_000),
        })
    }
}
