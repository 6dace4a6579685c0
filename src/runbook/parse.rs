//! From Markdown with YAML front matter to a [`Runbook`], with the line of everything that is wrong.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::{Ending, Match, Runbook, Step, StepClaim};

/// Why a file is no runbook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ParseError {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    title: String,
    #[serde(rename = "match")]
    matches: Vec<FrontMatch>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    steps: Vec<FrontStep>,
    verify: Option<String>,
    conclude: Vec<FrontEnding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatch {
    alertname: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontStep {
    id: String,
    call: String,
    #[serde(default)]
    with: Option<Value>,
    when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontEnding {
    when: Option<String>,
    summary: String,
    cause: String,
    #[serde(default)]
    claims: Vec<FrontClaim>,
    #[serde(default)]
    next_steps: Vec<String>,
    #[serde(default)]
    resolved: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontClaim {
    text: String,
    cites: Vec<String>,
    when: Option<String>,
}

impl Runbook {
    /// Reads a runbook; `name` is the file's name without `.md`, `file` stands in messages.
    ///
    /// # Errors
    /// [`ParseError`] with the line.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, ParseError> {
        let wrong = |line: usize, what: String| ParseError { file: file.to_owned(), line, what };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let Some(rest) = text.strip_prefix("---\n") else {
            return Err(wrong(
                1,
                "a runbook begins with front matter: a line `---`, YAML, and a line `---`".to_owned(),
            ));
        };
        let Some((front, prose)) = rest.split_once("\n---\n") else {
            return Err(wrong(1, "the front matter is not closed by a line `---`".to_owned()));
        };
        let parsed: Front = yaml_serde::from_str(front).map_err(|error| {
            let line = error.location().map_or(1, |place| place.line() + 1);
            wrong(line, error.to_string())
        })?;
        let lines = lines_of(front);
        let line = |path: &str| lines.get(path).copied().unwrap_or(1);
        let matches = parsed
            .matches
            .into_iter()
            .map(|wanted| wanted.compile())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|what| wrong(line("match"), what))?;
        if matches.is_empty() {
            return Err(wrong(line("match"), "`match` is empty: name at least one alert".to_owned()));
        }
        if parsed.conclude.is_empty() {
            return Err(wrong(line("conclude"), "`conclude` is empty: say at least one ending".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            title: parsed.title,
            file: file.to_owned(),
            matches,
            priority: parsed.priority,
            steps: parsed.steps.into_iter().map(FrontStep::step).collect(),
            verify: parsed.verify,
            conclusions: parsed.conclude.into_iter().map(FrontEnding::ending).collect(),
            prose: prose.trim().to_owned(),
            lines,
        })
    }

    /// The line of a part of the front matter, by its path.
    pub(super) fn line(&self, path: &str) -> usize {
        self.lines.get(path).copied().unwrap_or(1)
    }
}

impl FrontMatch {
    fn compile(self) -> Result<Match, String> {
        // Anchored, as Prometheus's matchers are.
        let anchored = |pattern: &str| {
            Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|error| format!("{pattern:?} is no regular expression: {error}"))
        };
        let alertname = self.alertname.as_deref().map(anchored).transpose()?;
        let labels: Result<BTreeMap<_, _>, String> =
            self.labels.into_iter().map(|(label, pattern)| Ok((label, anchored(&pattern)?))).collect();
        let labels = labels?;
        if alertname.is_none() && labels.is_empty() {
            return Err("a match needs an `alertname` or `labels`".to_owned());
        }
        Ok(Match { alertname, labels })
    }
}

impl FrontStep {
    fn step(self) -> Step {
        let with = self.with.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        Step { id: self.id, call: self.call, with, when: self.when }
    }
}

impl FrontEnding {
    fn ending(self) -> Ending {
        let claim = |claim: FrontClaim| StepClaim { text: claim.text, cites: claim.cites, when: claim.when };
        Ending {
            when: self.when,
            summary: self.summary,
            cause: self.cause,
            claims: self.claims.into_iter().map(claim).collect(),
            next_steps: self.next_steps,
            resolved: self.resolved,
        }
    }
}

/// The line in the file of each top-level key (`match`) and of each item of its list (`steps[0]`).
fn lines_of(front: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let (mut key, mut item) = (String::new(), 0);
    for (index, line) in front.lines().enumerate() {
        // The first line of the front matter is the second of the file.
        let number = index + 2;
        if let Some((name, _)) = line.split_once(':').filter(|(name, _)| is_key(name)) {
            (key, item) = (name.to_owned(), 0);
            lines.insert(key.clone(), number);
        } else if line.starts_with("- ") || line.starts_with("  - ") {
            lines.insert(format!("{key}[{item}]"), number);
            item += 1;
        }
    }
    lines
}

fn is_key(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}
