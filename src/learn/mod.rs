//! Learning runbooks: when the same cause was repaired by the same calls twice, proven, and no runbook is for that alert, one is
//! written from the journal, so that the third time needs no LLM.
//!
//! Invariant: of what came in as telemetry nothing becomes an argument of a call but the service that the catalogue knows; and
//! nothing of it stands in the prose, which models and the guard trust.
//! Invariant: a runbook is proposed only if it would have wanted exactly the changes that were made, in both incidents.

mod alike;
mod condition;
mod draft;
mod episode;
mod learner;
mod lesson;
mod place;
mod replay;
mod template;
mod write;

pub use learner::{Learner, LearnerParts, Learnt, SERVICE, Where};
pub use lesson::{Lesson, School, Written, lessons};

#[cfg(test)]
mod tests;
