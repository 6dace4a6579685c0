//! What the proofs of all changes on containers have in common.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Client;

use crate::{Check, Failure, Service, SharedClock, System, check_health::ask, container::ContainerView, reach::Docker};

/// How long a container that was started has to become well before a change goes on to the next one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a container without a health check has to run before it counts as well.
const STEADY: TimeDelta = TimeDelta::seconds(5);
/// How often it is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Waits until a container runs and its health check, where it has one, passes.
///
/// # Errors
/// `Unreachable` when it does not become well in time, or ends.
pub(crate) async fn until_well(
    docker: &Docker,
    id: &str,
    patience: Duration,
    clock: &SharedClock,
) -> Result<(), Failure> {
    let deadline = clock.now() + TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
    loop {
        let now = ContainerView::of(&docker.inspect(id).await?);
        if now.well() {
            return Ok(());
        }
        let over = clock.now() >= deadline || matches!(now.state.as_str(), "exited" | "dead");
        if over {
            let seconds = patience.as_secs();
            let found = format!("{} did not become well within {seconds} s: {}, {}", now.name, now.state, now.health);
            return Err(Failure::unreachable(System::Docker, found));
        }
        clock.sleep(EVERY).await;
    }
}

/// Waits until a container that was just made is well: its health check passes, or, where its image has none, it has run for a
/// while without a restart. One whose health check has failed as often as the image allows is not waited for any longer.
///
/// # Errors
/// `Tell` when it does not become well in time, is found to be sick, or ends: another image or configuration can do better.
pub(crate) async fn until_new_well(
    docker: &Docker,
    id: &str,
    patience: Duration,
    clock: &SharedClock,
) -> Result<(), Failure> {
    let begun = clock.now();
    let deadline = begun + TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX);
    loop {
        let view = ContainerView::of(&docker.inspect(id).await?);
        let steady = view.health != "none" || clock.now() >= begun + STEADY;
        if view.well() && view.restarts == 0 && steady {
            return Ok(());
        }
        let failed =
            view.restarts > 0 || view.health == "unhealthy" || matches!(view.state.as_str(), "exited" | "dead");
        if failed || clock.now() >= deadline {
            let seconds = (clock.now() - begun).as_seconds_f64();
            let found = told(&view);
            return Err(Failure::Tell(format!(
                "{} did not become well: after {seconds:.1} s it is {found}",
                view.name
            )));
        }
        clock.sleep(EVERY).await;
    }
}

fn told(view: &ContainerView) -> String {
    let mut found = format!("{}, health {}", view.state, view.health);
    if !view.running {
        found.push_str(&format!(", exit code {}", view.exit_code));
    }
    if view.restarts > 0 {
        found.push_str(&format!(", {} times restarted", view.restarts));
    }
    if let Some(line) = view.health_log.last() {
        found.push_str(&format!(", health check: {line}"));
    }
    found
}

/// Whether a container runs and passes its health check; `again` counts the restarts by its policy since the change.
pub(crate) fn of_container(now: &ContainerView, again: i64) -> Vec<Check> {
    let restarted = if again > 0 { format!(", {again} times restarted by its policy since") } else { String::new() };
    let mut checks = vec![Check {
        name: format!("container {} runs", now.name),
        passed: now.running && again <= 0,
        found: if now.running {
            format!("running{restarted}")
        } else {
            format!("{}, exit code {}{restarted}", now.state, now.exit_code)
        },
    }];
    if now.health != "none" {
        checks.push(Check {
            name: format!("container {} passes its health check", now.name),
            passed: now.health == "healthy",
            found: now.health.clone(),
        });
    }
    checks
}

/// Whether a service answers its health URL; nothing where it has none.
pub(crate) async fn of_url(client: &Client, service: &Service, timeout: Duration) -> Option<Check> {
    let url = service.health_url.as_ref()?;
    let health = ask(client, url, timeout).await;
    Some(Check {
        name: format!("{} answers its health URL", service.name),
        passed: health.ok,
        found: health.to_string(),
    })
}
