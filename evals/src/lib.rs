//! The world: a recorded incident that answers again, closed-loop, over the same HTTP APIs as the real parts.
//!
//! [`Case`] is the recording and the truth about it; [`World`] plays it on a virtual clock. `prometheus`, `loki`, `docker`,
//! `alertmanager`, `github` and `services` are its doubles, faithful in form to the real ones as far as an agent asks them.
//!
//! Invariant: nothing later than the virtual now is ever visible, and the same calls on the same case give the same answers.

mod alertmanager;
mod case;
mod docker;
mod github;
/// Loki: log lines in memory behind its HTTP API.
pub mod loki;
mod notifications;
mod prometheus;
mod services;
mod time;
mod world;

pub use alertmanager::{SilenceAction, SilenceChange, SilenceState, WorldSilence};
pub use case::{
    Action, Budgets, Case, CaseError, Effect, Illness, Remedy, Synthetic, SyntheticImage, SyntheticService, Truth,
};
pub use github::{GitHubRepository, NewRepository, PullRequestView};
pub use notifications::Notification;
pub use world::{BrokenCall, Fault, Observed, ObservedService, Part, StartError, World, WorldChange};
