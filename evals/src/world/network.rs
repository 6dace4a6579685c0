//! Networks, and containers joined to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{change::Deed, container::Container, event::Event, refusal::Refusal, state::State};
use crate::case::{Action, Effect, containers::text, id_of};

/// A network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) driver: &'static str,
    /// The first address; others are found beside it.
    gateway: [u8; 4],
    pub(crate) prefix: u8,
}

/// All networks by name.
#[derive(Debug, Default)]
pub(crate) struct Networks(BTreeMap<String, Network>);

impl Networks {
    /// Docker's own networks, and those that containers are on.
    pub(super) fn new<'a>(containers: impl Iterator<Item = &'a Container>) -> Self {
        let mut all = BTreeMap::new();
        for (name, driver) in [("bridge", "bridge"), ("host", "host"), ("none", "null")] {
            let network =
                Network { name: name.to_owned(), id: id_of(name), driver, gateway: [172, 17, 0, 1], prefix: 16 };
            all.insert(name.to_owned(), network);
        }
        for (name, endpoint) in containers.flat_map(Container::networks) {
            let gateway = octets(text(endpoint, "/Gateway")).unwrap_or([10, 0, 0, 1]);
            let prefix = endpoint.get("IPPrefixLen").and_then(Value::as_u64).and_then(|bits| u8::try_from(bits).ok());
            let id = Some(text(endpoint, "/NetworkID"))
                .filter(|id| !id.is_empty())
                .map_or_else(|| id_of(name), str::to_owned);
            all.entry(name.clone()).or_insert(Network {
                name: name.clone(),
                id,
                driver: "bridge",
                gateway,
                prefix: prefix.filter(|bits| (8..=30).contains(bits)).unwrap_or(16),
            });
        }
        Self(all)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Network> {
        self.0.values()
    }

    /// The network of that name, or of an id that begins so.
    pub(crate) fn find(&self, name: &str) -> Option<&Network> {
        self.0.get(name).or_else(|| self.0.values().find(|known| name.len() >= 4 && known.id.starts_with(name)))
    }
}

fn octets(address: &str) -> Option<[u8; 4]> {
    Some(address.parse::<std::net::Ipv4Addr>().ok()?.octets())
}

impl Network {
    pub(crate) fn subnet(&self) -> String {
        let bits = u32::from_be_bytes(self.gateway) & self.mask();
        format!("{}/{}", std::net::Ipv4Addr::from(bits), self.prefix)
    }

    pub(crate) fn gateway(&self) -> String {
        std::net::Ipv4Addr::from(self.gateway).to_string()
    }

    fn mask(&self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix.clamp(1, 31)))
    }

    /// The lowest address that is free.
    fn free(&self, taken: &BTreeSet<String>) -> Option<String> {
        let first = u32::from_be_bytes(self.gateway) & self.mask();
        let count = (!self.mask()).min(65_534);
        let address = |host: u32| std::net::Ipv4Addr::from(first + host).to_string();
        (2..count).map(address).find(|address| !taken.contains(address) && *address != self.gateway())
    }
}

impl State {
    /// The networks of the engine.
    pub(crate) fn networks(&self) -> &Networks {
        &self.networks
    }

    /// An endpoint on a network for a container, with an address of its own.
    pub(super) fn endpoint(&self, network: &str, id: &str, wanted: &Value) -> Result<(String, Value), Refusal> {
        let network = self.networks.find(network).ok_or_else(|| Refusal::no_network(network))?;
        let of_network = self.containers().flat_map(Container::networks).filter(|(name, _)| **name == network.name);
        let taken = of_network.map(|(_, endpoint)| text(endpoint, "/IPAddress").to_owned()).collect();
        let addressed = network.driver == "bridge";
        let address = if addressed { network.free(&taken) } else { Some(String::new()) };
        let address = address.ok_or_else(|| {
            Refusal::new(
                403,
                format!(
                    "no available IPv4 addresses on this network's address pools: {} ({})",
                    network.name, network.id
                ),
            )
        })?;
        let mut aliases: Vec<Value> = wanted.get("Aliases").and_then(Value::as_array).cloned().unwrap_or_default();
        aliases.extend(id.get(..12).map(Value::from));
        let endpoint = json!({
            "IPAMConfig": wanted.get("IPAMConfig"), "Links": wanted.get("Links"),
            "Aliases": if addressed { Value::from(aliases) } else { Value::Null },
            "NetworkID": network.id, "EndpointID": id_of(&format!("{id}@{}", network.name)),
            "Gateway": if addressed { network.gateway() } else { String::new() }, "IPAddress": address,
            "IPPrefixLen": if addressed { network.prefix } else { 0 }, "IPv6Gateway": "", "GlobalIPv6Address": "",
            "GlobalIPv6PrefixLen": 0, "MacAddress": "", "DriverOpts": null,
        });
        Ok((network.name.clone(), endpoint))
    }

    /// Joins a container to a network.
    pub(crate) fn connect(&mut self, network: &str, container: &str, wanted: &Value) -> Result<(), Refusal> {
        let container = self.container(container).ok_or_else(|| Refusal::no_container(container))?.clone();
        let found = self.networks.find(network).ok_or_else(|| Refusal::no_network(network))?.clone();
        let joined: Vec<&String> = container.networks().map(|(name, _)| name).collect();
        if joined.contains(&&found.name) {
            let text = format!("endpoint with name {} already exists in network {}", container.name, found.name);
            return Err(Refusal::new(403, text));
        }
        if joined.iter().any(|name| *name == "none") || found.name == "none" {
            let text =
                "container cannot be connected to multiple networks with one of the networks in private (none) mode";
            return Err(Refusal::new(400, text));
        }
        if joined.iter().any(|name| *name == "host") || found.name == "host" {
            let text = "container cannot be disconnected from host network or connected to host network";
            return Err(Refusal::new(403, text));
        }
        let (name, endpoint) = self.endpoint(network, container.id(), wanted)?;
        if let Some(container) = self.container_mut(&container.name) {
            container.set("/NetworkSettings/Networks", &name, endpoint);
        }
        self.networked(&container, &found, Action::Connect);
        Ok(())
    }

    /// Takes a container out of a network.
    pub(crate) fn disconnect(&mut self, network: &str, container: &str) -> Result<(), Refusal> {
        let found = self.networks.find(network).ok_or_else(|| Refusal::no_network(network))?.clone();
        let container = self.container(container).ok_or_else(|| Refusal::no_container(container))?.clone();
        if !container.networks().any(|(name, _)| *name == found.name) {
            let text = format!("container {} is not connected to network {}", container.id(), found.name);
            return Err(Refusal::new(500, text));
        }
        let rest: Map<String, Value> = container
            .networks()
            .filter(|(name, _)| **name != found.name)
            .map(|(name, one)| (name.clone(), one.clone()))
            .collect();
        if let Some(container) = self.container_mut(&container.name) {
            container.set("/NetworkSettings", "Networks", rest.into());
        }
        self.networked(&container, &found, Action::Disconnect);
        Ok(())
    }

    fn networked(&mut self, container: &Container, network: &Network, action: Action) {
        let word = if action == Action::Connect { "connect" } else { "disconnect" };
        let attributes = [("container", container.id()), ("name", network.name.as_str()), ("type", network.driver)];
        let event = Event::other("network", &network.id, self.now(), word, &attributes);
        self.tell(event);
        self.note(Deed { with: Some(network.name.clone()), ..Deed::on(action, container) }, Effect::Nothing);
    }
}
