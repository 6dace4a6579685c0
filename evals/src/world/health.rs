//! How a container does: what its health check says, and whether it answers.

use serde_json::{Value, json};

use super::container::{Container, docker_time};
use crate::case::{Reply, Silence};

/// What the health check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Starting,
    Healthy,
    Unhealthy,
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
    /// What the health check says at `now`; `None` without one, and for a container that was never started.
    pub(crate) fn health(&self, now: i64) -> Option<Health> {
        self.check_interval()?;
        if self.started_at == 0 {
            return None;
        }
        if !self.running {
            return Some(Health::Unhealthy);
        }
        if now < self.ready_at() {
            return Some(if now < self.given_up_at() { Health::Starting } else { Health::Unhealthy });
        }
        let ill = self.ill_since().is_some_and(|since| now >= since);
        Some(if ill { Health::Unhealthy } else { Health::Healthy })
    }

    /// From when on it answers after its start.
    pub(crate) fn ready_at(&self) -> i64 {
        self.started_at.saturating_add((self.behaviour.ready_after * 1000.0) as i64)
    }

    /// From when on Docker calls it unhealthy, when it has not answered by then.
    fn given_up_at(&self) -> i64 {
        let number =
            |name: &str| self.document.pointer("/Config/Healthcheck").and_then(|check| check.get(name)?.as_i64());
        let patience =
            self.check_interval().unwrap_or(30_000) * number("Retries").filter(|tries| *tries > 0).unwrap_or(3);
        self.started_at + number("StartPeriod").unwrap_or_default() / 1_000_000 + patience
    }

    fn ill_since(&self) -> Option<i64> {
        let after = self.behaviour.unhealthy_after?;
        // A check that has passed fails in public only after some tries; one that never passed is not known before it is ready.
        let since = self.behaves_since.max(self.started_at) + (after * 1000.0) as i64;
        Some(if after > 0.0 { since } else { since.max(self.ready_at()) })
    }

    /// When its health is next another one, if nothing is done to it.
    pub(super) fn turns_at(&self, now: i64) -> Option<i64> {
        let moments = [Some(self.ready_at()), Some(self.given_up_at()), self.ill_since()];
        moments.into_iter().flatten().filter(|at| *at > now && *at < i64::MAX && self.running).min()
    }

    /// Whether it answers at `at`; for a time before now, whether it did.
    pub(super) fn answers(&self, at: i64) -> bool {
        self.started_at > 0 && at >= self.ready_at() && (self.running || self.finished_at.is_some_and(|end| at < end))
    }

    /// Whether it holds requests and finishes none at `at`.
    pub(super) fn hangs(&self, at: i64) -> bool {
        let held = self.behaviour.http.get("/") == Some(&Reply::None(Silence::Hang));
        held && self.ill_since().is_some_and(|since| at >= since)
    }

    /// Whether nothing is wrong with it but that it may still be starting.
    pub(super) fn sound(&self) -> bool {
        self.running && self.behaviour.ready_after.is_finite() && self.behaviour.unhealthy_after.is_none()
    }

    fn check_interval(&self) -> Option<i64> {
        let nanoseconds = self.document.pointer("/Config/Healthcheck/Interval")?.as_i64()?;
        Some((nanoseconds / 1_000_000).max(1000))
    }

    /// Status, failing streak and the last five checks.
    pub(super) fn health_document(&self, health: Health, now: i64) -> Value {
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
