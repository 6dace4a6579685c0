//! The hands and eyes of devops-agent: two tool traits, a registry, one client per outside system, and every tool.
//!
//! Invariant: nothing here knows of guard, agent or journal; what changes the world needs a [`Permit`], which only the
//! owner of a registry's [`Mint`] can make.

mod catalogue;
mod clock;
mod expression;
mod failure;
mod permit;
mod registry;
mod schema;
mod tool;

pub use catalogue::{Autonomy, Catalogue, Origin, Service, SharedCatalogue};
pub use clock::{Clock, SharedClock, SystemClock};
pub use expression::compared;
pub use failure::{Failure, System};
pub use permit::{Mint, Permit, call_hash};
pub use registry::{Kind, Registry};
pub use schema::spec_of;
pub use tool::{Answer, Change, Check, Seen, Spec, Target, Tool, Undo};
