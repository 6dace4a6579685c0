//! What changes something: `POST` and `DELETE`.

use axum::{
    Json,
    body::Bytes,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    http::{flag, message, refused, unknown},
    images, swarm,
};
use crate::{
    case::{Action, containers::text},
    prometheus::Parameters,
    world::{Limits, Refusal, Shared},
};

/// Answers a `POST`.
pub(super) fn post(shared: &Shared, path: &[&str], parameters: &Parameters, body: &Bytes) -> Response {
    match path {
        ["containers", "create"] => create(shared, parameters, body),
        ["containers", name, "update"] => update(shared, name, body),
        ["containers", name, "rename"] => {
            let new = parameters.get("name").unwrap_or_default();
            empty(shared.state().name_anew(name, new), StatusCode::NO_CONTENT)
        }
        ["containers", name, action] => act(shared, name, action, parameters),
        ["images", "create"] => images::pull(shared, parameters),
        ["networks", name, "connect"] => connect(shared, name, body),
        ["networks", name, "disconnect"] => disconnect(shared, name, body),
        ["services", name, "update"] => swarm::update(shared, name, parameters, body),
        _ => unknown(),
    }
}

/// The request's body as JSON; Docker says of a broken one that it is its own failure.
pub(super) fn document(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(Refusal::new(500, "EOF"));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Refusal::new(500, format!("invalid JSON: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(Refusal::new(500, "json: cannot unmarshal into an object")) }
}

fn empty(done: Result<(), Refusal>, status: StatusCode) -> Response {
    match done {
        Ok(()) => status.into_response(),
        Err(refusal) => refused(refusal),
    }
}

fn create(shared: &Shared, parameters: &Parameters, body: &Bytes) -> Response {
    let made = document(body).and_then(|body| shared.state().create(parameters.get("name"), &body));
    match made {
        Ok(id) => (StatusCode::CREATED, Json(json!({ "Id": id, "Warnings": [] }))).into_response(),
        Err(refusal) => refused(refusal),
    }
}

fn update(shared: &Shared, name: &str, body: &Bytes) -> Response {
    let done = document(body).and_then(|body| shared.state().limit(name, Limits::read(&body)));
    match done {
        Ok(()) => Json(json!({ "Warnings": null })).into_response(),
        Err(refusal) => refused(refusal),
    }
}

/// Removes a container.
pub(super) fn remove(shared: &Shared, name: &str, parameters: &Parameters) -> Response {
    empty(shared.state().remove(name, flag(parameters, "force")), StatusCode::NO_CONTENT)
}

fn connect(shared: &Shared, network: &str, body: &Bytes) -> Response {
    let joined = document(body).and_then(|body| {
        let endpoint = body.get("EndpointConfig").unwrap_or(&Value::Null);
        shared.state().connect(network, text(&body, "/Container"), endpoint)
    });
    empty(joined, StatusCode::OK)
}

fn disconnect(shared: &Shared, network: &str, body: &Bytes) -> Response {
    let left = document(body).and_then(|body| shared.state().disconnect(network, text(&body, "/Container")));
    empty(left, StatusCode::OK)
}

fn act(shared: &Shared, name: &str, action: &str, parameters: &Parameters) -> Response {
    let action = match action {
        "restart" => Action::Restart,
        "start" => Action::Start,
        "stop" => Action::Stop,
        "kill" => Action::Kill,
        _ => return unknown(),
    };
    let Some(signal) = signal(parameters.get("signal").unwrap_or("SIGKILL")) else {
        let text = format!("Invalid signal: {}", parameters.get("signal").unwrap_or_default());
        return message(StatusCode::BAD_REQUEST, text);
    };
    if parameters.get("t").is_some_and(|seconds| seconds.parse::<i64>().is_err()) {
        let text = format!("strconv.Atoi: parsing {:?}: invalid syntax", parameters.get("t").unwrap_or_default());
        return message(StatusCode::BAD_REQUEST, text);
    }
    empty(shared.state().act(name, action, signal), StatusCode::NO_CONTENT)
}

/// A signal's number, from its number or name.
fn signal(text: &str) -> Option<i64> {
    const NAMES: [(&str, i64); 7] =
        [("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15)];
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or_else(|| name.parse().ok().filter(|number| (1..=64).contains(number)))
}
