//! The guard: the one way in to the world. It owns the tools, judges every call, and writes what it judged.
//!
//! Invariant: a change runs only after `Judged` (and `ChangeBegun` with the state before) is on disk.
//! Invariant: permits are made here alone; the mint never leaves this module.

mod approval;
mod around;
mod change;
mod explain;
mod judge;
mod look;
mod narrow;
mod operate;
mod origin;
pub mod policy;
mod proof;
mod settle;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tools::{Kind, Mint, Registry, SharedCatalogue, SharedClock, Spec, reach::Prometheus};

pub use approval::{Person, answer_approval};
pub use explain::{Considered, Explained, Explanation, explain};
pub use judge::{Facts, Judgement, judge};
pub use operate::{ReloadError, announce, reload};
pub use policy::{APPROVERS, Approval, Caps, Policy, PolicyError, Rule, Says, SharedPolicy};

use crate::{
    incident::{AnswerStatus, Call, Event, Incident, PAGER, Reason, Source, Verdict},
    journal::{Case, Journal, JournalError},
};

/// Owns the tools and decides who may use them.
pub struct Guard {
    registry: Registry,
    mint: Mint,
    policy: SharedPolicy,
    catalogue: SharedCatalogue,
    journal: Journal,
    clock: SharedClock,
    prometheus: Option<Arc<Prometheus>>,
    trusted: RwLock<Arc<str>>,
    options: GuardOptions,
}

/// Times and bounds of the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardOptions {
    /// How long a change has to prove that it helped.
    pub verify_within: Duration,
    /// How often it is asked.
    pub verify_every: Duration,
    /// For how long all checks must pass in a row.
    pub verify_hold: Duration,
    /// How long a person has to answer.
    pub approval_expires: Duration,
    /// Bytes of a raw answer that the journal keeps.
    pub answer_bytes: usize,
    /// How long each call of the first look may take.
    pub triage_within: Duration,
}

/// What a guard is made of.
pub struct GuardParts {
    /// The tools and the only mint of permits for them.
    pub registry: (Registry, Mint),
    /// What may be done.
    pub policy: SharedPolicy,
    /// The services.
    pub catalogue: SharedCatalogue,
    /// Where everything is written.
    pub journal: Journal,
    /// The clock.
    pub clock: SharedClock,
    /// For the alerts' own expressions.
    pub prometheus: Option<Arc<Prometheus>>,
    /// Text from which an argument of a change may come: the runbooks.
    pub trusted: Arc<str>,
    /// Times and bounds.
    pub options: GuardOptions,
}

impl Guard {
    /// Takes the tools over; nobody else can reach them from here on.
    pub fn new(parts: GuardParts) -> Self {
        let GuardParts { registry: (registry, mint), policy, catalogue, journal, clock, prometheus, trusted, options } =
            parts;
        let trusted = RwLock::new(trusted.to_lowercase().into());
        Self { registry, mint, policy, catalogue, journal, clock, prometheus, trusted, options }
    }

    /// Replaces the text from which an argument of a change may come: the runbooks were read again.
    pub fn trust(&self, text: &str) {
        *self.trusted.write().unwrap_or_else(PoisonError::into_inner) = text.to_lowercase().into();
    }

    /// Every tool with its whole schema: for linting runbooks and for people.
    pub fn all_specs(&self) -> Vec<Spec> {
        self.registry.specs().cloned().collect()
    }

    /// Whether arguments are of a tool's form.
    ///
    /// # Errors
    /// What was wrong, where, and what would be right.
    pub fn check(&self, tool: &str, args: &serde_json::Value) -> Result<(), tools::Failure> {
        self.registry.check(tool, args)
    }

    /// Whether there is a tool of that name that only looks.
    pub fn looks(&self, tool: &str) -> bool {
        self.registry.kind(tool) == Some(Kind::Look)
    }

    /// Makes calls of one turn: those that look side by side, then those that change one after another.
    ///
    /// # Errors
    /// What the journal says; a failing tool is an answer, not an error.
    pub async fn submit(&self, case: &mut Case, calls: Vec<Call>) -> Result<(), JournalError> {
        let (changes, looks): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| self.registry.kind(&call.tool) == Some(Kind::Change));
        self.look(case, looks).await?;
        for call in changes {
            // What could not be taken back is a person's from here on.
            let over = case.incident().undo_failed().is_some() || case.incident().handed_over.is_some();
            if over && case.incident().call(&call.id).is_none_or(|state| state.by != PAGER) {
                break;
            }
            self.change(case, call).await?;
        }
        Ok(())
    }

    /// Services that this incident may look at: all of them where the alert leads to none.
    fn may_look(&self, incident: &Incident) -> Vec<String> {
        let catalogue = self.catalogue.load();
        let Some(service) = incident.service.service() else {
            return catalogue.names();
        };
        if matches!(incident.source, Some(Source::Question { .. })) {
            return catalogue.names();
        }
        let mut names = catalogue.dependencies(service);
        names.extend(catalogue.dependants(service));
        names.insert(service.to_owned());
        names.into_iter().filter(|name| catalogue.get(name).is_some()).collect()
    }

    /// Services that this incident may change: its own and what it needs; for a person's question any.
    fn may_touch(&self, incident: &Incident) -> Vec<String> {
        let catalogue = self.catalogue.load();
        if matches!(incident.source, Some(Source::Question { .. })) {
            return catalogue.names();
        }
        let Some(service) = incident.service.service() else {
            return Vec::new();
        };
        let mut names = catalogue.dependencies(service);
        names.insert(service.to_owned());
        names.into_iter().filter(|name| catalogue.get(name).is_some()).collect()
    }

    /// The policy that holds now.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.load()
    }
}

/// The guard's answer to a call that only looks, or whose arguments are wrong: no numbers belong to it.
fn judged(call: &Call, verdict: Verdict) -> Event {
    Event::Judged {
        call: call.id.clone(),
        tool: call.tool.clone(),
        verdict,
        by: String::new(),
        weighed: Vec::new(),
        policy: String::new(),
    }
}

/// The events of a call whose arguments are not of the tool's form.
fn wrong(call: &Call, what: &str) -> Vec<Event> {
    let verdict = Verdict::Refuse(Reason::WrongArguments { what: what.to_owned() });
    vec![judged(call, verdict), Event::answered(call, what.to_owned(), AnswerStatus::Wrong)]
}
