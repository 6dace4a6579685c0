//! The hands on Docker, on a real engine: each is done, proven, taken back, and broken at every step.
//!
//! Needs `DEVOPS_AGENT_TEST_DOCKER` (an engine's `unix://…`, to be used up: containers, networks and a Swarm are made on it) and
//! `MARKET_PREDICTOR_BINARY` (built static, see `tests/live/run`): `cargo test --test docker -- --ignored --test-threads=1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking, and is told by the environment what it runs on"
)]

mod bench;
mod broken;
mod connections;
mod load;
mod plain;
mod swarm;
