//! How a container differs from the one before it: image, environment, command, labels, limits.

use std::collections::BTreeMap;

use analysis::changes::Kind as Nature;
use bollard::models::ServiceSpec;
use chrono::{DateTime, Utc};

use super::{ChangeLine, Kind, Whose, is_flag};
use crate::{
    container::memory_limit,
    reach::{Container, SwarmService},
    text,
};

/// Differences told of one container.
const TOLD: usize = 8;
/// Characters of one value that are told.
const VALUE: usize = 60;
/// Labels that change with every making, or come with the image.
const NO_SETTINGS: [&str; 5] =
    ["com.docker.compose.", "com.docker.swarm.", "devops-agent.", "org.opencontainers.", "desktop.docker.io/"];

/// What somebody set of a container, by group and name. Values under telling names are masked, and told apart by nothing.
#[derive(Debug, Default, PartialEq)]
struct Set(BTreeMap<(Group, String), String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Image,
    Environment,
    Command,
    Label,
    Limit,
}

/// What a container is set to, in words to compare with symptoms.
pub(super) fn settings(container: &Container) -> Vec<String> {
    let set = Set::of(container).0.into_iter();
    let touching = set.filter(|((group, _), _)| matches!(group, Group::Environment | Group::Command));
    touching.map(|((_, name), value)| shown(&name, &value)).collect()
}

/// When a container was made.
pub(super) fn made(container: &Container) -> Option<DateTime<Utc>> {
    container.created.as_ref()?.to_rfc3339().parse().ok()
}

/// What differs between a container and the one before it; `None` when nothing does.
pub(super) fn line(whose: Whose<'_>, before: &Container, now: &Container) -> Option<ChangeLine> {
    let name = text::clean(crate::generation::name(now));
    between(
        whose,
        made(now)?,
        &format!("{name} differs from {}", text::clean(crate::generation::name(before))),
        &Set::of(before),
        &Set::of(now),
    )
}

/// What differs between a Swarm's service and its specification before.
pub(super) fn line_of_swarm(whose: Whose<'_>, found: &SwarmService) -> Option<ChangeLine> {
    let now = found.service.spec.as_ref()?;
    let at = found.service.updated_at.as_ref()?.to_rfc3339().parse().ok()?;
    let name = text::clean(now.name.as_deref().unwrap_or_default());
    let what = format!("{name} differs from its specification before");
    between(whose, at, &what, &Set::of_swarm(found.previous.as_ref()?), &Set::of_swarm(now))
}

fn between(whose: Whose<'_>, at: DateTime<Utc>, what: &str, before: &Set, now: &Set) -> Option<ChangeLine> {
    let keys: std::collections::BTreeSet<_> = before.0.keys().chain(now.0.keys()).collect();
    let changed: Vec<_> = keys.into_iter().filter(|key| before.0.get(*key) != now.0.get(*key)).collect();
    if changed.is_empty() {
        return None;
    }
    let told = changed.iter().take(TOLD).map(|key| {
        let value = |set: &Set| set.0.get(*key).map_or_else(|| "nothing".to_owned(), |value| masked(&key.1, value));
        let (was, is) = (value(before), value(now));
        if was == is { format!("{} changed", key.1) } else { format!("{} {was} became {is}", key.1) }
    });
    let more = changed.len().saturating_sub(TOLD);
    let more = if more > 0 { format!("; {more} more") } else { String::new() };
    let what = format!("{what}: {}{more}", told.collect::<Vec<_>>().join("; "));
    let touches =
        changed.iter().flat_map(|key| [before, now].map(|set| Some(shown(&key.1, set.0.get(*key)?)))).flatten();
    let line = ChangeLine::docker(whose, at, (Kind::Configuration, nature(&changed)), text::clean(&what));
    Some(line.touching(touches.collect(), true))
}

/// The gravest of what changed.
fn nature(changed: &[&(Group, String)]) -> Nature {
    let any = |wanted: Group| changed.iter().any(|(group, _)| *group == wanted);
    if any(Group::Image) {
        return Nature::Image;
    }
    if changed.iter().all(|(_, name)| is_flag(name)) {
        return Nature::Flag;
    }
    let settings = [Group::Environment, Group::Command, Group::Label].into_iter().any(any);
    if settings { Nature::Configuration } else { Nature::Limits }
}

fn shown(name: &str, value: &str) -> String {
    format!("{} {}", text::clean(name), masked(name, value))
}

fn masked(name: &str, value: &str) -> String {
    if text::telling(name) { text::MASK.to_owned() } else { text::one_line(&text::clean(value), VALUE) }
}

impl Set {
    fn of(container: &Container) -> Self {
        let config = container.config.clone().unwrap_or_default();
        let host = container.host_config.clone().unwrap_or_default();
        let mut set = Self::default();
        set.put(Group::Image, "image", config.image);
        set.put(Group::Image, "image id", container.image.clone());
        set.environment(config.env);
        set.put(Group::Command, "command", words(config.cmd));
        set.put(Group::Command, "entrypoint", words(config.entrypoint));
        set.labels(config.labels);
        set.put(Group::Limit, "memory limit", Some(memory_limit(&host).to_string()));
        set.put(Group::Limit, "CPU quota", host.cpu_quota.filter(|quota| *quota > 0).map(|quota| quota.to_string()));
        set.put(Group::Limit, "nano CPUs", host.nano_cpus.filter(|cpus| *cpus > 0).map(|cpus| cpus.to_string()));
        set
    }

    fn of_swarm(spec: &ServiceSpec) -> Self {
        let task = spec.task_template.clone().unwrap_or_default();
        let container = task.container_spec.unwrap_or_default();
        let limits = task.resources.and_then(|resources| resources.limits).unwrap_or_default();
        let mut set = Self::default();
        set.put(Group::Image, "image", container.image);
        set.environment(container.env);
        set.put(Group::Command, "command", words(container.command));
        set.put(Group::Command, "arguments", words(container.args));
        set.labels(container.labels);
        set.put(Group::Limit, "memory limit", limits.memory_bytes.map(|bytes| bytes.to_string()));
        set.put(Group::Limit, "nano CPUs", limits.nano_cpus.map(|cpus| cpus.to_string()));
        set
    }

    fn put(&mut self, group: Group, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.insert((group, name.to_owned()), value);
        }
    }

    fn environment(&mut self, lines: Option<Vec<String>>) {
        for line in lines.unwrap_or_default() {
            let (name, value) = line.split_once('=').unwrap_or((&line, ""));
            self.put(Group::Environment, name, Some(value.to_owned()));
        }
    }

    fn labels(&mut self, labels: Option<std::collections::HashMap<String, String>>) {
        let set = labels.unwrap_or_default().into_iter();
        for (name, value) in set.filter(|(name, _)| !NO_SETTINGS.iter().any(|start| name.starts_with(start))) {
            self.put(Group::Label, &name, Some(value));
        }
    }
}

fn words(command: Option<Vec<String>>) -> Option<String> {
    command.map(|words| words.join(" "))
}

#[cfg(test)]
mod tests {
    use analysis::changes::Place;
    use serde_json::json;

    use super::*;
    use crate::{Origin, Service};

    fn container(name: &str, env: &[&str], memory: i64) -> Container {
        serde_json::from_value(json!({
            "Id": name, "Name": format!("/{name}"), "Created": "2026-11-23T17:00:00Z", "Image": "sha256:1",
            "HostConfig": { "Memory": memory },
            "Config": { "Image": "web:1", "Env": env, "Labels": { "com.docker.compose.config-hash": name, "team": "shop" } },
        }))
        .unwrap()
    }

    #[test]
    fn what_differs_is_told_by_name_and_secrets_are_not() {
        let service = Service::named("web", Origin::Settings);
        let whose = Whose { service: &service, place: Place::Own };
        let told =
            |before: &Container, now: &Container| line(whose, before, now).map(|line| (line.what.clone(), line.nature));
        let before = container("web.before", &["TIMEOUT_MS=400", "DB_PASSWORD=old", "GONE=1"], 100);
        let now = container("web", &["TIMEOUT_MS=40", "DB_PASSWORD=new", "ADDED=2"], 100);
        let (what, nature) = told(&before, &now).unwrap();
        insta::assert_snapshot!(what, @"web differs from web.before: ADDED nothing became 2; DB_PASSWORD changed; GONE 1 became nothing; TIMEOUT_MS 400 became 40");
        assert_eq!(nature, Nature::Configuration);
        assert_eq!(told(&before, &container("web", &["TIMEOUT_MS=400", "DB_PASSWORD=old", "GONE=1"], 100)), None);
        let limits = container("web", &["TIMEOUT_MS=400", "DB_PASSWORD=old", "GONE=1"], 50);
        assert_eq!(told(&before, &limits).unwrap().1, Nature::Limits);
        let flags = (container("a", &["FLAG_CART=off"], 0), container("b", &["FLAG_CART=on"], 0));
        assert_eq!(told(&flags.0, &flags.1).unwrap().1, Nature::Flag);
    }
}
