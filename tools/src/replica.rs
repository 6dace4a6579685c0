//! An equal container: the same configuration, networks and labels as one that is there, under another name or of another image.

mod names;
mod together;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerConfig, ContainerCreateBody, EndpointSettings, HostConfig, ImageConfig, MountPoint, NetworkingConfig,
};

pub(crate) use names::{next_names, number};
pub(crate) use together::{cannot_be_two, cannot_share_volumes, unlike};

use crate::{
    generation::{name, short},
    reach::Container,
};

/// The label by which Compose counts the containers of a service.
pub(crate) const COMPOSE_NUMBER: &str = "com.docker.compose.container-number";
const COMPOSE_PROJECT: &str = "com.docker.compose.project";
const COMPOSE_SERVICE: &str = "com.docker.compose.service";
/// The label in which Compose keeps the image's id.
pub(crate) const COMPOSE_IMAGE: &str = "com.docker.compose.image";

/// What to make a container from: one that is there, the image that it was made from, and what is to be different.
pub(crate) struct Pattern<'a> {
    /// The container that the new one is to equal.
    pub container: &'a Container,
    /// What its image sets by itself: this comes from the new image instead. `None` when that image is gone.
    pub image_was: Option<&'a ImageConfig>,
    /// The new one's image.
    pub image: &'a str,
    /// Labels that the new one has in addition, or with another value.
    pub labels: &'a BTreeMap<String, String>,
    /// Labels that the new one has not.
    pub without: &'a [&'a str],
    /// Whether the new one takes over the volumes that were made for the old one alone.
    pub takes_volumes: bool,
}

/// The configuration of an equal container. It has no alias on any network: nobody reaches it before it is well.
pub(crate) fn equal(pattern: &Pattern<'_>) -> ContainerCreateBody {
    let config = pattern.container.config.clone().unwrap_or_default();
    let was = pattern.image_was.cloned().unwrap_or_default();
    let entrypoint = own(config.entrypoint.clone(), &was.entrypoint);
    let host = host_config(pattern);
    let id = pattern.container.id.as_deref().unwrap_or_default();
    let hostname = config.hostname.clone().filter(|name| *name != short(id) && !shares_network(&host));
    ContainerCreateBody {
        hostname,
        domainname: config.domainname.clone().filter(|_| !shares_network(&host)),
        user: own(config.user.clone(), &was.user),
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        exposed_ports: less(config.exposed_ports.clone(), &was.exposed_ports),
        env: less(config.env.clone(), &was.env),
        // With an entrypoint of its own the container takes no command from its image.
        cmd: if entrypoint.is_some() { config.cmd.clone() } else { own(config.cmd.clone(), &was.cmd) },
        entrypoint,
        healthcheck: own(config.healthcheck.clone(), &was.healthcheck),
        image: Some(pattern.image.to_owned()),
        volumes: less(config.volumes.clone(), &was.volumes),
        working_dir: own(config.working_dir.clone(), &was.working_dir),
        network_disabled: config.network_disabled,
        labels: Some(labels(&config, &was, pattern)),
        stop_signal: own(config.stop_signal.clone(), &was.stop_signal),
        stop_timeout: config.stop_timeout,
        networking_config: first_network(pattern.container, &host),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// What the container's owner set; `None` for what came from its image.
fn own<T: PartialEq>(set: Option<T>, image: &Option<T>) -> Option<T> {
    set.filter(|set| image.as_ref() != Some(set))
}

fn less(set: Option<Vec<String>>, image: &Option<Vec<String>>) -> Option<Vec<String>> {
    let image: BTreeSet<_> = image.iter().flatten().collect();
    set.map(|set| set.into_iter().filter(|item| !image.contains(item)).collect())
}

fn labels(config: &ContainerConfig, was: &ImageConfig, pattern: &Pattern<'_>) -> HashMap<String, String> {
    let image = was.labels.clone().unwrap_or_default();
    let mut labels = config.labels.clone().unwrap_or_default();
    labels.retain(|key, value| image.get(key) != Some(value) && !pattern.without.contains(&key.as_str()));
    labels.extend(pattern.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    labels
}

fn host_config(pattern: &Pattern<'_>) -> HostConfig {
    let mut host = pattern.container.host_config.clone().unwrap_or_default();
    host.container_id_file = None;
    host.console_size = None;
    // Docker tells a link as "/other:/this/alias" and takes it as "other:alias".
    host.links = host.links.map(|links| links.iter().filter_map(|link| plain_link(link)).collect());
    // Docker tells of a swappiness that the kernel does not know, and warns when it is given.
    host.memory_swappiness = host.memory_swappiness.filter(|swappiness| *swappiness >= 0);
    if pattern.takes_volumes {
        let mounts = pattern.container.mounts.iter().flatten();
        let unnamed = mounts
            .filter(|mount| is_unnamed(mount, &host))
            .filter_map(|mount| Some(format!("{}:{}", mount.name.as_deref()?, mount.destination.as_deref()?)));
        let unnamed: Vec<_> = unnamed.collect();
        host.binds = Some(host.binds.unwrap_or_default().into_iter().chain(unnamed).collect());
    }
    host
}

fn plain_link(link: &str) -> Option<String> {
    let (other, this) = link.split_once(':')?;
    Some(format!("{}:{}", other.trim_start_matches('/'), this.rsplit('/').next()?))
}

/// A volume that no configuration names: made for this container alone.
fn is_unnamed(mount: &MountPoint, host: &HostConfig) -> bool {
    let destination = mount.destination.as_deref().unwrap_or_default();
    let bound = host.binds.iter().flatten().any(|bind| bind.split(':').nth(1) == Some(destination));
    let mounted = host.mounts.iter().flatten().any(|found| found.target.as_deref() == Some(destination));
    mount.typ.as_deref() == Some("volume") && !bound && !mounted
}

fn mode(host: &HostConfig) -> &str {
    host.network_mode.as_deref().unwrap_or_default()
}

/// Whether it has no network of its own, but the host's or another container's.
fn shares_network(host: &HostConfig) -> bool {
    mode(host) == "host" || mode(host).starts_with("container:")
}

/// The networks on which containers find one another by name, with the names under which this one is found; the first is the one
/// that it is made on.
pub(crate) fn networks(container: &Container, another_name: Option<&str>) -> Vec<(String, EndpointSettings)> {
    let host = container.host_config.clone().unwrap_or_default();
    let found = container.network_settings.as_ref().and_then(|settings| settings.networks.clone()).unwrap_or_default();
    let own_id = short(container.id.as_deref().unwrap_or_default());
    let mut networks: Vec<_> = found
        .into_iter()
        .filter(|(network, _)| !matches!(network.as_str(), "bridge" | "host" | "none"))
        .map(|(network, endpoint)| {
            let first = network == mode(&host) || endpoint.network_id.as_deref() == Some(mode(&host));
            let aliases = endpoint.aliases.unwrap_or_default().into_iter().filter(|alias| *alias != own_id);
            let mut aliases: Vec<String> = aliases.chain(another_name.map(str::to_owned)).collect();
            aliases.sort();
            aliases.dedup();
            let endpoint = EndpointSettings {
                aliases: Some(aliases),
                links: endpoint.links,
                driver_opts: endpoint.driver_opts,
                ..Default::default()
            };
            (!first, network, endpoint)
        })
        .collect();
    networks.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    networks.into_iter().map(|(_, network, endpoint)| (network, endpoint)).collect()
}

/// Whether two replicas are on the same networks and found by the same names there, but for names of their own.
pub(crate) fn is_found_as(one: &Container, other: &Container) -> bool {
    let found = |container: &Container| -> BTreeMap<String, Vec<String>> {
        let own = |alias: &String| [name(one), name(other)].contains(&alias.as_str());
        let named = networks(container, None).into_iter().map(|(network, endpoint)| {
            let aliases = endpoint.aliases.unwrap_or_default().into_iter().filter(|alias| !own(alias));
            (network, aliases.collect())
        });
        named.collect()
    };
    found(one) == found(other)
}

/// An endpoint without the names: the container is on the network, and nobody finds it.
pub(crate) fn unnamed(endpoint: &EndpointSettings) -> EndpointSettings {
    EndpointSettings { aliases: None, ..endpoint.clone() }
}

/// Docker makes a container on one network, which its host configuration names; it joins the others afterwards.
fn first_network(container: &Container, host: &HostConfig) -> Option<NetworkingConfig> {
    if is_built_in(mode(host)) {
        return None;
    }
    let (_, endpoint) = networks(container, None).into_iter().next()?;
    let endpoints = HashMap::from([(mode(host).to_owned(), unnamed(&endpoint))]);
    Some(NetworkingConfig { endpoints_config: Some(endpoints) })
}

/// The networks that a new container has to join after it is made.
pub(crate) fn other_networks(container: &Container) -> Vec<(String, EndpointSettings)> {
    let host = container.host_config.clone().unwrap_or_default();
    networks(container, None).into_iter().skip(usize::from(!is_built_in(mode(&host)))).collect()
}

fn is_built_in(mode: &str) -> bool {
    matches!(mode, "" | "default" | "bridge" | "host" | "none") || mode.starts_with("container:")
}

#[cfg(test)]
mod tests;
