//! Behaviour at the door: one binary, so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod approvals;
mod broken;
mod chat;
mod commands;
mod conversation;
mod crash;
mod guardrails;
mod handbook;
mod hands;
mod hands_done;
mod house;
mod imports;
mod intake;
mod learning;
mod memory;
mod operations;
mod provider;
mod serving;
mod stage;
mod worlds;
