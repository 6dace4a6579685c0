//! `/services`, `/tasks`, `/nodes` and `/swarm`.

use axum::{
    Json,
    body::Bytes,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    act::document,
    filters::Filters,
    http::{message, refused, unknown},
};
use crate::{
    prometheus::Parameters,
    world::{Refusal, Service, Shared, State, Swarm, Task},
};

const NO_MANAGER: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this \
                          node to swarm and try again.";

/// Answers a `GET`.
pub(super) fn look(shared: &Shared, path: &[&str], parameters: &Parameters) -> Response {
    let state = shared.state();
    let Some(swarm) = state.swarm() else {
        return message(StatusCode::SERVICE_UNAVAILABLE, NO_MANAGER);
    };
    match path {
        ["swarm"] => Json(swarm.json()).into_response(),
        ["nodes"] => Json(swarm.nodes()).into_response(),
        ["services"] => services(swarm, parameters),
        ["services", name] => swarm
            .service(name)
            .map_or_else(|| refused(Refusal::no_service(name)), |service| Json(service.json()).into_response()),
        ["tasks"] => tasks(&state, swarm, parameters),
        _ => unknown(),
    }
}

fn services(swarm: &Swarm, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &["name", "id", "label", "mode"]) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let wanted = |service: &&Service| {
        filters.any("name", |name| service.name.starts_with(name))
            && filters.any("id", |id| service.id.starts_with(id))
            && filters.any("mode", |mode| mode == "replicated")
            && filters.every("label", |label| has_label(service, label))
    };
    Json(swarm.services().filter(wanted).map(Service::json).collect::<Vec<_>>()).into_response()
}

fn has_label(service: &Service, wanted: &str) -> bool {
    let (name, value) = wanted.split_once('=').map_or((wanted, None), |(name, value)| (name, Some(value)));
    let found = service.spec.pointer("/Labels").and_then(|labels| labels.get(name)?.as_str());
    found.is_some_and(|found| value.is_none_or(|value| value == found))
}

fn tasks(state: &State, swarm: &Swarm, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &["service", "id", "name", "desired-state", "node"]) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let wanted = |service: &Service, task: &Task| {
        filters.any("service", |name| service.name == name || service.id.starts_with(name))
            && filters.any("id", |id| task.id.starts_with(id))
            && filters.any("name", |name| format!("{}.{}", service.name, task.slot).starts_with(name))
            && filters.any("desired-state", |desired| task.desired() == desired)
            && filters.any("node", |node| swarm.node().starts_with(node))
    };
    let mut found = Vec::new();
    for service in swarm.services() {
        for task in service.tasks.iter().filter(|task| wanted(service, task)) {
            let exit_code = state.container(&task.container).map_or(0, |container| container.exit_code);
            found.push(task.json(&service.id, swarm.node(), exit_code));
        }
    }
    Json(found).into_response()
}

/// `POST /services/{id}/update`.
pub(super) fn update(shared: &Shared, name: &str, parameters: &Parameters, body: &Bytes) -> Response {
    let text = parameters.get("version").unwrap_or_default();
    let invalid = || {
        Refusal::new(
            400,
            format!("invalid service version '{text}': strconv.ParseUint: parsing {text:?}: invalid syntax"),
        )
    };
    let mut state = shared.state();
    if state.swarm().is_none() {
        return message(StatusCode::SERVICE_UNAVAILABLE, NO_MANAGER);
    }
    let done = document(body)
        .and_then(|spec: Value| Ok((spec, text.parse::<u64>().map_err(|_| invalid())?)))
        .map(|(spec, version)| (with_health_check(spec), version))
        .and_then(|(spec, version)| state.update_service(name, version, parameters.get("rollback"), &spec));
    match done {
        Ok(()) => Json(json!({ "Warnings": null })).into_response(),
        Err(refusal) => refused(refusal),
    }
}

/// Docker answers `Healthcheck` here, and takes the `HealthCheck` of its own API description as well.
fn with_health_check(mut spec: Value) -> Value {
    if let Some(fields) = spec.pointer_mut("/TaskTemplate/ContainerSpec").and_then(Value::as_object_mut)
        && let Some(check) = fields.remove("HealthCheck")
    {
        fields.insert("Healthcheck".to_owned(), check);
    }
    spec
}
