//! devops-agent: an autonomous infrastructure engineer. The modules stand in the order in which an alert meets them.

pub mod agent;
pub mod alert;
pub mod config;
pub mod guard;
pub mod incident;
pub mod journal;
pub mod model;
pub mod prompts;
pub mod report;
pub mod runbook;
pub mod worker;
