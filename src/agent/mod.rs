//! The investigation: one loop from an open incident to a closed one, driven by nothing but the incident's own state.
//!
//! Invariant: everything that is known is in the journal before the next step is chosen, so that the loop can be stopped
//! after any entry and taken up by another process.

mod budget;
mod conclusion;
mod ending;
mod think;
mod transcript;
mod triage;
mod weight;
mod window;

use std::sync::Arc;

pub use budget::Budgets;
pub use conclusion::check_conclusion;
use tools::{SharedCatalogue, SharedClock};
pub use weight::Weight;

use crate::{
    guard::Guard,
    incident::{AnswerStatus, Event, Todo},
    journal::{Case, JournalError},
    model::SharedModel,
    runbook::Library,
};

/// What an investigation needs.
pub struct Agent {
    /// The one way in to the world.
    pub guard: Guard,
    /// Names the next calls, or concludes.
    pub model: SharedModel,
    /// The runbooks that a model is shown.
    pub library: Arc<Library>,
    /// The services.
    pub catalogue: SharedCatalogue,
    /// The clock.
    pub clock: SharedClock,
    /// What an investigation may cost.
    pub budgets: Budgets,
    /// Tokens that a model reads of the first look.
    pub triage_tokens: usize,
    /// Which sources there are for triage.
    pub sources: Sources,
}

/// Which outside systems are configured, so that triage asks none that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sources {
    /// Prometheus.
    pub prometheus: bool,
    /// Loki.
    pub loki: bool,
    /// Docker.
    pub docker: bool,
    /// Alertmanager.
    pub alertmanager: bool,
    /// GitHub.
    pub github: bool,
    /// What was learnt last time.
    pub memory: bool,
}

impl Agent {
    /// Takes an incident as far as it goes: to its end, or to where people have to answer.
    ///
    /// # Errors
    /// What the journal says; everything else becomes an entry.
    pub async fn investigate(&self, case: &mut Case) -> Result<(), JournalError> {
        let mut counts = window::Counts::default();
        loop {
            case.refresh().await?;
            match case.incident().todo(self.clock.now()) {
                Todo::Triage => self.triage(case, &mut counts).await?,
                Todo::Run(calls) => self.guard.submit(case, calls).await?,
                Todo::Settle(call) => self.guard.settle(case, call).await?,
                Todo::Expire(call) => case.write(vec![Event::ApprovalExpired { call: call.id }]).await?,
                Todo::Withdraw(call) => {
                    let text = "not needed any more: the alerts were resolved before anybody answered".to_owned();
                    case.write(vec![Event::answered(&call, text, AnswerStatus::Refused)]).await?;
                }
                Todo::Think => self.think(case, &mut counts).await?,
                Todo::Page => ending::page(case).await?,
                Todo::Close => ending::close(case).await?,
                Todo::Wait(_) | Todo::Nothing => return Ok(()),
            }
        }
    }
}
