//! Generations of one replica: the container that serves, the one that a deployment prepares, and the one that it keeps.
//!
//! Labels cannot be changed once a container is made, names can: so the name tells the generation, and the id in it proves it.

use bollard::models::ContainerSummary;

use crate::reach::Container;

/// On a container that a deployment made: the image, by id, that ran well before it.
pub(crate) const PREVIOUS_IMAGE: &str = "devops-agent.previous-image";
/// On a container that a deployment made: the image, by id, that ran before it and was not well.
pub(crate) const UNWELL_IMAGE: &str = "devops-agent.unwell-image";
/// On a container that a deployment made: the image as it was asked for.
pub(crate) const DEPLOYED: &str = "devops-agent.deployed";
/// On a container that a deployment made: the id of the container whose place it takes.
pub(crate) const REPLACES: &str = "devops-agent.replaces";
/// On a container by its owner: how long old and new serve side by side before the old one is stopped, such as "5s".
pub(crate) const DRAIN: &str = "devops-agent.drain";
/// On a container by its owner: several of it can listen on one port (SO_REUSEPORT).
pub(crate) const PORT_SHARING: &str = "devops-agent.port-sharing";
/// On a container by its owner: several of it can write to its volumes.
pub(crate) const VOLUME_SHARING: &str = "devops-agent.volume-sharing";

const KEPT: &str = ".before-";
const NEXT: &str = ".next-";

/// What a container is to its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// It serves, or should.
    Serving,
    /// A deployment replaced it and keeps it, stopped, to be able to go back.
    Kept,
    /// A deployment has made it and has not given it its place yet.
    Next,
}

impl Generation {
    /// Told by its name, which must fit its id or its label.
    pub(crate) fn of(container: &Container) -> Self {
        let name = name(container);
        let id = container.id.as_deref().unwrap_or_default();
        if !id.is_empty() && name.ends_with(&format!("{KEPT}{}", short(id))) {
            return Self::Kept;
        }
        match label(container, REPLACES) {
            Some(old) if name.ends_with(&format!("{NEXT}{}", short(old))) => Self::Next,
            Some(_) | None => Self::Serving,
        }
    }
}

/// The name under which a replaced container is kept.
pub(crate) fn kept_name(name: &str, id: &str) -> String {
    format!("{name}{KEPT}{}", short(id))
}

/// The name of the container that is to take the place of another one.
pub(crate) fn next_name(name: &str, old: &str) -> String {
    format!("{name}{NEXT}{}", short(old))
}

/// Whether a container that is not called `wanted` is another generation of the one that is.
pub(crate) fn of_the_same(container: &ContainerSummary, name: &str, wanted: &str) -> bool {
    let id = container.id.as_deref().unwrap_or_default();
    let old = container.labels.as_ref().and_then(|labels| labels.get(REPLACES));
    (!id.is_empty() && name == kept_name(wanted, id)) || old.is_some_and(|old| name == next_name(wanted, old))
}

/// A container's name without the slash that Docker puts before it.
pub(crate) fn name(container: &Container) -> &str {
    container.name.as_deref().unwrap_or_default().trim_start_matches('/')
}

/// One of a container's labels.
pub(crate) fn label<'a>(container: &'a Container, key: &str) -> Option<&'a str> {
    container.config.as_ref()?.labels.as_ref()?.get(key).map(String::as_str)
}

/// The first twelve digits of an id, as Docker itself shows it.
pub(crate) fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::ContainerConfig;

    use super::*;

    fn container(name: &str, id: &str, labels: &[(&str, &str)]) -> Container {
        let labels: HashMap<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Container {
            name: Some(format!("/{name}")),
            id: Some(id.to_owned()),
            config: Some(ContainerConfig { labels: Some(labels), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn a_name_alone_makes_no_generation() {
        let (old, new) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
        assert_eq!(Generation::of(&container(&kept_name("web-1", old), old, &[])), Generation::Kept);
        assert_eq!(Generation::of(&container(&kept_name("web-1", old), new, &[])), Generation::Serving);
        assert_eq!(Generation::of(&container(&next_name("web-1", old), new, &[(REPLACES, old)])), Generation::Next);
        assert_eq!(Generation::of(&container(&next_name("web-1", old), new, &[])), Generation::Serving);
        assert_eq!(Generation::of(&container("web-1", new, &[(REPLACES, old)])), Generation::Serving);
    }

    #[test]
    fn a_service_known_by_its_container_s_name_has_generations_too() {
        let summary = |id: &str, labels: &[(&str, &str)]| ContainerSummary {
            id: Some(id.to_owned()),
            labels: Some(labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
            ..Default::default()
        };
        let (old, new) = ("aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb");
        assert!(of_the_same(&summary(old, &[]), "web.before-aaaaaaaaaaaa", "web"));
        assert!(!of_the_same(&summary(new, &[]), "web.before-aaaaaaaaaaaa", "web"));
        assert!(!of_the_same(&summary(old, &[]), "webshop.before-aaaaaaaaaaaa", "web"));
        assert!(of_the_same(&summary(new, &[(REPLACES, old)]), "web.next-aaaaaaaaaaaa", "web"));
        assert!(!of_the_same(&summary(new, &[]), "web.next-aaaaaaaaaaaa", "web"));
    }
}
