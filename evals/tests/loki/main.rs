//! The double of Loki against what a real Loki answered, and at its edges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod behaviour;
mod compare;
mod differential;
mod language;
mod recorded;
mod server;
