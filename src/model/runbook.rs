//! The model without an LLM: picks the runbook that is for the alert and walks it.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::json;

use super::{Model, ModelError, Reply, Step, Transcript, Wanted};
use crate::{
    alert::Alert,
    incident::{AnswerStatus, Conclusion, Entry, Event, Incident, Source, Usage},
    runbook::{Library, Walked, walk},
};

/// The name under which this model stands in the journal and in `[model] chain`.
pub const NAME: &str = "runbook";

/// Walks runbooks; needs no key and no network.
pub struct RunbookModel {
    library: Arc<Library>,
    first: bool,
}

impl RunbookModel {
    /// A model over these runbooks.
    pub fn new(library: Arc<Library>) -> Self {
        Self { library, first: false }
    }

    /// One that other models come after: it takes what a runbook was written for, and leaves everything else to them.
    pub fn first(library: Arc<Library>) -> Self {
        Self { library, first: true }
    }

    fn step(&self, transcript: &Transcript<'_>) -> Result<(String, Step), String> {
        let incident = transcript.incident;
        let may_call = !transcript.tools.is_empty();
        if self.first
            && let Some(why) = self.left_to_others(incident)
        {
            return Err(why);
        }
        if let Some(Source::Question { text, .. }) = &incident.source {
            return Ok(question(text, transcript, may_call));
        }
        let alert = alert_of(incident).ok_or("the incident has no alert")?;
        if incident.service.service().is_none() {
            return Ok((String::new(), Step::Conclude(Box::new(no_service(incident)))));
        }
        let Some(runbook) = self.library.find(alert) else {
            return Err(format!("no runbook is for the alert {}", alert.name()));
        };
        Ok(match walk(&runbook, alert, incident, may_call)? {
            Walked::Calls(calls, thought) => {
                let wanted = calls.into_iter().map(|(tool, args)| Wanted { tool, args }).collect();
                (thought, Step::Calls(wanted))
            }
            Walked::End(conclusion) => (format!("Runbook {}: the end", runbook.name), Step::Conclude(conclusion)),
        })
    }
}

impl RunbookModel {
    /// Why the models that come after take an incident; `None` when a runbook was written for it.
    fn left_to_others(&self, incident: &Incident) -> Option<String> {
        if matches!(incident.source, Some(Source::Question { .. })) {
            return Some("a question is for a model that reads".to_owned());
        }
        if incident.service.service().is_none() {
            return Some("the alert leads to no service of the catalogue".to_owned());
        }
        let alert = alert_of(incident)?;
        let catches_all = self.library.find(alert)?.catches_all();
        catches_all.then(|| format!("no runbook was written for the alert {}", alert.name()))
    }
}

fn alert_of(incident: &Incident) -> Option<&Alert> {
    incident.firing().next().or_else(|| incident.alerts.first().map(|joined| &joined.alert))
}

impl Model for RunbookModel {
    fn name(&self) -> &str {
        NAME
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(async move {
            let (thought, step) =
                self.step(transcript).map_err(|why| ModelError { model: NAME.to_owned(), why, retry_after: None })?;
            Ok(Reply { model: NAME.to_owned(), thought, step, usage: Usage::default(), fell_back: Vec::new() })
        })
    }
}

fn no_service(incident: &Incident) -> Conclusion {
    let tried = match &incident.service {
        crate::incident::ServiceMatch::Nothing { tried } if !tried.is_empty() => tried.join(", "),
        crate::incident::ServiceMatch::Nothing { .. }
        | crate::incident::ServiceMatch::Label { .. }
        | crate::incident::ServiceMatch::Named { .. } => "it has none of service, job, container, instance".to_owned(),
    };
    Conclusion {
        summary: format!("{}: the alert leads to no service of the catalogue.", incident.title),
        cause: "Not known: without a service there is nothing to look at more closely.".to_owned(),
        claims: Vec::new(),
        next_steps: vec![format!(
            "Add the service to the catalogue ([services.<name>]), or a label that leads to it (tried: {tried})."
        )],
        resolved: false,
        ..Conclusion::default()
    }
}

/// Without an LLM a question gets the state of the services that it names, or of all.
fn question(text: &str, transcript: &Transcript<'_>, may_call: bool) -> (String, Step) {
    let answers: Vec<&Entry> =
        transcript.entries.iter().filter(|entry| matches!(entry.event, Event::Answered { .. })).collect();
    if answers.is_empty() && may_call {
        let named = named_services(text, transcript);
        let mut wanted = vec![Wanted { tool: "list_services".to_owned(), args: json!({}) }];
        for service in named {
            for tool in ["inspect_container", "check_health"] {
                wanted.push(Wanted { tool: tool.to_owned(), args: json!({ "service": service }) });
            }
        }
        wanted.push(Wanted { tool: "list_alerts".to_owned(), args: json!({}) });
        return (
            "No LLM is configured: the state of the services is all that can be told.".to_owned(),
            Step::Calls(wanted),
        );
    }
    let told = answers.iter().filter_map(|entry| {
        let Event::Answered { tool, text, status: AnswerStatus::Ok | AnswerStatus::Repeated { .. }, .. } = &entry.event
        else {
            return None;
        };
        Some(format!("[{}] {tool}\n{text}", entry.seq))
    });
    let summary = format!(
        "No LLM is configured, so the question itself was not read; this is the state of the services.\n\n{}",
        told.collect::<Vec<_>>().join("\n\n")
    );
    let conclusion = Conclusion {
        summary,
        cause: "Not asked for.".to_owned(),
        claims: Vec::new(),
        next_steps: vec!["Configure a model ([model.providers.<name>]) to have questions answered.".to_owned()],
        resolved: true,
        ..Conclusion::default()
    };
    (String::new(), Step::Conclude(Box::new(conclusion)))
}

/// The services of the tools' narrowed schema whose names stand in the question.
fn named_services(text: &str, transcript: &Transcript<'_>) -> Vec<String> {
    let inspect = transcript.tools.iter().find(|spec| spec.name == "inspect_container");
    let names = inspect.and_then(|spec| spec.schema.pointer("/properties/service/enum")?.as_array());
    let words: Vec<&str> = text.split(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter))).collect();
    let named = names.into_iter().flatten().filter_map(|name| name.as_str());
    named.filter(|name| words.contains(name)).map(str::to_owned).collect()
}
