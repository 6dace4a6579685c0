//! One client per outside system, without opinions.

mod alertmanager;
mod docker;
mod github;
mod http;
mod loki;
mod prometheus;

pub use alertmanager::{ActiveAlert, Alertmanager};
pub use docker::{Container, Docker, DockerError, Image};
pub(crate) use docker::{SwarmService, SwarmUpdate};
pub use github::GitHub;
pub use http::{Http, HttpOptions};
pub use loki::{Loki, LokiAnswer};
pub use prometheus::{Holds, Prometheus, PrometheusAnswer, Rule, Sample, Series, expression_of};
