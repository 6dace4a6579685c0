//! A container as it is at the virtual now.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    case::{Behaviour, Reply, Silence, containers},
    time,
};

/// What the health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

/// A container: what is fixed as inspected, and what changes.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// The inspect document at the world's beginning.
    document: Value,
    pub(crate) running: bool,
    pub(crate) exit_code: i64,
    pub(crate) oom_killed: bool,
    process: u64,
    /// Milliseconds since 1970.
    pub(crate) started_at: i64,
    /// Milliseconds since 1970; `None` when it has never ended.
    pub(crate) finished_at: Option<i64>,
    pub(crate) behaviour: Behaviour,
    /// When the behaviour began, in milliseconds.
    behaves_since: i64,
}

impl Health {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl Container {
    /// The container of an inspect document.
    pub(super) fn new(document: &Value) -> Self {
        let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
        let finished_at = time::parse(containers::text(document, "/State/FinishedAt")).filter(|at| *at > 0);
        Self {
            name: containers::name(document).to_owned(),
            document: document.clone(),
            running: containers::text(document, "/State/Status") == "running",
            exit_code: number("/State/ExitCode"),
            oom_killed: document.pointer("/State/OOMKilled").and_then(Value::as_bool).unwrap_or_default(),
            process: u64::try_from(number("/State/Pid")).unwrap_or_default(),
            started_at: time::parse(containers::text(document, "/State/StartedAt")).unwrap_or_default(),
            finished_at,
            behaviour: Behaviour::default(),
            behaves_since: 0,
        }
    }

    pub(crate) fn id(&self) -> &str {
        containers::text(&self.document, "/Id")
    }

    pub(crate) fn image(&self) -> &str {
        containers::text(&self.document, "/Config/Image")
    }

    /// Its labels.
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.document.pointer("/Config/Labels").and_then(Value::as_object);
        labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    pub(super) fn behave(&mut self, behaviour: Behaviour, since: i64) {
        self.behaviour = behaviour;
        self.behaves_since = since;
    }

    pub(super) fn start(&mut self, now: i64) {
        self.running = true;
        self.exit_code = 0;
        self.oom_killed = false;
        self.process = 1000 + self.process * 7 % 30_011;
        self.started_at = now;
    }

    pub(super) fn end(&mut self, now: i64, exit_code: i64) {
        self.running = false;
        self.exit_code = exit_code;
        self.finished_at = Some(now);
    }

    /// What the health check says at `now`; `None` without one, and for a container that does not run.
    pub(crate) fn health(&self, now: i64) -> Option<Health> {
        self.check_interval()?;
        if !self.running {
            return Some(Health::Unhealthy);
        }
        if now < self.ready_at() {
            return Some(Health::Starting);
        }
        let ill = self.ill_since().is_some_and(|since| now >= since);
        Some(if ill { Health::Unhealthy } else { Health::Healthy })
    }

    /// From when on it answers after its start.
    pub(crate) fn ready_at(&self) -> i64 {
        self.started_at + (self.behaviour.ready_after * 1000.0) as i64
    }

    fn ill_since(&self) -> Option<i64> {
        let after = self.behaviour.unhealthy_after?;
        Some(self.behaves_since.max(self.started_at) + (after * 1000.0) as i64)
    }

    fn check_interval(&self) -> Option<i64> {
        let nanoseconds = self.document.pointer("/Config/Healthcheck/Interval")?.as_i64()?;
        Some((nanoseconds / 1_000_000).max(1000))
    }

    /// What it answers over HTTP at `now`.
    pub(crate) fn reply(&self, path: &str, now: i64) -> Reply {
        if !self.running || now < self.ready_at() {
            return Reply::None(Silence::Refuse);
        }
        let http = &self.behaviour.http;
        let well = || Reply::Answer { status: 200, body: r#"{"status":"ok"}"#.to_owned() };
        http.get(path).or_else(|| http.get("/")).cloned().unwrap_or_else(well)
    }

    /// The inspect document at `now`.
    pub(crate) fn inspect(&self, now: i64) -> Value {
        let mut document = self.document.clone();
        let finished = self.finished_at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), docker_time);
        let mut state = json!({
            "Status": if self.running { "running" } else { "exited" },
            "Running": self.running,
            "Paused": false,
            "Restarting": false,
            "OOMKilled": self.oom_killed,
            "Dead": false,
            "Pid": if self.running { self.process } else { 0 },
            "ExitCode": self.exit_code,
            "Error": "",
            "StartedAt": docker_time(self.started_at),
            "FinishedAt": finished,
        });
        if let Some(health) = self.health(now)
            && let Some(fields) = state.as_object_mut()
        {
            fields.insert("Health".to_owned(), self.health_document(health, now));
        }
        if let Some(fields) = document.as_object_mut() {
            fields.insert("State".to_owned(), state);
        }
        document
    }

    /// Status, failing streak and the last five checks.
    fn health_document(&self, health: Health, now: i64) -> Value {
        let interval = self.check_interval().unwrap_or(30_000);
        let last = if self.running { now } else { self.finished_at.unwrap_or(now) };
        let checks: Vec<i64> = (1..=5)
            .rev()
            .map(|back| self.started_at + ((last - self.started_at) / interval - back + 1) * interval)
            .filter(|at| *at > self.started_at)
            .collect();
        let ill_since = self.ill_since();
        let fails = |at: i64| ill_since.is_some_and(|since| at >= since) || at < self.ready_at();
        let log: Vec<Value> = checks.iter().map(|at| self.check(*at, fails(*at))).collect();
        let streak = ill_since.filter(|since| last >= *since).map_or(0, |since| (last - since) / interval + 1);
        json!({ "Status": health.name(), "FailingStreak": streak, "Log": log })
    }

    fn check(&self, at: i64, fails: bool) -> Value {
        let (exit_code, output) = if fails && at < self.ready_at() {
            (1, "connection refused")
        } else if fails {
            (self.behaviour.unhealthy_exit_code, self.behaviour.unhealthy_output.as_str())
        } else {
            (0, r#"{"status":"ok"}"#)
        };
        let timeout =
            self.document.pointer("/Config/Healthcheck/Timeout").and_then(Value::as_i64).unwrap_or(3_000_000_000);
        let took = if exit_code == -1 { timeout / 1_000_000 } else { 62 };
        json!({ "Start": docker_time(at), "End": docker_time(at + took), "ExitCode": exit_code, "Output": output })
    }
}

/// Docker writes nanoseconds.
pub(crate) fn docker_time(milliseconds: i64) -> String {
    time::rfc3339_nanoseconds(milliseconds.saturating_mul(1_000_000))
}
