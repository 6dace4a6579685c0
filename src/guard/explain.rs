//! What the agent may do with a service: alone, after asking, never. Answered without an incident.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use tools::{Autonomy, Catalogue, Effect, Failure, Spec};

use super::{Facts, Guard, Judgement, Policy, judge};
use crate::{
    incident::{Incident, OPERATIONS, Reason, Verdict},
    journal::{History, JournalError},
};

/// What a policy comes to for one service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The service.
    pub service: String,
    /// Its mode.
    pub autonomy: Autonomy,
    /// Tools that run without asking, within the caps.
    pub alone: Vec<Explained>,
    /// Tools that a person is asked about.
    pub asks: Vec<Explained>,
    /// Tools that never run.
    pub never: Vec<Explained>,
    /// The numbers that hold.
    pub caps: Vec<String>,
    /// Rules that speak at certain times only.
    pub at_times: Vec<String>,
}

/// One tool and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The tool.
    pub tool: String,
    /// Why, and who has to say yes.
    pub because: String,
}

/// What `policy` comes to for `service` at `now`, over the tools that change something.
///
/// # Errors
/// The names that there are, when the catalogue has no such service.
pub fn explain<'a>(
    policy: &Policy,
    changes: impl Iterator<Item = &'a Spec>,
    catalogue: &Catalogue,
    service: &str,
    now: DateTime<Utc>,
) -> Result<Explanation, String> {
    let Some(known) = catalogue.get(service) else {
        return Err(format!("{service:?} is no service of the catalogue; there are: {}", catalogue.names().join(", ")));
    };
    let scope = [service.to_owned()];
    let (needs, incident, history) = (catalogue.dependencies(service), Incident::new(OPERATIONS), History::default());
    let mut told = Explanation {
        service: service.to_owned(),
        autonomy: known.autonomy.unwrap_or(policy.autonomy),
        alone: Vec::new(),
        asks: Vec::new(),
        never: Vec::new(),
        caps: Vec::new(),
        at_times: Vec::new(),
    };
    for spec in changes {
        let Some(touches) = spec.touches else { continue };
        let facts = Facts {
            tool: &spec.name,
            touches,
            args: &Value::Null,
            named: service,
            service: Some(known),
            needs: &needs,
            scope: &scope,
            incident: &incident,
            history: &history,
            effect: None,
            pages: false,
            untrusted: None,
            now,
        };
        let Judgement { verdict, approval, .. } = judge(policy, &facts);
        let tool = spec.name.clone();
        match verdict {
            Verdict::Allow(reason) => told.alone.push(Explained { tool, because: reason.to_string() }),
            Verdict::Ask(reason) => {
                told.asks.push(Explained { tool, because: format!("{reason}; leave from {approval}") });
            }
            Verdict::Refuse(reason) => told.never.push(Explained { tool, because: reason.to_string() }),
        }
        let environment = known.environment.as_deref();
        let times =
            policy.rules().iter().filter(|rule| !rule.always() && rule.could_speak(&spec.name, service, environment));
        for rule in times {
            let line = format!("{}{}: {}", rule.name, rule.times(), rule.because);
            if !told.at_times.contains(&line) {
                told.at_times.push(line);
            }
        }
    }
    told.caps = caps(policy, service, known.environment.as_deref(), now);
    Ok(told)
}

fn caps(policy: &Policy, service: &str, environment: Option<&str>, now: DateTime<Utc>) -> Vec<String> {
    let mut caps = policy.caps.clone();
    for rule in policy.rules() {
        if rule.speaks("*", service, environment, now) == Ok(true) {
            caps.narrow(&rule.caps);
        }
    }
    vec![
        format!(
            "at most {} changes an incident, on at most {} services",
            caps.changes_an_incident, caps.services_an_incident
        ),
        format!(
            "at most {} changes to {service} an hour, {} to all services",
            caps.changes_a_service_an_hour, caps.changes_in_the_fleet_an_hour
        ),
        format!(
            "at most {} changes at the same time, {} after the last one to {service}",
            caps.changes_at_the_same_time, caps.cool_down
        ),
        format!("at most {} of its replicas out of service at once", caps.replicas_at_once),
        format!("{} to {} replicas, {} times a step", caps.scale_least, caps.scale_most, caps.scale_factor),
        format!("memory {} to {}, CPU {} to {}", caps.memory_least, caps.memory_most, caps.cpus_least, caps.cpus_most),
        format!(
            "pull requests: {} an incident, {} files, {} lines",
            caps.pull_requests_an_incident, caps.pull_request_files, caps.pull_request_lines
        ),
        format!("silences: {} an incident, {} at the longest", caps.silences_an_incident, caps.silence_longest),
        format!(
            "{} changes in a row that do not help, and a person decides; {} in the fleet",
            policy.breaker.service, policy.breaker.fleet
        ),
    ]
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.autonomy {
            Autonomy::Observe => "observe",
            Autonomy::Propose => "propose",
            Autonomy::Act => "act",
        };
        writeln!(out, "{} is in mode {mode}.", self.service)?;
        for (title, tools) in [("Alone", &self.alone), ("After asking", &self.asks), ("Never", &self.never)] {
            writeln!(out, "\n{title}:")?;
            for Explained { tool, because } in tools {
                writeln!(out, "  {tool}: {because}")?;
            }
            if tools.is_empty() {
                writeln!(out, "  nothing")?;
            }
        }
        for (title, lines) in [("Caps", &self.caps), ("At certain times", &self.at_times)] {
            if !lines.is_empty() {
                writeln!(out, "\n{title}:")?;
                lines.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
            }
        }
        Ok(())
    }
}

/// What the guard would say to a call, and what it could not take into account.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// The verdict with its numbers.
    pub judgement: Judgement,
    /// What the call would do; `None` when the world could not be asked.
    pub effect: Option<Effect>,
    /// Why it could not be asked.
    pub without: Option<String>,
}

impl Guard {
    /// What would be said to a call outside of any incident; nothing is written and nothing is done.
    ///
    /// # Errors
    /// [`Failure::Tell`] when there is no such tool that changes something, or its arguments are wrong; what the journal says.
    pub async fn consider(
        &self,
        tool: &str,
        args: &Value,
        history: bool,
    ) -> Result<Result<Considered, Failure>, JournalError> {
        let named = match self.registry.target(tool, args) {
            Ok(target) => target.service,
            Err(failure) => return Ok(Err(failure)),
        };
        let (catalogue, policy, now) = (self.catalogue.load(), self.policy.load(), self.clock.now());
        let history = if history { self.journal.history(&named, now).await? } else { History::default() };
        let known = catalogue.get(&named);
        let (effect, without) = match known {
            None => (None, None),
            Some(_) => match self.registry.before(tool, args).await {
                Ok(before) => (self.registry.effect(tool, args, &before).ok(), None),
                Err(failure) => (None, Some(failure.to_string())),
            },
        };
        let facts = Facts {
            tool,
            touches: self.registry.spec(tool).and_then(|spec| spec.touches).unwrap_or(tools::Touches::Service),
            args,
            named: &named,
            service: known,
            needs: &catalogue.dependencies(&named),
            scope: &catalogue.names(),
            incident: &Incident::new(OPERATIONS),
            history: &history,
            effect: effect.as_ref(),
            pages: false,
            untrusted: None,
            now,
        };
        let mut judgement = judge(&policy, &facts);
        if effect.is_none() && !matches!(judgement.verdict, Verdict::Refuse(_)) {
            let what = without.clone().unwrap_or_else(|| "its effect".to_owned());
            judgement.verdict = Verdict::Refuse(Reason::Doubt { what });
        }
        Ok(Ok(Considered { judgement, effect, without }))
    }
}
