//! Builds each part and joins them; nobody else knows them all.

mod hands;
mod keeper;
mod memory;
mod model;
mod reach;
mod repositories;
mod runbooks;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ::memory::Memory;
use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use tools::{Service, SharedCatalogue, SharedClock, discover, merge};

use crate::{
    agent::{Agent, Budgets, Sources},
    alert::Limits,
    config::{self, Settings},
    doctor::Doctor,
    guard::{Guard, GuardOptions, GuardParts, Policy, SharedPolicy},
    http::{Credential, Credentials, Http, Metrics, Proof, Role},
    journal::{IntakeOptions, Journal, JournalOptions},
    runbook::Library,
    worker::WorkerOptions,
};

pub use keeper::{Keeper, Trouble};
pub use reach::Reach;
pub use runbooks::Reloaded;
pub(crate) use runbooks::told as told_of_runbooks;

/// Everything, joined.
pub struct Parts {
    /// The settings that it was built from.
    pub settings: Settings,
    /// The journal.
    pub journal: Journal,
    /// The services.
    pub catalogue: SharedCatalogue,
    /// Whether those are in it that only labels tell of.
    discovered: Arc<AtomicBool>,
    /// The clock.
    pub clock: SharedClock,
    /// The outside systems.
    pub reach: Reach,
    /// The agent; owns the guard, which owns the tools.
    pub agent: Arc<Agent>,
    /// The runbooks.
    pub library: Arc<Library>,
    /// What may be done.
    pub policy: SharedPolicy,
    /// What was learnt last time; `None` where the settings want none, or the command needs none.
    pub memory: Option<Arc<Memory>>,
}

impl Parts {
    /// Builds everything; opens the journal for this process alone. Asks no outside system: those may be down.
    ///
    /// # Errors
    /// What is wrong with settings, policy, runbooks or journal.
    pub fn build(settings: Settings, clock: SharedClock) -> Result<Self> {
        let options = JournalOptions { path: settings.journal.path.clone(), queue: settings.journal.queue };
        let journal = Journal::open(&options, Arc::clone(&clock))?;
        Self::join_with_memory(settings, clock, journal)
    }

    /// The same over a journal that is open already, or that is only read, with memory.
    ///
    /// # Errors
    /// What is wrong with settings, policy, runbooks or memory: that another process has it, among others.
    pub fn join_with_memory(settings: Settings, clock: SharedClock, journal: Journal) -> Result<Self> {
        Self::joined(settings, clock, journal, memory::open)
    }

    /// The same without memory.
    ///
    /// # Errors
    /// What is wrong with settings, policy or runbooks.
    pub fn join(settings: Settings, clock: SharedClock, journal: Journal) -> Result<Self> {
        Self::joined(settings, clock, journal, |_, _, _| Ok(None))
    }

    fn joined(
        settings: Settings,
        clock: SharedClock,
        journal: Journal,
        open_memory: impl FnOnce(&Settings, &reqwest::Client, &SharedClock) -> Result<Option<Arc<Memory>>>,
    ) -> Result<Self> {
        let client = reach::http_client(&settings)?;
        let memory = open_memory(&settings, &client, &clock)?;
        let reach = reach::reach(&settings, &client, &clock)?;
        let catalogue = SharedCatalogue::new(merge(configured(&settings), Vec::new()));
        let library = Arc::new(library(&settings.runbooks.folder)?);
        let model = model::model(&settings, &client, &clock, &library)?;
        let policy = SharedPolicy::new(Policy::load(&settings.guard.policy)?);
        let guard = Guard::new(GuardParts {
            registry: hands::registry(&settings, &reach, &catalogue, &clock, &client, &journal, memory.as_ref())?,
            policy: policy.clone(),
            catalogue: catalogue.clone(),
            journal: journal.clone(),
            clock: Arc::clone(&clock),
            prometheus: reach.prometheus.clone(),
            trusted: library.text().into(),
            options: guard_options(&settings),
        });
        let agent = Arc::new(Agent {
            guard,
            model,
            library: Arc::clone(&library),
            catalogue: catalogue.clone(),
            clock: Arc::clone(&clock),
            budgets: Budgets {
                steps: settings.budget.steps,
                tokens: settings.budget.tokens,
                money: settings.budget.money,
                time: settings.budget.time,
            },
            triage_tokens: settings.triage.tokens,
            sources: Sources {
                prometheus: reach.prometheus.is_some(),
                loki: reach.loki.is_some(),
                docker: reach.docker.is_some(),
                alertmanager: reach.alertmanager.is_some(),
                github: reach.github.is_some(),
                memory: memory.is_some(),
            },
        });
        let discovered = Arc::new(AtomicBool::new(!settings.discovery.enabled || reach.docker.is_none()));
        Ok(Self { settings, journal, catalogue, discovered, clock, reach, agent, library, policy, memory })
    }

    /// The HTTP server's part of it.
    pub fn http(&self, started: DateTime<Utc>) -> Http {
        let settings = &self.settings;
        let doctor = Arc::new(Doctor::new(self));
        Http {
            journal: self.journal.clone(),
            catalogue: self.catalogue.clone(),
            clock: Arc::clone(&self.clock),
            credentials: credentials(settings),
            body_limit: settings.http.body_limit,
            limits: Limits {
                alerts: settings.intake.alerts_max,
                labels: settings.intake.labels_max,
                value_bytes: settings.intake.label_value_max,
            },
            intake: self.intake(),
            metrics: Metrics::new(),
            policy: self.policy.clone(),
            policy_file: settings.guard.policy.clone(),
            runbooks: self.runbooks_door(),
            memory: self.memory.clone(),
            changes: self.agent.guard.all_specs().into_iter().filter(|spec| spec.touches.is_some()).collect(),
            models: settings.model.chain.clone(),
            parts: Box::new(move || {
                let doctor = Arc::clone(&doctor);
                async move { doctor.cached().await }.boxed()
            }),
            started,
            request_timeout: settings.http.request_timeout,
        }
    }

    /// How alerts are taken in.
    pub fn intake(&self) -> IntakeOptions {
        IntakeOptions { queue: self.settings.intake.queue, join_window: self.settings.intake.join_window }
    }

    /// How incidents are worked on.
    pub fn worker(&self) -> WorkerOptions {
        WorkerOptions { concurrency: self.settings.worker.concurrency, lease: self.settings.worker.lease }
    }

    /// Reads services off the containers' labels once, where the settings want it, and puts them beside those of the settings.
    pub async fn discover(&self) {
        let Some(docker) = self.reach.docker.as_ref().filter(|_| self.settings.discovery.enabled) else { return };
        match discover(docker).await {
            Ok((found, problems)) => {
                for problem in problems {
                    tracing::warn!(problem, "a container's label is not understood");
                }
                self.catalogue.store(merge(configured(&self.settings), found));
                self.discovered.store(true, Ordering::Release);
            }
            Err(error) => tracing::warn!(%error, "services could not be read off the containers' labels"),
        }
    }

    /// The same, again and again.
    pub async fn keep_discovering(&self) {
        if !self.settings.discovery.enabled {
            return;
        }
        loop {
            self.discover().await;
            self.clock.sleep(self.settings.discovery.every).await;
        }
    }
}

/// The services of the settings; those through which the agent itself sees and acts are protected.
fn configured(settings: &Settings) -> Vec<Service> {
    let own = [&settings.prometheus.url, &settings.loki.url, &settings.alertmanager.url];
    let mut authorities: Vec<String> = own.into_iter().filter_map(|url| authority(url)).collect();
    authorities.push(settings.http.listen.to_string());
    let mut services = settings.services();
    runbooks::keep(settings, &mut services);
    for service in &mut services {
        let reached = service.health_url.as_deref().and_then(authority);
        service.protected |= reached.is_some_and(|found| authorities.contains(&found));
    }
    services
}

fn authority(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn library(folder: &Path) -> Result<Library> {
    let (library, errors) =
        Library::load_or_built_in(folder).with_context(|| format!("runbooks in {}", folder.display()))?;
    for error in errors {
        tracing::warn!(%error, "a runbook does not parse and is left out");
    }
    Ok(library)
}

fn guard_options(settings: &Settings) -> GuardOptions {
    GuardOptions {
        verify_within: settings.verify.within,
        verify_every: settings.verify.every,
        verify_hold: settings.verify.hold,
        approval_expires: settings.guard.approval_expires,
        answer_bytes: settings.budget.answer_max,
        triage_within: settings.triage.within,
    }
}

fn credentials(settings: &Settings) -> Credentials {
    let role = |role: config::Role| match role {
        config::Role::Alertmanager => Role::Alertmanager,
        config::Role::Operator => Role::Operator,
        config::Role::Viewer => Role::Viewer,
        config::Role::Approver => Role::Approver,
    };
    let tokens = settings.http.tokens.iter().map(|token| Credential {
        name: token.name.clone(),
        role: role(token.role),
        proof: Proof::Bearer(token.token.clone()),
    });
    let users = settings.http.users.iter().map(|user| Credential {
        name: user.name.clone(),
        role: role(user.role),
        proof: Proof::Basic(user.password.clone()),
    });
    Credentials(tokens.chain(users).collect())
}
