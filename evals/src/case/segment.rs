//! A segment: a piece of the recording.

use std::collections::BTreeMap;

use super::{
    CaseError,
    document::{Behaviour, SegmentDocument},
    files::Files,
    logs::{self, LogLine},
    metrics::{self, Metrics},
    transition::Transition,
};

/// A piece of the recording, and how containers behave in it.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: String,
    /// The moment of the recording at which it begins, in milliseconds since 1970.
    pub(crate) begins: i64,
    /// The names (metrics' `job`, logs' `service`) that it records.
    pub(crate) records: Vec<String>,
    pub(crate) healed: bool,
    pub(crate) metrics: Metrics,
    /// By service.
    pub(crate) logs: BTreeMap<String, Vec<LogLine>>,
    pub(crate) containers: BTreeMap<String, Behaviour>,
    pub(crate) transitions: Vec<Transition>,
}

impl Segment {
    pub(super) fn load(name: &str, document: SegmentDocument, files: &Files) -> Result<Self, CaseError> {
        let file = format!("metrics/{name}.om");
        let metrics =
            metrics::parse(files.get(&file)?).map_err(|(line, problem)| CaseError::line(&file, line, problem))?;
        known(&file, metrics.jobs.keys(), &document.records)?;
        let file = format!("logs/{name}.jsonl");
        let logs = match files.find(&file) {
            Some(text) => logs::parse(text).map_err(|(line, problem)| CaseError::line(&file, line, problem))?,
            None => BTreeMap::new(),
        };
        known(&file, logs.keys(), &document.records)?;
        Ok(Self {
            name: name.to_owned(),
            begins: document.begins.timestamp_millis(),
            records: document.records,
            healed: document.healed,
            metrics,
            logs,
            containers: document.containers,
            transitions: document.on,
        })
    }
}

/// Invariant: what a segment records it also says that it records, else two segments would be mixed unseen.
fn known<'a>(file: &str, mut found: impl Iterator<Item = &'a String>, records: &[String]) -> Result<(), CaseError> {
    match found.find(|name| !records.contains(name)) {
        None => Ok(()),
        Some(name) => Err(CaseError::file(
            file,
            format!(
                "records `{name}`, which is not among the segment's `records` in case.toml ({})",
                records.join(", ")
            ),
        )),
    }
}
