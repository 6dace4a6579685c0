//! The agent under test: its process, its settings, and what it says over HTTP.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::lab::{Lab, TOKEN};

/// How long an incident may take.
const PATIENCE: Duration = Duration::from_secs(90);
const OPERATOR: &str = "live-suite-operator";

pub(crate) struct Agent<'a> {
    lab: &'a Lab,
    pub(crate) child: Child,
    pub(crate) folder: PathBuf,
    /// Bytes that agents before it read in this folder.
    before: u64,
}

impl<'a> Agent<'a> {
    /// Starts an agent with a fresh journal; `more` are settings beside those of the lab.
    pub(crate) async fn start(lab: &'a Lab, name: &str, autonomy: &str, more: &str) -> Result<Self> {
        let folder = lab.path(&format!("agent-{name}"));
        std::fs::create_dir_all(&folder)?;
        let settings = format!(
            r#"
            [http]
            listen = "127.0.0.1:{}"
            [[http.tokens]]
            name = "alertmanager"
            token = "{TOKEN}"
            role = "alertmanager"
            [[http.tokens]]
            name = "operator"
            token = "{OPERATOR}"
            role = "operator"
            [journal]
            path = "{}"
            [prometheus]
            url = "http://127.0.0.1:{}"
            timeout = "3s"
            [alertmanager]
            url = "http://127.0.0.1:{}"
            timeout = "3s"
            [docker]
            host = "{}"
            timeout = "5s"
            [health]
            timeout = "500ms"
            [services.market-predictor]
            container = "market-predictor"
            health_url = "http://127.0.0.1:{}/health"
            prometheus = '{{job="market-predictor"}}'
            autonomy = "{autonomy}"
            {more}
            "#,
            lab.agent_port,
            folder.join("journal.db").display(),
            lab.prometheus_port,
            lab.alertmanager_port,
            lab.docker_host(),
            lab.service_port,
        );
        std::fs::write(folder.join("agent.toml"), settings)?;
        Self::again(lab, folder, 0).await
    }

    /// Starts an agent on what another left in its folder.
    async fn again(lab: &'a Lab, folder: PathBuf, before: u64) -> Result<Self> {
        let binary =
            std::env::var("DEVOPS_AGENT_BINARY").context("DEVOPS_AGENT_BINARY is not set; use tests/live/run")?;
        let log = std::fs::File::options().create(true).append(true).open(folder.join("agent.log"))?;
        let child = Command::new(&binary)
            .args(["serve", "--config"])
            .arg(folder.join("agent.toml"))
            .current_dir(&folder)
            .env("DEVOPS_AGENT__VERIFY__EVERY", "500ms")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| binary.clone())?;
        let agent = Self { lab, child, folder, before };
        let url = format!("http://127.0.0.1:{}/health", lab.agent_port);
        lab.until("the agent is up", async |lab| lab.get(&url).await.is_ok()).await?;
        Ok(agent)
    }

    /// Killed as a crash would.
    pub(crate) async fn killed_and_started_again(mut self) -> Result<Self> {
        let before = self.received().await.unwrap_or_default();
        self.child.kill().await?;
        Self::again(self.lab, self.folder, before).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}{path}", self.lab.agent_port);
        let response =
            self.lab.client.get(url).bearer_auth(OPERATOR).header("accept", "application/json").send().await?;
        Ok(response.error_for_status()?.json().await?)
    }

    pub(crate) async fn report(&self) -> Result<String> {
        let url = format!("http://127.0.0.1:{}/incidents/1/report", self.lab.agent_port);
        Ok(self.lab.client.get(url).bearer_auth(OPERATOR).send().await?.error_for_status()?.text().await?)
    }

    pub(crate) async fn approve(&self, call: &str) -> Result<u16> {
        let url = format!("http://127.0.0.1:{}/incidents/1/approvals/{call}", self.lab.agent_port);
        let request = self.lab.client.post(url).bearer_auth(OPERATOR).json(&json!({ "decision": "approve" }));
        Ok(request.send().await?.status().as_u16())
    }

    async fn received(&self) -> Option<u64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.lab.agent_port);
        let metrics = self.lab.client.get(url).bearer_auth(OPERATOR).send().await.ok()?.text().await.ok()?;
        let value = metrics.lines().find_map(|line| line.strip_prefix("devops_agent_received_bytes_total "))?;
        value.parse().ok().map(|bytes: u64| self.before + bytes)
    }

    /// The entries of the incident so far.
    pub(crate) async fn entries(&self) -> Vec<Value> {
        if let Some(bytes) = self.received().await {
            self.lab.received.store(bytes, Ordering::Relaxed);
        }
        let found = self.get("/incidents/1/entries").await.unwrap_or_default();
        found.get("entries").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Waits for an event of this type and gives its entry.
    pub(crate) async fn event(&self, kind: &str) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let entries = self.entries().await;
            if let Some(entry) = entries.iter().find(|entry| kind_of(entry) == kind) {
                return Ok(entry.clone());
            }
            if begun.elapsed() > PATIENCE {
                let seen: Vec<_> = entries.iter().map(kind_of).collect();
                let log = std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default();
                bail!("no {kind} after {} s; seen: {seen:?}\n{log}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the end and gives its outcome.
    pub(crate) async fn outcome(&self) -> Result<String> {
        let closed = self.event("closed").await?;
        Ok(closed.pointer("/event/outcome").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

pub(crate) fn kind_of(entry: &Value) -> String {
    entry.pointer("/event/type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn at(entry: &Value) -> Option<DateTime<Utc>> {
    entry.get("at")?.as_str()?.parse().ok()
}
