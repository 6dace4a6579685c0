//! What Docker says of one container, in the form in which tools speak of it.

use std::{fmt, time::Duration};

use bollard::models::{ContainerInspectResponse, ContainerState, ContainerStatsResponse, HealthStatusEnum, HostConfig};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::text;

/// Docker's own stop time-out where a container sets none, in seconds.
const STOP_TIMEOUT: i64 = 10;

/// The kernel's period for a CPU quota where none is set, in microseconds.
pub(crate) const CPU_PERIOD: i64 = 100_000;

/// One container as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ContainerView {
    /// Its name.
    pub name: String,
    /// The first twelve digits of its id.
    pub id: String,
    /// running, exited, restarting, paused, created, dead.
    pub state: String,
    /// healthy, unhealthy, starting, or none without a health check.
    pub health: String,
    /// Whether its process runs and is not being restarted.
    pub running: bool,
    /// Exit code of the last end.
    pub exit_code: i64,
    /// Whether the last end was for want of memory.
    pub oom_killed: bool,
    /// What Docker says went wrong at its start.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Starts by the restart policy.
    pub restarts: i64,
    /// Restart policy.
    pub restart_policy: String,
    /// When it last started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it last ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Image by name.
    pub image: String,
    /// Image by id.
    pub image_id: String,
    /// Memory limit in bytes; 0 is none.
    pub memory_limit: i64,
    /// CPU limit in cores; 0 is none.
    pub cpu_limit: f64,
    /// Last answers of the health check, oldest first.
    pub health_log: Vec<String>,
    /// Environment; values under telling names are masked.
    pub environment: Vec<String>,
}

impl ContainerView {
    /// Reads Docker's answer.
    pub(crate) fn of(container: &ContainerInspectResponse) -> Self {
        let state = container.state.clone().unwrap_or_default();
        let host = container.host_config.clone().unwrap_or_default();
        let config = container.config.clone().unwrap_or_default();
        let policy = host.restart_policy.as_ref().and_then(|policy| policy.name);
        let word = state.status.map(|status| status.to_string()).unwrap_or_default();
        Self {
            name: text::clean(container.name.as_deref().unwrap_or_default().trim_start_matches('/')),
            id: container.id.as_deref().unwrap_or_default().chars().take(12).collect(),
            health: health(&state),
            running: state.running.unwrap_or(false) && !state.restarting.unwrap_or(false) && word == "running",
            state: word,
            exit_code: state.exit_code.unwrap_or(0),
            oom_killed: state.oom_killed.unwrap_or(false),
            error: text::one_line(&text::clean(state.error.as_deref().unwrap_or_default()), 300),
            restarts: container.restart_count.unwrap_or(0),
            restart_policy: policy
                .map(|name| name.to_string())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| "no".to_owned()),
            started_at: moment(state.started_at.as_deref()),
            finished_at: moment(state.finished_at.as_deref()),
            image: text::clean(config.image.as_deref().unwrap_or_default()),
            image_id: container.image.clone().unwrap_or_default(),
            memory_limit: memory_limit(&host),
            cpu_limit: cores(&host),
            health_log: health_log(&state),
            environment: config.env.unwrap_or_default().iter().map(|line| environment(line)).collect(),
        }
    }

    /// The worse of two comes first when containers are sorted by this.
    pub(crate) fn badness(&self) -> u8 {
        match (self.running, self.health.as_str()) {
            (false, _) => 0,
            (true, "unhealthy") => 1,
            (true, "starting") => 2,
            (true, _) => 3,
        }
    }

    /// Whether it runs and its health check, where it has one, passes.
    pub(crate) fn well(&self) -> bool {
        self.running && matches!(self.health.as_str(), "healthy" | "none")
    }
}

/// The memory that a container uses, in bytes: without the page cache, which is given back when memory is short; Docker's own
/// client leaves it out as well.
pub(crate) fn memory_used(stats: &ContainerStatsResponse) -> Option<u64> {
    let memory = stats.memory_stats.as_ref()?;
    let cache = |key: &str| memory.stats.as_ref().and_then(|stats| stats.get(key).copied());
    // The first under cgroup v1, the second under v2.
    let cache = cache("total_inactive_file").or_else(|| cache("inactive_file")).unwrap_or(0);
    Some(memory.usage?.saturating_sub(cache))
}

/// How long Docker waits for a container to stop before it kills it, with a margin for the start.
pub(crate) fn stop_timeout(container: &ContainerInspectResponse) -> Duration {
    let seconds = container.config.as_ref().and_then(|config| config.stop_timeout).unwrap_or(STOP_TIMEOUT);
    Duration::from_secs(u64::try_from(seconds.clamp(0, 600)).unwrap_or(0) + 5)
}

/// The memory limit in bytes; 0 is none, and so is a number that no machine reaches.
pub(crate) fn memory_limit(host: &HostConfig) -> i64 {
    host.memory.filter(|bytes| (1..1 << 50).contains(bytes)).unwrap_or(0)
}

/// The CPU limit, in whichever of Docker's two ways it was set.
fn cores(host: &HostConfig) -> f64 {
    let period = host.cpu_period.filter(|period| *period > 0).unwrap_or(CPU_PERIOD);
    let quota = host.cpu_quota.unwrap_or(0).max(0);
    #[expect(clippy::cast_precision_loss, reason = "cores have few digits")]
    match host.nano_cpus {
        Some(nano) if nano > 0 => nano as f64 / 1e9,
        Some(_) | None => quota as f64 / period as f64,
    }
}

fn health(state: &ContainerState) -> String {
    let status = state.health.as_ref().and_then(|health| health.status);
    match status {
        Some(HealthStatusEnum::HEALTHY) => "healthy",
        Some(HealthStatusEnum::UNHEALTHY) => "unhealthy",
        Some(HealthStatusEnum::STARTING) => "starting",
        Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => "none",
    }
    .to_owned()
}

fn health_log(state: &ContainerState) -> Vec<String> {
    let log = state.health.as_ref().and_then(|health| health.log.clone()).unwrap_or_default();
    let skip = log.len().saturating_sub(3);
    let told = log.into_iter().skip(skip).map(|entry| {
        let output = text::one_line(&text::clean(entry.output.as_deref().unwrap_or_default()), 160);
        format!("exit {}: {output}", entry.exit_code.unwrap_or(-1))
    });
    told.collect()
}

/// Docker gives the year 1 for what has not happened.
fn moment(text: Option<&str>) -> Option<DateTime<Utc>> {
    let at: DateTime<Utc> = text?.parse().ok()?;
    (at.timestamp() > 0).then_some(at)
}

fn environment(line: &str) -> String {
    match line.split_once('=') {
        Some((name, _)) if text::telling(name) => format!("{}={}", text::clean(name), text::MASK),
        _ => text::one_line(&text::clean(line), 200),
    }
}

impl fmt::Display for ContainerView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}): {}", self.name, self.id, self.state)?;
        if self.health != "none" {
            write!(out, ", {}", self.health)?;
        }
        if !self.running {
            write!(out, ", exit code {}", self.exit_code)?;
        }
        if self.oom_killed {
            write!(out, ", killed because it was out of memory")?;
        }
        if !self.error.is_empty() {
            write!(out, ", error: {}", self.error)?;
        }
        write!(out, "; {} restarts (policy {})", self.restarts, self.restart_policy)?;
        if let Some(at) = self.started_at {
            write!(out, "; started {}", at.format("%Y-%m-%d %H:%M:%S UTC"))?;
        }
        if let Some(at) = self.finished_at.filter(|_| !self.running) {
            write!(out, "; ended {}", at.format("%Y-%m-%d %H:%M:%S UTC"))?;
        }
        write!(out, "\n  image {}", self.image)?;
        if self.memory_limit > 0 {
            write!(out, "; memory limit {} MiB", self.memory_limit >> 20)?;
        }
        if self.cpu_limit > 0.0 {
            write!(out, "; CPU limit {} cores", self.cpu_limit)?;
        }
        for line in &self.health_log {
            write!(out, "\n  health check: {line}")?;
        }
        if !self.environment.is_empty() {
            write!(out, "\n  environment: {}", self.environment.join(" "))?;
        }
        Ok(())
    }
}
