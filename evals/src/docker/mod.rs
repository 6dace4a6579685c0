//! Docker Engine's API 1.41: as much of it as an agent asks.

mod act;
mod events;
mod filters;
mod http;
mod images;
mod list;
mod logs;
mod networks;
mod stats;
mod swarm;

pub(crate) use http::router;
