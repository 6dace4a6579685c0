//! A case: a recorded incident, and the truth about it. It is a folder:
//!
//! - `case.toml`: name, title, `now` (when the alert had just been sent), `[truth]`, the `[services.*]` catalogue, the
//!   alerting `[[rules]]`, `[images.*]` and `[segments.*]`; see [`document`] and [`transition`].
//! - `alert.json`: the webhook's body, as Alertmanager sent it.
//! - `containers.json`: `containers` and `images` as Docker inspects them at `now`, and the `events` before; `swarm`, the
//!   services as Docker inspects them, makes the engine a Swarm manager, and their containers are those with its labels.
//! - `metrics/<segment>.om`: OpenMetrics with timestamps in seconds; every sample has `job` and `instance`.
//! - `logs/<segment>.jsonl`: `{"ts":…,"labels":{"service":…,"container":…},"line":…,"stream":…}`, one a line.
//!
//! A container, its metrics' `job` and its logs' `service` bear one name. The world begins in the segment `fault`; a call
//! named in a segment's `on` leads to another, which is shifted so that it begins at the call. What a segment does not
//! list in `records` goes on from the segment before, and what a call does that no `on` names is worked out: a container
//! that is stopped is no longer scraped and logs nothing, one that is started counts from zero, and one that is made with
//! the labels of another is one more of its service, with metrics and logs like the other's under an instance of its own.
//!
//! `on` names calls on a container (`restart`, `start`, `stop`, `kill`) and what comes to be true of its service: `scale`
//! (with `at_least`), `update_resources` (with `memory`), `deploy` and `rollback` (with or without `image`). `[images."ref"]`
//! says how containers of an image behave (`behaviour`, as in a segment's `containers`), in whatever segment.
//!
//! [`Case::synthetic`] makes a case without any recording: its metrics and logs come from the services' load.

pub(crate) mod containers;
mod document;
mod embedded;
mod error;
mod files;
mod logs;
pub(crate) mod metrics;
mod segment;
mod synthetic;
mod transition;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::Value;

pub(crate) use containers::Containers;
use document::Document;
pub(crate) use document::{Behaviour, ImageBehaviour, Reply, Rule, Silence};
pub use document::{Budgets, Remedy, Truth};
pub use error::CaseError;
use files::Files;
pub(crate) use logs::LogLine;
pub(crate) use metrics::{Labels, RecordedSeries};
pub(crate) use segment::Segment;
pub use synthetic::{Illness, Synthetic, SyntheticImage, SyntheticService};
pub(crate) use synthetic::{Load, id_of, image as image_document, short_id};
pub use transition::{Action, Effect};
pub(crate) use transition::{Cause, Transition};

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
    /// By reference.
    pub(crate) images: BTreeMap<String, ImageBehaviour>,
    /// What services have to do whose metrics were not recorded, by service.
    pub(crate) loads: BTreeMap<String, Load>,
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
            images: document.images,
            loads: BTreeMap::new(),
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
        for (reference, image) in &self.images {
            if !(0.0..=1.0).contains(&image.error_ratio) {
                let key = format!("images.{reference:?}.error_ratio");
                return Err(CaseError::key(FILE, key, format!("is {}; it is a share from 0 to 1", image.error_ratio)));
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
            if let Some((field, problem)) = transition.problem() {
                return Err(CaseError::key(FILE, key(&format!("on.{field}")), problem));
            }
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
