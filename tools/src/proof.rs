//! What the proofs of all changes on containers have in common.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Client;

use crate::{Check, Failure, Service, SharedClock, System, check_health::ask, container::ContainerView, reach::Docker};

/// How long a container that was started has to become well before a change goes on to the next one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
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
