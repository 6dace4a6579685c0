//! `/containers/json`.

use serde_json::{Value, json};

use super::filters::{Filters, has_label};
use crate::{
    case::containers::text,
    time,
    world::{container::Container, health::Health},
};

/// The filters that are known.
pub(super) const FILTERS: [&str; 5] = ["label", "name", "id", "status", "health"];

/// Whether a container is wanted.
pub(super) fn wanted(container: &Container, filters: &Filters, all: bool, now: i64) -> bool {
    let status = container.status();
    let health = container.health(now).map_or("none", Health::name);
    let labels = container.labels();
    (all || container.running || filters.has("status"))
        && filters.any("status", |wanted| wanted == status)
        && filters.any("health", |wanted| wanted == health)
        && filters.any("name", |wanted| container.name.contains(wanted.trim_matches(['/', '^', '$'])))
        && filters.any("id", |wanted| container.id().starts_with(wanted))
        && filters.every("label", |wanted| has_label(labels, wanted))
}

/// A container as the list shows it.
pub(super) fn summary(container: &Container, now: i64) -> Value {
    let document = container.document();
    let at = |pointer: &str| document.pointer(pointer).cloned().unwrap_or(Value::Null);
    let created = time::parse(text(document, "/Created")).unwrap_or_default() / 1000;
    let command: Vec<String> = [at("/Path")]
        .into_iter()
        .chain(at("/Args").as_array().cloned().unwrap_or_default())
        .filter_map(|word| Some(word.as_str()?.to_owned()))
        .collect();
    json!({
        "Id": container.id(),
        "Names": [format!("/{}", container.name)],
        "Image": container.image(),
        "ImageID": at("/Image"),
        "Command": command.join(" "),
        "Created": created,
        "Ports": [],
        "Labels": container.labels(),
        "State": container.status(),
        "Status": status(container, now),
        "HostConfig": { "NetworkMode": at("/HostConfig/NetworkMode") },
        "NetworkSettings": { "Networks": at("/NetworkSettings/Networks") },
        "Mounts": [],
    })
}

/// `Up 3 hours (healthy)` or `Exited (137) 5 minutes ago`.
fn status(container: &Container, now: i64) -> String {
    if container.started_at == 0 {
        return "Created".to_owned();
    }
    if !container.running {
        let ago = spoken(now - container.finished_at.unwrap_or(now));
        return format!("Exited ({}) {ago} ago", container.exit_code);
    }
    let up = format!("Up {}", spoken(now - container.started_at));
    match container.health(now) {
        None => up,
        Some(Health::Starting) => format!("{up} (health: starting)"),
        Some(health @ (Health::Healthy | Health::Unhealthy)) => format!("{up} ({})", health.name()),
    }
}

/// A duration in milliseconds as Docker says it.
fn spoken(milliseconds: i64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (..1, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 24 / 7),
        _ => format!("{} months", hours / 24 / 30),
    }
}

#[cfg(test)]
mod tests {
    use super::spoken;

    #[test]
    fn durations_are_said_as_docker_says_them() {
        let said = [500, 1_000, 59_000, 90_000, 300_000, 3_600_000, 7_200_000, 200_000_000, 900_000_000].map(spoken);
        let expected = [
            "Less than a second",
            "1 second",
            "59 seconds",
            "About a minute",
            "5 minutes",
            "About an hour",
            "2 hours",
            "2 days",
            "10 days",
        ];
        assert_eq!(said, expected);
    }
}
