//! Runbooks: Markdown with front matter. Read at start, read by people, handed to models, and executed without one.

mod expression;
mod library;
mod lint;
mod parse;
mod walk;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

pub use expression::Scope;
pub use library::Library;
pub use lint::{Finding, lint};
pub use parse::ParseError;
pub use walk::{Walked, looks, walk};

use crate::alert::Alert;

/// A procedure for alerts of one kind.
#[derive(Debug, Clone)]
pub struct Runbook {
    /// Its name: the file's, without `.md`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The file, for messages.
    pub file: String,
    /// Which alerts it is for; one that fits is enough.
    pub matches: Vec<Match>,
    /// Of several runbooks that fit, the highest goes first.
    pub priority: i32,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// After the steps: what must hold for the trouble to be over, as an expression.
    pub verify: Option<String>,
    /// What it comes down to: the first whose condition holds.
    pub conclusions: Vec<Ending>,
    /// The prose for people.
    pub prose: String,
    /// Lines of the front matter's parts, by path such as `steps[2]`.
    pub(crate) lines: BTreeMap<String, usize>,
}

/// Which alerts a runbook is for: everything given must fit.
#[derive(Debug, Clone)]
pub struct Match {
    /// The alert's name.
    pub alertname: Option<Regex>,
    /// Further labels.
    pub labels: BTreeMap<String, Regex>,
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The name under which later conditions see the answer.
    pub id: String,
    /// The tool.
    pub call: String,
    /// Its arguments; strings are templates.
    pub with: Value,
    /// Only when this expression holds.
    pub when: Option<String>,
}

/// One way in which it may end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Only when this expression holds; none: always.
    pub when: Option<String>,
    /// What happened, as a template.
    pub summary: String,
    /// The cause, as a template.
    pub cause: String,
    /// What it rests on.
    pub claims: Vec<StepClaim>,
    /// What a person should do next, as templates.
    pub next_steps: Vec<String>,
    /// Whether the trouble is over.
    pub resolved: bool,
}

/// A statement and the steps in whose answers it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepClaim {
    /// The statement, as a template.
    pub text: String,
    /// Ids of steps.
    pub cites: Vec<String>,
    /// Only when this expression holds.
    pub when: Option<String>,
}

impl Runbook {
    /// Whether it is for every alert: what is done where nothing better is known.
    pub fn catches_all(&self) -> bool {
        let any = |name: &Regex| name.is_match("") && name.is_match("\u{1}");
        self.matches.iter().any(|wanted| wanted.labels.is_empty() && wanted.alertname.as_ref().is_none_or(any))
    }

    /// Whether this runbook is for that alert.
    pub fn fits(&self, alert: &Alert) -> bool {
        self.matches.iter().any(|wanted| {
            wanted.alertname.as_ref().is_none_or(|name| name.is_match(alert.name()))
                && wanted
                    .labels
                    .iter()
                    .all(|(label, value)| alert.labels.get(label).is_some_and(|found| value.is_match(found)))
        })
    }
}

#[cfg(test)]
mod tests;
