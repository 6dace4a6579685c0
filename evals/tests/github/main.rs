//! GitHub at its door: the double by the real client and tools, each request and answer against GitHub's own OpenAPI description.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod crash;
mod faults;
mod looks;
mod open_pr;
mod openapi;
mod proxy;
mod stage;
#[path = "../shared/world_clock.rs"]
mod world_clock;
