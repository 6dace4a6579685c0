//! Docker Engine's API 1.41: as much of it as an agent asks.

mod events;
mod filters;
mod http;
mod list;
mod logs;
mod stats;

pub(crate) use http::router;
