//! One client per outside system, without opinions.

mod alertmanager;
mod docker;
mod github;
pub(crate) mod http;
mod loki;
mod prometheus;
mod receiver;

pub use alertmanager::{ActiveAlert, AlertStatus, Alertmanager, Matcher, NewSilence, Silence, SilenceState};
pub use docker::{Container, Docker, DockerError, Image};
pub(crate) use docker::{SwarmService, SwarmUpdate};
pub use github::{
    ChangedFile, CodeHit, Commit, CommitLine, Contents, GitHub, NewFile, NewPullRequest, PullRequest, Repository,
    RepositoryFolder, RepositoryName, TouchedFile, Tree, TreeEntry, WorkflowRun,
};
pub use http::{Http, HttpOptions, received_bytes};
pub use loki::{Loki, LokiAnswer};
pub(crate) use prometheus::Plain;
pub use prometheus::{Holds, Prometheus, PrometheusAnswer, Rule, Sample, Series, expression_of};
pub(crate) use receiver::Receiver;
pub use receiver::{Destination, DestinationKind, Patience};
