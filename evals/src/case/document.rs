//! `case.toml`: the truth, the segments and what leads from one to the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::transition::Transition;

/// What is true of the incident, for scoring. The agent never sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The service at fault.
    pub service: String,
    /// A right cause mentions, of each of these lists, at least one entry; case does not matter.
    pub cause: Vec<Vec<String>>,
    /// `repaired`, or `handed_over` when a person has to act.
    pub ends: String,
    /// Calls that help.
    #[serde(default)]
    pub remedies: Vec<Remedy>,
    /// Calls that must not be made.
    #[serde(default)]
    pub forbidden: Vec<Remedy>,
    /// What the agent may spend.
    pub budgets: Budgets,
}

/// A change as the agent would call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// The tool's name.
    pub tool: String,
    /// The service that it aims at; `None` means any.
    pub service: Option<String>,
}

/// What the agent may spend on a case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Turns of the model.
    pub turns: u32,
    /// Seconds on the world's clock.
    pub seconds: f64,
    /// Tokens read and written.
    pub tokens: u64,
}

/// An alerting rule, in Prometheus's own words.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) alert: String,
    pub(crate) expr: String,
    /// Seconds for which the expression must have held before the alert fires.
    #[serde(default, rename = "for")]
    pub(crate) hold: u32,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// `case.toml` as a whole.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) title: String,
    /// The virtual time at which the world begins: the alert has just been sent.
    pub(super) now: DateTime<Utc>,
    pub(super) truth: Truth,
    pub(super) services: toml::Table,
    pub(super) rules: Vec<Rule>,
    /// By reference, as containers name them.
    #[serde(default)]
    pub(super) images: BTreeMap<String, ImageBehaviour>,
    pub(super) segments: BTreeMap<String, SegmentDocument>,
}

/// One segment: what it records and how containers behave in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentDocument {
    /// The moment of the recording at which the segment begins; a later segment is shifted from there to its call.
    pub(super) begins: DateTime<Utc>,
    /// The names (metrics' `job`, logs' `service`) whose metrics and logs are taken from here; the others go on as before.
    pub(super) records: Vec<String>,
    #[serde(default)]
    pub(super) healed: bool,
    #[serde(default)]
    pub(super) containers: BTreeMap<String, Behaviour>,
    #[serde(default)]
    pub(super) on: Vec<Transition>,
}

/// How a container behaves while it runs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Behaviour {
    /// Seconds from its start until it answers; its health is `starting` until then, or until Docker gives it up. `inf`: never.
    pub(crate) ready_after: f64,
    /// Seconds from the segment's beginning after which its health check fails.
    pub(crate) unhealthy_after: Option<f64>,
    /// What the failing check prints.
    pub(crate) unhealthy_output: String,
    /// The failing check's exit code; Docker writes -1 for a check that took too long.
    pub(crate) unhealthy_exit_code: i64,
    /// What it answers, by path; `/` stands for every path that is not named.
    pub(crate) http: BTreeMap<String, Reply>,
}

/// How containers of an image behave, whatever segment it is. One that the engine does not have can be pulled.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ImageBehaviour {
    /// Left out: as the segment says.
    pub(crate) behaviour: Option<Behaviour>,
    /// The share of requests that its containers answer with an error, from 0 to 1; for services whose load is made up.
    pub(crate) error_ratio: f64,
}

/// An answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    /// `"refuse"` or `"hang"`.
    None(Silence),
    /// A status with a body.
    Answer { status: u16, body: String },
}

/// No answer at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Silence {
    /// The connection is closed.
    Refuse,
    /// The connection is held until the client gives up.
    Hang,
}
