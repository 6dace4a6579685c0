//! What conditions and templates of a runbook can see: the alert, the service, and the answers of the steps so far.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use crate::{
    alert::Alert,
    incident::{AnswerStatus, CallState},
};

/// The values that expressions and templates of a runbook are read with.
#[derive(Debug, Clone)]
pub struct Scope {
    values: BTreeMap<String, Value>,
}

impl Scope {
    /// What is known before any step.
    pub fn new(alert: Option<&Alert>, service: Option<&str>) -> Self {
        let mut values = BTreeMap::new();
        values.insert("service".to_owned(), json!(service.unwrap_or("(no service)")));
        if let Some(alert) = alert {
            let told = json!({ "name": alert.name(), "labels": alert.labels, "annotations": alert.annotations });
            values.insert("alert".to_owned(), told);
        }
        Self { values }
    }

    /// Names the answer to a step.
    pub fn bind(&mut self, step: &str, state: &CallState) {
        let mut value = match &state.data {
            Value::Object(fields) => fields.clone(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        };
        let status = state.status.as_ref();
        let is = |test: fn(&AnswerStatus) -> bool| json!(status.is_some_and(test));
        value
            .insert("answered".into(), is(|status| matches!(status, AnswerStatus::Ok | AnswerStatus::Repeated { .. })));
        value.insert("refused".into(), is(|status| matches!(status, AnswerStatus::Refused)));
        value.insert("unreachable".into(), is(|status| matches!(status, AnswerStatus::Unreachable { .. })));
        value.insert("proven".into(), is(|status| matches!(status, AnswerStatus::Changed { proven: true })));
        value.insert("done".into(), is(|status| matches!(status, AnswerStatus::Changed { .. })));
        self.values.insert(step.to_owned(), Value::Object(value));
    }

    /// Names a step that was left out.
    pub fn skip(&mut self, step: &str) {
        self.values.insert(step.to_owned(), json!({ "skipped": true }));
    }

    fn seen(&self) -> minijinja::Value {
        minijinja::Value::from(minijinja::value::Serde(&self.values))
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub fn holds(&self, expression: &str) -> Result<bool, String> {
        let environment = environment();
        let compiled = environment.compile_expression(expression).map_err(|error| error.to_string())?;
        compiled.eval(self.seen()).map(|value| value.is_true()).map_err(|error| error.to_string())
    }

    /// A template filled in.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn fill(&self, template: &str) -> Result<String, String> {
        environment().render_str(template, self.seen()).map_err(|error| format!("{error:#}"))
    }

    /// Arguments with every string filled in; a string that is one template alone keeps the type of its value.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn fill_value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match lone_expression(text) {
                Some(expression) => {
                    let environment = environment();
                    let compiled = environment.compile_expression(expression).map_err(|error| error.to_string())?;
                    let found = compiled.eval(self.seen()).map_err(|error| error.to_string())?;
                    serde_json::to_value(found).map_err(|error| error.to_string())?
                }
                None => Value::String(self.fill(text)?),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.fill_value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let filled = fields.iter().map(|(key, item)| Ok((key.clone(), self.fill_value(item)?)));
                Value::Object(filled.collect::<Result<_, String>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

/// The names that an expression or template uses and does not define.
pub(super) fn names_of(source: &str, template: bool) -> Result<Vec<String>, String> {
    let environment = environment();
    let names = if template {
        let compiled = environment.template_from_str(source).map_err(|error| error.to_string())?;
        compiled.undeclared_variables(false)
    } else {
        let compiled = environment.compile_expression(source).map_err(|error| error.to_string())?;
        compiled.undeclared_variables(false)
    };
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    Ok(names)
}

fn lone_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{")).then_some(inner.trim())
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // A field that an answer does not have is no error but false: a step may have been left out.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment
}
