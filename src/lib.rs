//! devops-agent: an autonomous infrastructure engineer. The modules stand in the order in which an alert meets them.

pub mod alert;
pub mod incident;
pub mod journal;
pub mod prompts;
pub mod report;
pub mod runbook;
