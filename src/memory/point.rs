//! What the store keeps: one point a section of a document or an incident.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Sparse;

/// What is kept apart, and searched apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// What to do about an alert, by section.
    Runbooks,
    /// What was, why, and what helped.
    Incidents,
    /// Any Markdown: post-mortems, architecture notes, service pages.
    Documents,
}

impl Collection {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Runbooks, Self::Incidents, Self::Documents];

    /// Its name, as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runbooks => "runbooks",
            Self::Incidents => "incidents",
            Self::Documents => "documents",
        }
    }
}

/// A section of a document, or an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// From collection, source and place in it; the same each time.
    #[serde(default)]
    pub id: u64,
    /// The file, or `incident 42`, or `incident 42 of export.jsonl`.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// The headings above it, outermost first, joined by ` / `.
    #[serde(default)]
    pub section: String,
    /// Other words by which it should be found, which nobody reads: patterns of alerts, tags.
    #[serde(default)]
    pub keywords: String,
    /// The service that it is about; `None`: about any.
    #[serde(default)]
    pub service: Option<String>,
    /// The environment that it is about; `None`: about any.
    #[serde(default)]
    pub environment: Option<String>,
    /// What kind of text it is: `runbook`, `post-mortem`, `incident` …
    pub kind: String,
    /// When it was written or ended; `None` where nobody says.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// The hash of what it was made from: equal hashes need no second look.
    #[serde(default)]
    pub hash: String,
    /// The text, cleaned.
    pub text: String,
    /// For an incident: all that is remembered of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl Point {
    /// The id of the `ordinal`th point of a source.
    pub fn id_of(collection: Collection, source: &str, ordinal: usize) -> u64 {
        let text = format!("{}\0{source}\0{ordinal}", collection.name());
        Sha256::digest(text.as_bytes()).iter().take(8).fold(0, |id, byte| (id << 8) | u64::from(*byte))
    }
}

/// A point with its vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed {
    /// The point.
    pub point: Point,
    /// Its words.
    pub words: Sparse,
    /// Its meaning, where an embeddings endpoint is set.
    pub meaning: Option<Vec<f32>>,
}

/// Which points are wanted; all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// About this service.
    pub service: Option<String>,
    /// About this environment.
    pub environment: Option<String>,
    /// Whether what is about any service or environment is wanted too.
    pub general: bool,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this source.
    pub source: Option<String>,
    /// Not older.
    pub since: Option<DateTime<Utc>>,
    /// Not younger.
    pub until: Option<DateTime<Utc>>,
}

/// What the hash of a text is.
pub(crate) fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    hex::encode(digest.finalize()).chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_collections_sources_and_places_apart_and_stay() {
        let id = Point::id_of(Collection::Runbooks, "a.md", 0);
        assert_eq!(id, 10459747755380288144_u64);
        assert_ne!(id, Point::id_of(Collection::Documents, "a.md", 0));
        assert_ne!(id, Point::id_of(Collection::Runbooks, "b.md", 0));
        assert_ne!(id, Point::id_of(Collection::Runbooks, "a.md", 1));
    }

    #[test]
    fn a_hash_tells_where_one_part_ends() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }
}
