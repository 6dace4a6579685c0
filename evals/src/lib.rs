//! The world: a recorded incident that answers again.

/// Loki: log lines in memory behind its HTTP API.
pub mod loki;
