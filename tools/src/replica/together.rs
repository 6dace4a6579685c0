//! Whether two equal containers can run at the same time.

use std::collections::BTreeSet;

use super::{is_unnamed, mode, shares_network};
use crate::{
    generation::{PORT_SHARING, VOLUME_SHARING, label, name},
    reach::Container,
};

/// Why two of this container cannot run at the same time; `None` when they can.
pub(crate) fn cannot_be_two(container: &Container) -> Option<String> {
    let host = container.host_config.clone().unwrap_or_default();
    let name = name(container);
    let says = |key: &str| label(container, key) == Some("true");
    if shares_network(&host) && !says(PORT_SHARING) {
        return Some(format!(
            "{name} has no network of its own ({}), so two of it would listen on one port; where they can (SO_REUSEPORT), its label {PORT_SHARING}=true says so",
            mode(&host)
        ));
    }
    let bindings = host.port_bindings.iter().flatten().flat_map(|(port, bound)| {
        bound.iter().flatten().filter_map(move |binding| Some((port, binding.host_port.as_deref()?)))
    });
    let fixed = bindings.into_iter().find(|(_, host)| !host.is_empty() && *host != "0" && !host.contains('-'));
    if let Some((port, fixed)) = fixed {
        return Some(format!(
            "{name} publishes its port {port} as the host's port {fixed}, which only one container can have; right would be no fixed host port, with a proxy in front"
        ));
    }
    let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flatten().find_map(|(network, endpoint)| {
        let fixed = endpoint.ipam_config.as_ref()?.ipv4_address.as_deref().filter(|address| !address.is_empty())?;
        Some(format!("{name} has the fixed address {fixed} on {network}, which only one container can have"))
    })
}

/// Why two of these containers must not write to the same volume; `None` when they may, or do already.
pub(crate) fn cannot_share_volumes(containers: &[Container]) -> Option<String> {
    let writes = |container: &Container| -> BTreeSet<String> {
        let mounts = container.mounts.iter().flatten();
        let writable = mounts.filter(|mount| {
            let kind = matches!(mount.typ.as_deref(), Some("volume" | "bind"));
            kind && mount.rw.unwrap_or(true)
        });
        let places = writable.filter_map(|mount| mount.name.clone().or_else(|| mount.source.clone()));
        places.filter(|place| !place.is_empty() && !place.ends_with(".sock")).collect()
    };
    let all: Vec<_> = containers.iter().map(|container| (container, writes(container))).collect();
    all.iter().find_map(|(container, places)| {
        if label(container, VOLUME_SHARING) == Some("true") {
            return None;
        }
        let alone = places.iter().find(|place| all.iter().filter(|(_, others)| others.contains(*place)).count() < 2)?;
        Some(format!(
            "{} writes to {alone}, and nothing says that two may do so at once; where they may, its label {VOLUME_SHARING}=true says so",
            name(container)
        ))
    })
}

/// In what two containers are unlike of what makes them replicas of one another; `None` when they are equal.
pub(crate) fn unlike(one: &Container, other: &Container) -> Option<&'static str> {
    let command = |container: &Container| {
        let config = container.config.clone().unwrap_or_default();
        (config.entrypoint.unwrap_or_default(), config.cmd.unwrap_or_default())
    };
    let environment = |container: &Container| -> BTreeSet<String> {
        container.config.clone().and_then(|config| config.env).into_iter().flatten().collect()
    };
    if one.image != other.image {
        Some("image")
    } else if command(one) != command(other) {
        Some("command")
    } else if environment(one) != environment(other) {
        Some("environment")
    } else {
        (mounted(one) != mounted(other)).then_some("mounts")
    }
}

/// What is mounted where, and whether it is written to. A volume without a name is each container's own and told by its place only.
fn mounted(container: &Container) -> BTreeSet<(String, String, bool)> {
    let host = container.host_config.clone().unwrap_or_default();
    let mounts = container.mounts.iter().flatten().map(|mount| {
        let named = mount.name.clone().or_else(|| mount.source.clone()).filter(|_| !is_unnamed(mount, &host));
        (mount.destination.clone().unwrap_or_default(), named.unwrap_or_default(), mount.rw.unwrap_or(true))
    });
    mounts.collect()
}
