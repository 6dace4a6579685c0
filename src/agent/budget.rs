//! What an investigation may cost, and whether it has.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::incident::{Budget, Incident};

/// Hard limits of one investigation.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgets {
    /// Turns of a model.
    pub steps: u32,
    /// Tokens read and written.
    pub tokens: u64,
    /// US dollars; 0 means no limit.
    pub money: f64,
    /// Time, waiting for people left out.
    pub time: Duration,
}

impl Budgets {
    /// The first budget that is used up, and the figures.
    pub fn reached(&self, incident: &Incident, now: DateTime<Utc>) -> Option<(Budget, String)> {
        let usage = &incident.usage;
        let tokens = usage.input_tokens + usage.output_tokens;
        let began = incident.began_at.unwrap_or(now);
        let seconds = (now - began).num_seconds() - incident.waited_seconds;
        let most_seconds = i64::try_from(self.time.as_secs()).unwrap_or(i64::MAX);
        let reached = [
            (incident.turns >= self.steps, Budget::Steps, format!("{} of {} turns", incident.turns, self.steps)),
            (tokens >= self.tokens, Budget::Tokens, format!("{tokens} of {} tokens", self.tokens)),
            (
                self.money > 0.0 && usage.cost >= self.money,
                Budget::Money,
                format!("{:.4} of {:.2} US dollars", usage.cost, self.money),
            ),
            (seconds >= most_seconds, Budget::Time, format!("{seconds} of {most_seconds} seconds")),
        ];
        reached.into_iter().find(|(is, ..)| *is).map(|(_, budget, used)| (budget, used))
    }
}
