//! The world at its door: closed loop, PromQL, Docker by a real client, faults, broken cases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may panic: that is how it fails"
)]

mod call_faults;
mod capacity;
mod cases;
mod closed_loop;
mod docker_client;
mod docker_hands;
mod docker_refusals;
mod faults;
mod form;
mod promql;
mod silences;
mod speed;
mod support;
mod suspects;
mod swarm;
mod synthetic;
mod transitions;
#[path = "../shared/world_clock.rs"]
mod world_clock;
