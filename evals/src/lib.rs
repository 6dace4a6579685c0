//! The world: a recorded incident that answers again, closed-loop, over the same HTTP APIs as the real parts.
//!
//! Invariant: nothing later than the world's own moment is ever seen; its clock moves only when it is told to.

mod alertmanager;
mod case;
mod docker;
mod embedded;
mod fault;
pub mod loki;
mod metrics;
mod openmetrics;
mod prometheus;
mod rules;
mod services;
mod stage;
mod world;

pub use case::{Budgets, Case, CaseError, Forbidden, Truth};
pub use fault::{Fault, Part};
pub use stage::{Effect, WorldChange};
pub use world::{World, WorldError};
