//! `[journal]`, `[intake]`, `[worker]`, `[triage]`, `[budget]`, `[verify]`, `[guard]`, `[runbooks]`: how an incident is taken in, worked on
//! and bounded.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::units;

/// `[journal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSettings {
    /// The file.
    pub path: PathBuf,
    /// Writes that may wait.
    pub queue: usize,
}

/// `[intake]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntakeSettings {
    /// Incidents that may be open.
    pub queue: usize,
    /// Alerts join within this time.
    #[serde(with = "units::duration")]
    pub join_window: Duration,
    /// Alerts a notification.
    pub alerts_max: usize,
    /// Labels an alert.
    pub labels_max: usize,
    /// Bytes a value.
    #[serde(with = "units::size")]
    pub label_value_max: usize,
}

/// `[worker]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Incidents at the same time.
    pub concurrency: usize,
    /// Length of a lease.
    #[serde(with = "units::duration")]
    pub lease: Duration,
}

/// `[triage]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriageSettings {
    /// How long each of its calls may take; they run side by side.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// Tokens of a model that its answers may have together.
    pub tokens: usize,
}

/// `[budget]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetSettings {
    /// Turns.
    pub steps: u32,
    /// Tokens.
    pub tokens: u64,
    /// US dollars; 0 is no limit.
    pub money: f64,
    /// Time.
    #[serde(with = "units::duration")]
    pub time: Duration,
    /// Bytes of a raw answer that are kept.
    #[serde(with = "units::size")]
    pub answer_max: usize,
}

/// `[verify]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySettings {
    /// How long a change has to prove that it helped.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// How often it is asked.
    #[serde(with = "units::duration")]
    pub every: Duration,
    /// For how long all checks must pass in a row.
    #[serde(with = "units::duration")]
    pub hold: Duration,
}

/// `[guard]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSettings {
    /// The policy file; empty: the compiled-in one.
    pub policy: String,
    /// How long a person has to answer.
    #[serde(with = "units::duration")]
    pub approval_expires: Duration,
}

/// `[runbooks]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunbookSettings {
    /// The folder.
    pub folder: PathBuf,
    /// Where runbooks go that were learnt; empty: nowhere.
    pub drafts: PathBuf,
    /// The repository of runbooks, as "owner/name"; empty: none, nothing is proposed.
    pub repository: String,
    /// The folder of runbooks in it.
    pub path: String,
}
