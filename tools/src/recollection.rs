//! What the tools over memory have in common: the handle, its failures, and documents as a model reads them.

use std::{fmt, sync::Arc};

use memory::{Ask, Collection, Filter, Found, Hit, Memory, MemoryError};
use serde::Serialize;

use crate::{Failure, System, text};

/// Documents of one answer.
pub(crate) const LIMIT: usize = 3;
/// Documents of one answer at most.
const LIMIT_MOST: usize = 10;
/// Characters of the best section.
const BEST: usize = 700;
/// Characters of the other ones.
const OTHERS: usize = 160;
/// What is said when memory abstains.
pub(crate) const NOTHING: &str = "Nothing in memory is like this";

/// Memory, where it is configured.
///
/// # Errors
/// `Tell` that it is not.
pub(crate) fn memory(memory: &Option<Arc<Memory>>) -> Result<&Memory, Failure> {
    memory.as_deref().ok_or_else(|| Failure::Tell("memory is not configured ([memory] enabled)".to_owned()))
}

/// What may pass is retried by the loop; the rest only a person can mend, and a model must go on without.
pub(crate) fn failed(error: MemoryError) -> Failure {
    match error {
        MemoryError::Unreachable { system, why, retry_after } => {
            Failure::Unreachable { system: System::Memory, why: text::clean(&format!("{system}: {why}")), retry_after }
        }
        MemoryError::Wrong(why) => Failure::Tell(why),
        other @ (MemoryError::InUse(_)
        | MemoryError::Version { .. }
        | MemoryError::Damaged { .. }
        | MemoryError::DiskFull { .. }
        | MemoryError::Disk { .. }
        | MemoryError::Refused { .. }
        | MemoryError::Dimensions { .. }
        | MemoryError::Store(_)) => {
            Failure::Tell(format!("memory cannot be asked, go on without it: {}", text::clean(&other.to_string())))
        }
    }
}

/// How many are wanted.
pub(crate) fn limit(wanted: Option<usize>) -> usize {
    wanted.unwrap_or(LIMIT).clamp(1, LIMIT_MOST)
}

/// A question in words, which must be some.
///
/// # Errors
/// `Tell` when there are none.
pub(crate) fn words(query: &str) -> Result<String, Failure> {
    let query = query.trim();
    if query.is_empty() {
        return Err(Failure::Tell("`query` is empty; give the alert's words and what was seen".to_owned()));
    }
    Ok(query.to_owned())
}

/// Documents of one collection that are about this service or about any.
pub(crate) async fn documents(
    memory: &Memory,
    collection: Collection,
    query: &str,
    service: Option<String>,
    limit: usize,
) -> Result<Documents, Failure> {
    let filter = Filter { service, general: true, ..Filter::default() };
    let Found { hits, closest, notes } =
        memory.search(collection, &Ask { text: words(query)?, filter, limit }).await.map_err(failed)?;
    Ok(Documents { found: hits.len(), top: hits.first().cloned(), hits, closest, notes, collection: collection.name() })
}

/// Documents as a model reads them.
#[derive(Debug, Serialize)]
pub struct Documents {
    /// How many are like what was asked; 0 when memory knows nothing.
    found: usize,
    /// The most alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Hit>,
    /// All of them, most alike first.
    hits: Vec<Hit>,
    /// How alike the best was that was not alike enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    closest: Option<f32>,
    /// What a reader must know.
    notes: Vec<String>,
    #[serde(skip)]
    collection: &'static str,
}

impl fmt::Display for Documents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        nothing(out, self.found, self.closest)?;
        for (index, hit) in self.hits.iter().enumerate() {
            let section = if hit.section.is_empty() { String::new() } else { format!(", {}", hit.section) };
            if index == 0 {
                write!(out, "{} of the {} are like this, most alike first:", self.found, self.collection)?;
            }
            write!(out, "\n{} ({}{section}; {:.2} alike)", hit.title, hit.source, hit.likeness)?;
            write!(out, "\n{}", text::cut(hit.text.trim(), if index == 0 { BEST } else { OTHERS }))?;
        }
        notes(out, &self.notes)
    }
}

/// Says that memory abstains, if it does.
pub(crate) fn nothing(out: &mut fmt::Formatter<'_>, found: usize, closest: Option<f32>) -> fmt::Result {
    match (found, closest) {
        (0, Some(closest)) => write!(out, "{NOTHING} (the closest is only {closest:.2} alike)."),
        (0, None) => write!(out, "{NOTHING}."),
        _ => Ok(()),
    }
}

/// What a reader must know, at the end.
pub(crate) fn notes(out: &mut fmt::Formatter<'_>, notes: &[String]) -> fmt::Result {
    notes.iter().try_for_each(|note| write!(out, "\nnote: {note}"))
}
