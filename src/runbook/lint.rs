//! Checks a runbook against the tools' schemas before anybody needs it at night.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use tools::Spec;

use super::{Ending, Runbook, Scope, Step, expression::names_of};

/// Something wrong in a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

/// Everything wrong with a runbook; `check` tells whether arguments are of a tool's form.
pub fn lint(runbook: &Runbook, specs: &[Spec], check: &dyn Fn(&str, &Value) -> Result<(), String>) -> Vec<Finding> {
    let mut lint =
        Lint { runbook, known: BTreeSet::from(["service".to_owned(), "alert".to_owned()]), found: Vec::new() };
    let mut scope = Scope::new(None, Some("service"));
    for (index, step) in runbook.steps.iter().enumerate() {
        let path = format!("steps[{index}]");
        lint.step(&path, step, specs, &scope, check);
        if !lint.known.insert(step.id.clone()) {
            lint.add(&path, format!("two steps are called {:?}; conditions could not tell them apart", step.id));
        }
        scope.skip(&step.id);
    }
    if let Some(verify) = &runbook.verify {
        lint.source("verify", "verify", verify, false);
    }
    for (index, ending) in runbook.conclusions.iter().enumerate() {
        lint.ending(&format!("conclude[{index}]"), ending);
    }
    if runbook.conclusions.last().is_some_and(|ending| ending.when.is_some()) {
        let path = format!("conclude[{}]", runbook.conclusions.len() - 1);
        lint.add(
            &path,
            "the last ending has a `when`: when none holds there is no ending; leave it out there".to_owned(),
        );
    }
    if runbook.prose.is_empty() {
        lint.add("conclude", "no prose follows the front matter; people read it at night".to_owned());
    }
    lint.found
}

struct Lint<'a> {
    runbook: &'a Runbook,
    known: BTreeSet<String>,
    found: Vec<Finding>,
}

impl Lint<'_> {
    fn add(&mut self, path: &str, what: String) {
        self.found.push(Finding { file: self.runbook.file.clone(), line: self.runbook.line(path), what });
    }

    fn step(
        &mut self,
        path: &str,
        step: &Step,
        specs: &[Spec],
        scope: &Scope,
        check: &dyn Fn(&str, &Value) -> Result<(), String>,
    ) {
        if let Some(when) = &step.when {
            self.source(path, "when", when, false);
        }
        let before = self.found.len();
        self.templates(path, &step.with);
        if !specs.iter().any(|spec| spec.name == step.call) {
            let names: Vec<_> = specs.iter().map(|spec| spec.name.as_str()).collect();
            self.add(path, format!("there is no tool {:?}; there are: {}", step.call, names.join(", ")));
        } else if self.found.len() == before {
            let filled = scope.fill_value(&step.with).and_then(|args| check(&step.call, &args));
            if let Err(what) = filled {
                self.add(path, format!("step {:?}: {what}", step.id));
            }
        }
    }

    fn templates(&mut self, path: &str, value: &Value) {
        match value {
            Value::String(text) => self.source(path, "with", text, true),
            Value::Array(items) => items.iter().for_each(|item| self.templates(path, item)),
            Value::Object(fields) => fields.values().for_each(|item| self.templates(path, item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn ending(&mut self, path: &str, ending: &Ending) {
        if let Some(when) = &ending.when {
            self.source(path, "when", when, false);
        }
        self.source(path, "summary", &ending.summary, true);
        self.source(path, "cause", &ending.cause, true);
        for text in &ending.next_steps {
            self.source(path, "next_steps", text, true);
        }
        for claim in &ending.claims {
            self.source(path, "claims", &claim.text, true);
            if let Some(when) = &claim.when {
                self.source(path, "claims.when", when, false);
            }
            if claim.cites.is_empty() {
                self.add(path, format!("the claim {:?} cites no step", claim.text));
            }
            for cited in claim.cites.iter().filter(|cited| !self.known.contains(*cited)).cloned().collect::<Vec<_>>() {
                self.add(path, format!("the claim {:?} cites {cited:?}, which is no step", claim.text));
            }
        }
    }

    /// Parses an expression or template and checks that each name in it is known at that place.
    fn source(&mut self, path: &str, field: &str, source: &str, template: bool) {
        match names_of(source, template) {
            Err(what) => self.add(path, format!("`{field}`: {what}")),
            Ok(names) => {
                for name in names.into_iter().filter(|name| !self.known.contains(name)).collect::<Vec<_>>() {
                    let known: Vec<_> = self.known.iter().map(String::as_str).collect();
                    let what =
                        format!("`{field}` uses {name:?}, which is not known here; known are: {}", known.join(", "));
                    self.add(path, what);
                }
            }
        }
    }
}
