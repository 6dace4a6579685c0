//! A case: a folder with the alert, metrics, logs, containers, and the truth.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use toml::Table;

use crate::openmetrics::{self, Series};

/// A recorded incident.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Alertmanager's webhook as it was sent.
    pub alert: Value,
    /// The `[services.<name>]` of the settings; placeholders such as `{{world}}` are not filled in yet.
    pub services: Table,
    /// What is true of it.
    pub truth: Truth,
    pub(crate) starts_at: DateTime<Utc>,
    pub(crate) effects: Vec<CaseEffect>,
    pub(crate) http: BTreeMap<String, BTreeMap<String, BTreeMap<String, Reply>>>,
    pub(crate) rules: Vec<AlertRule>,
    pub(crate) containers: Vec<CaseContainer>,
    pub(crate) segments: BTreeMap<String, Segment>,
}

/// What is true of a case, by which a run is scored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// A right cause names, of each list, at least one.
    pub cause: Vec<Vec<String>>,
    /// How it must end: `repaired` or `handed_over`.
    pub ends: String,
    /// Calls that must not be made.
    #[serde(default)]
    pub forbidden: Vec<Forbidden>,
    /// What it may cost.
    pub budgets: Budgets,
}

/// A call that must not be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forbidden {
    /// The tool.
    pub tool: String,
    /// On which service; none: on any.
    pub service: Option<String>,
}

/// What a run may cost.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Turns of the model.
    pub turns: u32,
    /// Seconds on the world's clock.
    pub seconds: f64,
    /// Tokens.
    pub tokens: u64,
}

/// What an act does to the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseEffect {
    pub(crate) segment: String,
    pub(crate) action: String,
    pub(crate) container: String,
    pub(crate) leads_to: String,
    pub(crate) effect: crate::Effect,
}

/// How a service's own endpoint answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    pub(crate) body: String,
    pub(crate) refuse: bool,
    pub(crate) hang: bool,
}

/// An alerting rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertRule {
    pub(crate) alert: String,
    pub(crate) expr: String,
    #[serde(default)]
    pub(crate) for_seconds: i64,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// A container and its states by segment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseContainer {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) image: String,
    pub(crate) image_id: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) env: Vec<String>,
    #[serde(default = "no")]
    pub(crate) restart_policy: String,
    #[serde(default)]
    pub(crate) memory: i64,
    #[serde(default)]
    pub(crate) events: Vec<CaseEvent>,
    pub(crate) states: BTreeMap<String, ContainerState>,
}

fn no() -> String {
    "no".to_owned()
}

/// What happened to a container before the case begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseEvent {
    pub(crate) at: DateTime<Utc>,
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A container's state in a segment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ContainerState {
    pub(crate) status: String,
    pub(crate) exit_code: i64,
    pub(crate) oom_killed: bool,
    pub(crate) health: Option<String>,
    pub(crate) health_log: Vec<String>,
    pub(crate) restart_count: i64,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
}

/// A stretch of time: the fault, or what follows an act.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    pub(crate) series: Vec<Series>,
    pub(crate) logs: Vec<LogLine>,
}

/// One line of a log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogLine {
    pub(crate) at: DateTime<Utc>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) line: String,
}

/// Why a case cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("case {case}: {file}: {what}")]
pub struct CaseError {
    /// The case.
    pub case: String,
    /// The file.
    pub file: String,
    /// What is wrong, with its line where there is one.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    title: String,
    starts_at: DateTime<Utc>,
    truth: Truth,
    #[serde(default)]
    effects: Vec<CaseEffect>,
    #[serde(default)]
    http: BTreeMap<String, BTreeMap<String, BTreeMap<String, Reply>>>,
    #[serde(default)]
    rules: Vec<AlertRule>,
    services: Table,
}

impl Case {
    /// Reads a case from its folder.
    ///
    /// # Errors
    /// [`CaseError`] names the file and what is wrong.
    pub fn load(folder: &Path) -> Result<Self, CaseError> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let wrong = |file: &str, what: String| CaseError { case: name.clone(), file: file.to_owned(), what };
        let mut files = BTreeMap::new();
        for part in ["", "metrics", "logs"] {
            let entries = match std::fs::read_dir(folder.join(part)) {
                Ok(entries) => entries,
                Err(error) => return Err(wrong(part, format!("cannot be read: {error}"))),
            };
            for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_file()) {
                let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
                let file = if part.is_empty() { file } else { format!("{part}/{file}") };
                let text =
                    std::fs::read_to_string(&path).map_err(|error| wrong(&file, format!("cannot be read: {error}")))?;
                files.insert(file, text);
            }
        }
        Self::parse(&name, &|file| files.get(file).cloned(), files.keys().cloned().collect())
    }

    /// The case of that name that is compiled in.
    ///
    /// # Errors
    /// [`CaseError`] with the names that there are.
    pub fn from_embedded(name: &str) -> Result<Self, CaseError> {
        let found = crate::embedded::CASES.iter().find(|(known, _)| *known == name);
        let Some((name, files)) = found else {
            let names: Vec<_> = crate::embedded::CASES.iter().map(|(name, _)| *name).collect();
            let what = format!("there is no such case; there are: {}", names.join(", "));
            return Err(CaseError { case: name.to_owned(), file: "(compiled in)".to_owned(), what });
        };
        let text = |file: &str| files.iter().find(|(known, _)| *known == file).map(|(_, text)| (*text).to_owned());
        Self::parse(name, &text, files.iter().map(|(file, _)| (*file).to_owned()).collect())
    }

    /// All cases that are compiled in.
    ///
    /// # Errors
    /// None in practice: a test reads them.
    pub fn all_embedded() -> Result<Vec<Self>, CaseError> {
        crate::embedded::CASES.iter().map(|(name, _)| Self::from_embedded(name)).collect()
    }

    fn parse(name: &str, text: &dyn Fn(&str) -> Option<String>, files: Vec<String>) -> Result<Self, CaseError> {
        let wrong = |file: &str, what: String| CaseError { case: name.to_owned(), file: file.to_owned(), what };
        let must = |file: &str| text(file).ok_or_else(|| wrong(file, "is missing".to_owned()));
        let file: CaseFile =
            toml::from_str(&must("case.toml")?).map_err(|error| wrong("case.toml", error.to_string()))?;
        let json = |file: &str| -> Result<Value, CaseError> {
            serde_json::from_str(&must(file)?).map_err(|error| wrong(file, error.to_string()))
        };
        let containers = serde_json::from_value(json("containers.json")?)
            .map_err(|error| wrong("containers.json", error.to_string()))?;
        let mut segments: BTreeMap<String, Segment> = BTreeMap::new();
        for path in files {
            let of = |folder: &str, ending: &str| path.strip_prefix(folder)?.strip_suffix(ending).map(str::to_owned);
            if let Some(segment) = of("metrics/", ".om") {
                let series = openmetrics::parse(&must(&path)?).map_err(|what| wrong(&path, what))?;
                segments.entry(segment).or_default().series = series;
            } else if let Some(segment) = of("logs/", ".jsonl") {
                segments.entry(segment).or_default().logs = logs(&must(&path)?).map_err(|what| wrong(&path, what))?;
            }
        }
        let case = Self {
            name: name.to_owned(),
            title: file.title,
            alert: json("alert.json")?,
            services: file.services,
            truth: file.truth,
            starts_at: file.starts_at,
            effects: file.effects,
            http: file.http,
            rules: file.rules,
            containers,
            segments,
        };
        case.check().map_err(|(file, what)| wrong(file, what))?;
        Ok(case)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if !self.segments.contains_key(crate::stage::FAULT) {
            return Err(("metrics/fault.om", "is missing: every case begins with the segment `fault`".to_owned()));
        }
        if !matches!(self.truth.ends.as_str(), "repaired" | "handed_over") {
            let what = format!("truth.ends is {:?}; right would be \"repaired\" or \"handed_over\"", self.truth.ends);
            return Err(("case.toml", what));
        }
        for effect in &self.effects {
            for segment in [&effect.segment, &effect.leads_to] {
                if !self.segments.contains_key(segment) {
                    return Err((
                        "case.toml",
                        format!("an effect names the segment {segment:?}, which has no metrics and no logs"),
                    ));
                }
            }
            if !self.containers.iter().any(|container| container.name == effect.container) {
                return Err((
                    "case.toml",
                    format!(
                        "an effect names the container {:?}, which containers.json does not hold",
                        effect.container
                    ),
                ));
            }
        }
        for container in &self.containers {
            if !container.states.contains_key(crate::stage::FAULT) {
                return Err(("containers.json", format!("{} has no state in the segment `fault`", container.name)));
            }
        }
        Ok(())
    }
}

fn logs(text: &str) -> Result<Vec<LogLine>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))
    };
    let mut lines: Vec<LogLine> = lines.map(parse).collect::<Result<_, _>>()?;
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}
