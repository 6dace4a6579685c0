//! The hands and eyes of devops-agent: two tool traits, a registry, one client per outside system, and every tool.
//!
//! Invariant: nothing here knows of guard, agent or journal; what changes the world needs a [`Permit`], which only the
//! owner of a registry's [`Mint`] can make.

mod catalogue;
mod clock;
mod expression;
mod failure;
mod permit;
mod registry;
mod schema;
mod tool;

pub mod reach;

mod change_line;
mod container;
mod deploying;
mod deployment;
mod discovery;
mod equal_container;
mod generation;
mod hand;
mod instruction;
mod jq_path;
mod led;
mod limits;
mod log_lines;
mod message;
mod proof;
mod proposal;
mod proposal_words;
mod releases;
mod replica;
mod repository;
mod said;
mod secrets;
mod service;
mod shape;
mod silence;
mod slo;
mod swarm;
mod text;
mod visible;
mod walk;

mod check_health;
mod deploy_service;
mod forecast;
mod inspect_container;
mod list_alerts;
mod list_changes;
mod list_metrics;
mod list_services;
mod notify;
mod open_pr;
mod query_prometheus;
mod read_answer;
mod read_container_logs;
mod read_file;
mod restart_container;
mod rollback_service;
mod scale_service;
mod search_code;
mod search_loki;
mod silence_alert;
mod slo_status;
mod update_resources;

pub use catalogue::{Autonomy, Catalogue, Origin, Service, SharedCatalogue};
pub use clock::{Clock, SharedClock, SystemClock};
pub use discovery::{discover, merge};
pub use expression::compared;
pub use failure::{Failure, System};
pub use instruction::reads_as_instruction;
pub use led::{Led, SERVICE_LABELS, service_of};
pub use message::Severity;
pub use permit::{Mint, Permit, call_hash};
pub use registry::{Kind, Registry};
pub use releases::{Release, Releases};
pub use schema::spec_of;
pub use slo::{Measure, Slo};
pub use text::clean;
pub use tool::{Answer, Change, Check, Effect, Kept, Replicas, Reread, Seen, Spec, Target, Tool, Touches, Undo};

pub use check_health::CheckHealth;
pub use deploy_service::DeployService;
pub use forecast::Forecast;
pub use inspect_container::InspectContainer;
pub use list_alerts::ListAlerts;
pub use list_changes::ListChanges;
pub use list_metrics::ListMetrics;
pub use list_services::ListServices;
pub use notify::{Notify, NotifyOptions};
pub use open_pr::OpenPr;
pub use query_prometheus::QueryPrometheus;
pub use read_answer::ReadAnswer;
pub use read_container_logs::ReadContainerLogs;
pub use read_file::ReadFile;
pub use restart_container::RestartContainer;
pub use rollback_service::RollbackService;
pub use scale_service::ScaleService;
pub use search_code::SearchCode;
pub use search_loki::SearchLoki;
pub use silence_alert::SilenceAlert;
pub use slo_status::SloStatus;
pub use update_resources::UpdateResources;
