//! `/networks`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    filters::Filters,
    http::{message, refused},
};
use crate::{
    case::{containers::text, id_of},
    prometheus::Parameters,
    world::{Network, Refusal, Shared, State, container::docker_time},
};

/// All networks; the list says nothing of containers.
pub(super) fn all(shared: &Shared, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &["name", "id", "driver"]) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let state = shared.state();
    let wanted = |network: &&Network| {
        filters.any("name", |name| network.name.contains(name))
            && filters.any("id", |id| network.id.starts_with(id))
            && filters.any("driver", |driver| network.driver == driver)
    };
    let networks = state.networks().all().filter(wanted);
    Json(networks.map(|network| document(&state, network, Map::new())).collect::<Vec<_>>()).into_response()
}

/// One network, with the running containers on it.
pub(super) fn one(shared: &Shared, name: &str) -> Response {
    let state = shared.state();
    let Some(network) = state.networks().find(name) else {
        return refused(Refusal::no_network(name));
    };
    let mut containers = Map::new();
    for container in state.containers().filter(|container| container.running) {
        if let Some((_, endpoint)) = container.networks().find(|(name, _)| **name == network.name) {
            let endpoint = json!({
                "Name": container.name, "EndpointID": text(endpoint, "/EndpointID"), "MacAddress": "",
                "IPv4Address": format!("{}/{}", text(endpoint, "/IPAddress"), network.prefix), "IPv6Address": "",
            });
            containers.insert(container.id().to_owned(), endpoint);
        }
    }
    Json(document(&state, network, containers)).into_response()
}

fn document(state: &State, network: &Network, containers: Map<String, Value>) -> Value {
    let address = json!([{ "Subnet": network.subnet(), "Gateway": network.gateway() }]);
    let bridge = network.driver == "bridge";
    json!({
        "Name": network.name, "Id": Some(&network.id).filter(|id| !id.is_empty()).cloned().unwrap_or_else(|| id_of(&network.name)),
        "Created": docker_time(state.case().now - 30 * 24 * 3_600_000), "Scope": "local", "Driver": network.driver,
        "EnableIPv6": false,
        "IPAM": { "Driver": "default", "Options": null, "Config": if bridge { address } else { json!([]) } },
        "Internal": false, "Attachable": false, "Ingress": false, "ConfigFrom": { "Network": "" }, "ConfigOnly": false,
        "Containers": containers, "Options": {}, "Labels": {},
    })
}
