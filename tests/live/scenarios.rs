//! What is broken, and what must come of it.

use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    agent::{Agent, at, kind_of},
    first_look::FirstLook,
    hands::{halted, limits, under_load, worse},
    lab::Lab,
};

/// One scenario's result.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) failure: Option<anyhow::Error>,
    /// Seconds from the fault to the alert on disk.
    pub(crate) webhook: Option<f64>,
    /// Seconds from the fault to the proof.
    pub(crate) proven: Option<f64>,
    /// Seconds of the agent's own.
    pub(crate) own_share: Option<f64>,
    /// What was gathered before any model was asked.
    pub(crate) first_look: Option<FirstLook>,
    /// Bytes that the agent read over HTTP, to the end.
    pub(crate) received: u64,
}

impl Row {
    /// A row without figures.
    pub(crate) fn told(name: &'static str, failure: Option<anyhow::Error>) -> Self {
        Self { name, failure, webhook: None, proven: None, own_share: None, first_look: None, received: 0 }
    }
}

pub(crate) type Done = Result<(DateTime<Utc>, Vec<Value>)>;

pub(crate) async fn run(lab: &mut Lab, only: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    macro_rules! scenario {
        ($name:literal, $function:ident) => {
            if $name.contains(only) {
                println!("{} …", $name);
                let done: Done = $function(lab).await;
                let mut row = row($name, done);
                row.received = lab.received.swap(0, Ordering::Relaxed);
                rows.push(row);
            }
        };
    }
    scenario!("killed", killed);
    scenario!("hung", hung);
    scenario!("out of memory", out_of_memory);
    scenario!("a restart that does not help", does_not_help);
    scenario!("asks first, and is approved", asks_first);
    scenario!("agent killed between begun and done", agent_killed);
    scenario!("Prometheus gone during the investigation", prometheus_gone);
    scenario!("Docker gone", docker_gone);
    scenario!("four: scaled, deployed, rolled back under load", under_load);
    scenario!("a change that makes things worse is undone", worse);
    scenario!("halted in mid-incident", halted);
    scenario!("limits set, alert silenced, people told", limits);
    Ok(rows)
}

fn row(name: &'static str, done: Done) -> Row {
    match done {
        Err(failure) => Row::told(name, Some(failure)),
        Ok((fault, entries)) => {
            let find = |kind: &str| entries.iter().find(|entry| kind_of(entry) == kind);
            let after = |kind: &str| find(kind).and_then(at).map(|at| (at - fault).as_seconds_f64());
            let verified = find("verified").filter(|entry| entry.pointer("/event/ok") == Some(&Value::Bool(true)));
            Row {
                name,
                failure: None,
                webhook: after("alert_joined"),
                proven: verified.and_then(at).map(|at| (at - fault).as_seconds_f64()),
                own_share: own_share(&entries),
                first_look: FirstLook::of(&entries),
                received: 0,
            }
        }
    }
}

/// From the alert to the end, without the change itself, its proof, and waiting for people.
fn own_share(entries: &[Value]) -> Option<f64> {
    let moment = |kind: &str| entries.iter().find(|entry| kind_of(entry) == kind).and_then(at);
    let between = |from: &str, to: &str| Some((moment(to)? - moment(from)?).as_seconds_f64());
    let all = between("alert_joined", "closed")?;
    let change = between("change_begun", "change_done").unwrap_or(0.0);
    let proof = between("change_done", "verified").unwrap_or(0.0);
    let people = between("approval_wanted", "approval_given").unwrap_or(0.0);
    Some(all - change - proof - people)
}

/// The one incident there must be, ended as it must.
pub(crate) async fn ended(agent: &Agent<'_>, outcome: &str) -> Result<Vec<Value>> {
    let found = agent.outcome().await?;
    let report = agent.report().await?;
    ensure!(found == outcome, "it ended as {found}, and should have as {outcome}\n{report}");
    let incidents = agent.get("/incidents").await?;
    let count = incidents["incidents"].as_array().map_or(0, Vec::len);
    ensure!(count == 1, "there are {count} incidents and should be one");
    Ok(agent.entries().await)
}

pub(crate) async fn says(agent: &Agent<'_>, words: &[&str]) -> Result<()> {
    let report = agent.report().await?;
    for word in words {
        ensure!(report.contains(word), "the report does not say {word:?}:\n{report}");
    }
    Ok(())
}

async fn killed(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let agent = Agent::start(lab, "killed", "act", "").await?;
    let fault = Utc::now();
    lab.docker(&["kill", "market-predictor"]).await?;
    let entries = ended(&agent, "repaired").await?;
    says(&agent, &["exit code 137", "ServiceDown no longer holds", "repaired"]).await?;
    Ok((fault, entries))
}

async fn hung(lab: &mut Lab) -> Done {
    lab.fresh_service(1).await?;
    let agent = Agent::start(lab, "hung", "act", "").await?;
    let fault = Utc::now();
    lab.switch("hang").await;
    let entries = ended(&agent, "repaired").await?;
    says(&agent, &["was up and hung"]).await?;
    Ok((fault, entries))
}

async fn out_of_memory(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let agent = Agent::start(lab, "memory", "act", "").await?;
    let fault = Utc::now();
    lab.switch("leak").await;
    let entries = ended(&agent, "repaired").await?;
    says(&agent, &["out of memory"]).await?;
    Ok((fault, entries))
}

async fn does_not_help(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let agent = Agent::start(lab, "useless", "act", "[verify]\nwithin = \"10s\"").await?;
    let fault = Utc::now();
    lab.switch("broken-start").await;
    let entries = ended(&agent, "handed_over").await?;
    says(&agent, &["a restart did not help", "Not proven to have helped", "handed over to a person"]).await?;
    Ok((fault, entries))
}

async fn asks_first(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let agent = Agent::start(lab, "asks", "propose", "").await?;
    let fault = Utc::now();
    lab.docker(&["kill", "market-predictor"]).await?;
    let wanted = agent.event("approval_wanted").await?;
    let call = wanted.pointer("/event/call/id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let state = lab.docker(&["inspect", "--format", "{{.State.Status}}", "market-predictor"]).await?;
    ensure!(state == "exited", "the container is {state} before anybody said yes");
    let (first, second) = (agent.approve(&call).await?, agent.approve(&call).await?);
    ensure!((first, second) == (200, 409), "an approval counts once; it was answered {first} and {second}");
    let entries = ended(&agent, "repaired").await?;
    says(&agent, &["approved by operator"]).await?;
    Ok((fault, entries))
}

/// A container that ignores SIGTERM takes its stop time-out to restart: that is the window in which the agent dies.
async fn agent_killed(lab: &mut Lab) -> Done {
    lab.fresh_service(5).await?;
    let agent = Agent::start(lab, "crash", "act", "").await?;
    let fault = Utc::now();
    let since = fault.timestamp().to_string();
    lab.switch("hang").await;
    agent.event("change_begun").await?;
    let agent = agent.killed_and_started_again().await?;
    let before = agent.entries().await;
    ensure!(
        !before.iter().any(|entry| kind_of(entry) == "change_done"),
        "the agent was killed too late for this scenario"
    );
    let entries = ended(&agent, "repaired").await?;
    let begun = entries.iter().filter(|entry| kind_of(entry) == "change_begun").count();
    ensure!(begun == 1, "{begun} changes were begun");
    let until = (Utc::now().timestamp() + 1).to_string();
    let filter = ["--filter", "container=market-predictor", "--filter", "event=start"];
    let window = ["events", "--since", &since, "--until", &until, "--format", "{{.Action}}"];
    let starts = lab.docker(&[&window[..], &filter[..]].concat()).await?;
    let starts = starts.lines().filter(|line| *line == "start").count();
    ensure!(starts == 1, "the container was started {starts} times and should have been once");
    says(&agent, &["found after a restart of the agent"]).await?;
    Ok((fault, entries))
}

async fn prometheus_gone(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let shared: &Lab = lab;
    let agent = Agent::start(shared, "prometheus", "act", "[verify]\nwithin = \"12s\"\nhold = \"6s\"").await?;
    let fault = Utc::now();
    shared.docker(&["kill", "market-predictor"]).await?;
    agent.event("alert_joined").await?;
    // The lab is lent to the agent: Prometheus is killed from outside.
    let pattern = format!("web.listen-address=127.0.0.1:{}", shared.prometheus_port);
    let killed = tokio::process::Command::new("pkill").args(["-KILL", "-f", &pattern]).status().await?;
    ensure!(killed.success(), "Prometheus was not running");
    let entries = ended(&agent, "handed_over").await?;
    says(&agent, &["Not proven to have helped", "Prometheus could not be reached", "What was not checked"]).await?;
    drop(agent);
    lab.start_monitoring_anew().await?;
    Ok((fault, entries))
}

async fn docker_gone(lab: &mut Lab) -> Done {
    lab.fresh_service(2).await?;
    let fault = Utc::now();
    lab.docker(&["kill", "market-predictor"]).await?;
    lab.stop_dockerd().await;
    let agent = Agent::start(lab, "docker", "act", "").await?;
    let entries = ended(&agent, "handed_over").await?;
    says(&agent, &["Docker could not be reached", "Nothing was changed"]).await?;
    drop(agent);
    lab.start_dockerd().await?;
    Ok((fault, entries))
}
