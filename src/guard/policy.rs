//! The policy: what may be done, read from TOML, refused whole if any part is wrong.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use tools::Autonomy;

/// The compiled-in policy.
const DEFAULT: &str = include_str!("default_policy.toml");

/// What the agent may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    version: u32,
    /// For services that say nothing of their own.
    pub autonomy: Autonomy,
    /// Names of services and containers that are never changed.
    pub protected: Vec<String>,
    /// Numbers that hold everywhere.
    pub caps: Caps,
    /// Rules for single tools and services.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Numbers that hold everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Changes that one incident may make.
    pub changes_an_incident: u32,
    /// How long a service is left alone after a change.
    #[serde(deserialize_with = "duration")]
    pub cool_down: Duration,
}

/// A rule for single tools and services.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule in verdicts.
    pub name: String,
    /// Which tools, `*` for any run of characters.
    #[serde(default = "any")]
    tool: String,
    /// Which services, `*` for any run of characters.
    #[serde(default = "any")]
    service: String,
    /// What it says.
    pub verdict: Says,
    /// Why, in its author's words.
    pub because: String,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    counter_examples: Vec<Example>,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Nothing against it.
    Allow,
    /// A person decides.
    Ask,
    /// Never.
    Refuse,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    tool: String,
    service: String,
}

/// Why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {file}: {what}")]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// What is wrong, where, and what would be right.
    pub what: String,
}

impl Policy {
    /// The compiled-in policy.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::parse("(compiled in)", DEFAULT)
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] when the file cannot be read or any part is wrong.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| PolicyError { file: file.clone(), what: format!("cannot be read: {error}") })?;
        Self::parse(&file, &text)
    }

    /// Reads a policy from text; `file` names it in errors.
    ///
    /// # Errors
    /// [`PolicyError`] when any part is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| PolicyError { file: file.to_owned(), what };
        let policy: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if policy.version != 1 {
            return Err(wrong(format!("version is {}, this program knows 1", policy.version)));
        }
        for rule in &policy.rules {
            rule.check().map_err(&wrong)?;
        }
        Ok(policy)
    }
}

impl Rule {
    /// Whether the rule speaks about this call.
    pub fn matches(&self, tool: &str, service: &str) -> bool {
        glob(&self.tool, tool) && glob(&self.service, service)
    }

    /// A rule that does not mean what its author thinks never starts.
    fn check(&self) -> Result<(), String> {
        let says = |example: &Example| self.matches(&example.tool, &example.service);
        if self.examples.is_empty() {
            return Err(format!("rule {:?} brings no examples; give at least one call that it is about", self.name));
        }
        if let Some(missed) = self.examples.iter().find(|example| !says(example)) {
            let (tool, service) = (&missed.tool, &missed.service);
            return Err(format!("rule {:?} does not match its example {tool} on {service}", self.name));
        }
        if let Some(hit) = self.counter_examples.iter().find(|example| says(example)) {
            let (tool, service) = (&hit.tool, &hit.service);
            return Err(format!("rule {:?} matches its counter-example {tool} on {service}", self.name));
        }
        Ok(())
    }
}

fn any() -> String {
    "*".to_owned()
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            let mut starts = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            starts.any(|at| tail.get(at..).is_some_and(|tail| glob(rest, tail)))
        }),
    }
}

fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    crate::config::parse_duration(&text).map_err(serde::de::Error::custom)
}
