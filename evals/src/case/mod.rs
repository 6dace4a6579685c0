//! A case: a recorded incident, and the truth about it. It is a folder:
//!
//! - `case.toml`: name, title, `now` (when the alert had just been sent), `[truth]`, the `[services.*]` catalogue, the
//!   alerting `[[rules]]`, and `[segments.*]`; see [`document`].
//! - `alert.json`: the webhook's body, as Alertmanager sent it.
//! - `containers.json`: `containers` and `images` as Docker inspects them at `now`, and the `events` before.
//! - `metrics/<segment>.om`: OpenMetrics with timestamps in seconds; every sample has `job` and `instance`.
//! - `logs/<segment>.jsonl`: `{"ts":…,"labels":{"service":…,"container":…},"line":…,"stream":…}`, one a line.
//!
//! A container, its metrics' `job` and its logs' `service` bear one name. The world begins in the segment `fault`; a call
//! named in a segment's `on` leads to another, which is shifted so that it begins at the call. What a segment does not
//! list in `records` goes on from the segment before, and what a call does that no `on` names is worked out: a container
//! that is stopped is no longer scraped and logs nothing, one that is started counts from zero.

pub(crate) mod containers;
mod document;
mod embedded;
mod error;
mod files;
mod logs;
pub(crate) mod metrics;
mod segment;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::Value;

pub(crate) use containers::Containers;
use document::Document;
pub use document::{Action, Budgets, Effect, Remedy, Truth};
pub(crate) use document::{Behaviour, Reply, Rule, Silence, Transition};
pub use error::CaseError;
use files::Files;
pub(crate) use logs::LogLine;
pub(crate) use metrics::{Labels, RecordedSeries};
pub(crate) use segment::Segment;

/// The segment in which every world begins.
pub(crate) const FIRST: &str = "fault";
const FILE: &str = "case.toml";

/// A recorded incident.
#[derive(Debug, Clone)]
pub struct Case {
    /// The name, which is also the folder's.
    pub name: String,
    /// What happens, in a few words; it does not give the cause away.
    pub title: String,
    /// The body of Alertmanager's webhook (version 4) as it was sent.
    pub alert: Value,
    /// `[services.*]` in the agent's own settings format; may hold `{{prometheus}}`, `{{loki}}`, `{{docker}}`, `{{github}}`,
    /// `{{alertmanager}}` and `{{world}}`, which [`crate::World::services`] fills.
    pub services: toml::Table,
    /// What is true of the incident, for scoring.
    pub truth: Truth,
    /// The virtual time at which the world begins, in milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) rules: Vec<Rule>,
    pub(crate) containers: Containers,
    /// By name. Invariant: [`FIRST`] is there, and every transition leads to one of them.
    pub(crate) segments: BTreeMap<String, Arc<Segment>>,
}

impl Case {
    /// Reads a case from its folder.
    ///
    /// # Errors
    /// Names the file, the line or key, and what would be right.
    pub fn load(folder: &Path) -> Result<Self, CaseError> {
        let at_folder = |error: CaseError| {
            if Path::new(&error.file).starts_with(folder) {
                error
            } else {
                CaseError { file: folder.join(&error.file).display().to_string(), ..error }
            }
        };
        Files::read(folder).and_then(|files| Self::read(&files)).map_err(at_folder)
    }

    /// The names and titles of the cases that are compiled in.
    ///
    /// # Errors
    /// When a compiled-in case is broken.
    pub fn embedded() -> Result<Vec<(String, String)>, CaseError> {
        Ok(Self::all_embedded()?.into_iter().map(|case| (case.name, case.title)).collect())
    }

    /// A case that is compiled in.
    ///
    /// # Errors
    /// When there is none of that name; the error lists those that there are.
    pub fn from_embedded(name: &str) -> Result<Self, CaseError> {
        let Some((_, files)) = embedded::CASES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = embedded::CASES.iter().map(|(name, _)| *name).collect();
            return Err(CaseError::file(name, format!("there is no such case; there are {}", known.join(", "))));
        };
        Self::read(&Files::embedded(files))
            .map_err(|error| CaseError { file: format!("{name}/{}", error.file), ..error })
    }

    /// All cases that are compiled in, by name.
    ///
    /// # Errors
    /// When a compiled-in case is broken.
    pub fn all_embedded() -> Result<Vec<Self>, CaseError> {
        embedded::CASES.iter().map(|(name, _)| Self::from_embedded(name)).collect()
    }

    fn read(files: &Files) -> Result<Self, CaseError> {
        let document: Document =
            toml::from_str(files.get(FILE)?).map_err(|error| CaseError::file(FILE, error.to_string().trim_end()))?;
        let alert = files.get("alert.json")?;
        let alert = serde_json::from_str(alert)
            .map_err(|error| CaseError::line("alert.json", error.line(), error.to_string()))?;
        let mut segments = BTreeMap::new();
        for (name, segment) in document.segments {
            segments.insert(name.clone(), Arc::new(Segment::load(&name, segment, files)?));
        }
        let case = Self {
            name: document.name,
            title: document.title,
            alert,
            services: document.services,
            truth: document.truth,
            now: document.now.timestamp_millis(),
            rules: document.rules,
            containers: containers::parse(files.get("containers.json")?)?,
            segments,
        };
        case.check()?;
        case.check_files(files)?;
        Ok(case)
    }

    fn check(&self) -> Result<(), CaseError> {
        if !self.segments.contains_key(FIRST) {
            return Err(CaseError::key(FILE, "segments", format!("there is no `{FIRST}`; every world begins in it")));
        }
        if !["repaired", "handed_over"].contains(&self.truth.ends.as_str()) {
            return Err(CaseError::key(FILE, "truth.ends", "is `repaired` or `handed_over`"));
        }
        for (index, rule) in self.rules.iter().enumerate() {
            let key = |field: &str| format!("rules[{index}].{field}");
            promql_parser::parser::parse(&rule.expr).map_err(|error| CaseError::key(FILE, key("expr"), error))?;
            for (name, text) in &rule.annotations {
                crate::prometheus::template::check(text)
                    .map_err(|error| CaseError::key(FILE, key(&format!("annotations.{name}")), error))?;
            }
        }
        self.segments.values().try_for_each(|segment| self.check_segment(segment))
    }

    fn check_segment(&self, segment: &Segment) -> Result<(), CaseError> {
        let key = |field: &str| format!("segments.{}.{field}", segment.name);
        let is_container =
            |name: &String| self.containers.containers.iter().any(|known| containers::name(known) == name);
        if let Some(unknown) = segment.containers.keys().find(|name| !is_container(name)) {
            return Err(CaseError::key(
                FILE,
                key("containers"),
                format!("`{unknown}` is none of those in containers.json"),
            ));
        }
        for transition in &segment.transitions {
            if !is_container(&transition.container) {
                let problem = format!("`{}` is none of those in containers.json", transition.container);
                return Err(CaseError::key(FILE, key("on.container"), problem));
            }
            if !self.segments.contains_key(&transition.to) {
                let known: Vec<_> = self.segments.keys().map(String::as_str).collect();
                let problem = format!("`{}` is no segment; there are {}", transition.to, known.join(", "));
                return Err(CaseError::key(FILE, key("on.to"), problem));
            }
        }
        Ok(())
    }

    /// A file that belongs to no segment is a slip of the pen.
    fn check_files(&self, files: &Files) -> Result<(), CaseError> {
        for (folder, extension) in [("metrics", "om"), ("logs", "jsonl")] {
            if let Some(stray) =
                files.stems(folder, extension).into_iter().find(|name| !self.segments.contains_key(*name))
            {
                let problem = format!("there is no `[segments.{stray}]` in case.toml for it");
                return Err(CaseError::file(&format!("{folder}/{stray}.{extension}"), problem));
            }
        }
        Ok(())
    }
}
