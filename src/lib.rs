//! devops-agent: an autonomous infrastructure engineer. The modules stand in the order in which an alert meets them.

pub mod alert;
pub mod incident;
pub mod journal;
pub mod report;

pub mod agent;
pub mod guard;
pub mod model;
pub mod prompts;
pub mod runbook;
pub mod worker;

pub mod learn;
pub mod remember;

pub mod config;
pub mod doctor;
pub mod eval;
pub mod http;
pub mod parts;

pub mod cli;
