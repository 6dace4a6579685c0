//! Prometheus: PromQL over the samples so far, and its HTTP API.

mod answer;
mod bounds;
mod engine;
mod error;
mod http;
mod lookup;
mod parameters;
mod position;
mod rewrite;
pub(crate) mod rules;
mod store;
pub(crate) mod template;

pub(crate) use engine::{Answer, Engine};
pub(crate) use http::router;
pub(crate) use parameters::{Parameters, decoded};
pub(crate) use store::SeriesStore;
