//! Docker Engine's HTTP side.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    events,
    filters::Filters,
    list,
    logs::{self, Wanted},
    stats,
};
use crate::{
    case::{Action, containers},
    prometheus::{Parameters, decoded},
    world::{Refusal, Shared},
};

/// Serves Docker Engine, with and without a version before the path.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, method: Method, uri: Uri) -> Response {
    let parameters = Parameters::read(&uri, &Bytes::new());
    let path: Vec<String> = uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
    if path.first().is_some_and(|first| is_version(first)) {
        path.remove(0);
    }
    let response = match (method.as_str(), path.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => (StatusCode::OK, "OK").into_response(),
        ("GET", rest) => look(&shared, rest, &parameters),
        ("POST", ["containers", name, action]) => act(&shared, name, action, &parameters),
        (_, _) => unknown(),
    };
    (
        [
            ("Api-Version", "1.41"),
            ("Docker-Experimental", "false"),
            ("Ostype", "linux"),
            ("Server", "Docker/20.10.24 (linux)"),
        ],
        response,
    )
        .into_response()
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|version| version.chars().all(|character| character.is_ascii_digit() || character == '.'))
}

fn look(shared: &Shared, path: &[&str], parameters: &Parameters) -> Response {
    match path {
        ["version"] => Json(version()).into_response(),
        ["info"] => Json(information(shared)).into_response(),
        ["containers", "json"] => all(shared, parameters),
        ["containers", name, "json"] => inspect(shared, name),
        ["containers", name, "logs"] => read_logs(shared, name, parameters),
        ["containers", name, "stats"] => one_reading(shared, name),
        ["events"] => read_events(shared, parameters),
        ["images", name @ .., "json"] => image(shared, &name.join("/")),
        ["services", ..] | ["nodes", ..] | ["tasks", ..] | ["swarm"] => {
            let text = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to \
                        swarm and try again.";
            message(StatusCode::SERVICE_UNAVAILABLE, text)
        }
        _ => unknown(),
    }
}

fn message(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({ "message": text.into() }))).into_response()
}

fn unknown() -> Response {
    message(StatusCode::NOT_FOUND, "page not found")
}

fn no_such_container(name: &str) -> Response {
    message(StatusCode::NOT_FOUND, format!("No such container: {name}"))
}

fn flag(parameters: &Parameters, name: &str) -> bool {
    parameters.get(name).is_some_and(|value| matches!(value, "1" | "true" | "True" | "t"))
}

fn all(shared: &Shared, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &list::FILTERS) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let state = shared.state();
    let (now, every) = (state.now(), flag(parameters, "all"));
    let wanted = state.containers().filter(|container| list::wanted(container, &filters, every, now));
    Json(wanted.map(|container| list::summary(container, now)).collect::<Vec<_>>()).into_response()
}

fn inspect(shared: &Shared, name: &str) -> Response {
    let state = shared.state();
    state
        .container(name)
        .map_or_else(|| no_such_container(name), |container| Json(container.inspect(state.now())).into_response())
}

fn one_reading(shared: &Shared, name: &str) -> Response {
    let (now, container) = {
        let state = shared.state();
        (state.now(), state.container(name).cloned())
    };
    let reading = |container| Json(stats::reading(&shared.engine, &container, now)).into_response();
    container.map_or_else(|| no_such_container(name), reading)
}

fn read_logs(shared: &Shared, name: &str, parameters: &Parameters) -> Response {
    let (stdout, stderr) = (flag(parameters, "stdout"), flag(parameters, "stderr"));
    let nanoseconds = |name: &str| {
        let seconds = parameters.get(name)?.parse::<f64>().ok().filter(|seconds| *seconds > 0.0)?;
        Some((seconds * 1e9) as i64)
    };
    let wanted = Wanted {
        stdout,
        stderr,
        timestamps: flag(parameters, "timestamps"),
        tail: parameters.get("tail").and_then(|tail| tail.parse().ok()),
        since: nanoseconds("since").unwrap_or(i64::MIN),
        until: nanoseconds("until").unwrap_or(i64::MAX),
    };
    let state = shared.state();
    let Some(container) = state.container(name) else {
        return no_such_container(name);
    };
    if !stdout && !stderr {
        return message(StatusCode::BAD_REQUEST, "Bad parameters: you must choose at least one stream");
    }
    let frames = logs::frames(state.written(&container.name), wanted);
    ([(header::CONTENT_TYPE, "application/vnd.docker.raw-stream")], frames).into_response()
}

fn read_events(shared: &Shared, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &events::FILTERS) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let (Ok(since), Ok(until)) = (parameters.time("since"), parameters.time("until")) else {
        return message(StatusCode::BAD_REQUEST, "invalid timestamp; it is seconds since 1970 or RFC 3339");
    };
    // Without a beginning, `until` still means all that is kept.
    let since = since.or(until.map(|_| i64::MIN));
    let body = events::body(shared, events::Wanted { since, until, filters });
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn image(shared: &Shared, name: &str) -> Response {
    let state = shared.state();
    let is_it = |image: &&Value| {
        let tags = image.pointer("/RepoTags").and_then(Value::as_array);
        containers::text(image, "/Id") == name || tags.into_iter().flatten().any(|tag| tag.as_str() == Some(name))
    };
    let found = state.case().containers.images.iter().find(is_it).cloned();
    found.map_or_else(
        || message(StatusCode::NOT_FOUND, format!("No such image: {name}")),
        |image| Json(image).into_response(),
    )
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
    match shared.state().act(name, action, signal) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(Refusal::Already) => StatusCode::NOT_MODIFIED.into_response(),
        Err(Refusal::Unknown) => no_such_container(name),
        Err(Refusal::NotRunning) => {
            message(StatusCode::CONFLICT, format!("Cannot kill container: {name}: Container {name} is not running"))
        }
    }
}

/// A signal's number, from its number or name.
fn signal(text: &str) -> Option<i64> {
    const NAMES: [(&str, i64); 7] =
        [("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15)];
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    named.or_else(|| name.parse().ok().filter(|number| (1..=64).contains(number)))
}

fn version() -> Value {
    json!({
        "Platform": { "Name": "" },
        "Components": [{ "Name": "Engine", "Version": "20.10.24+dfsg1", "Details": { "ApiVersion": "1.41", "MinAPIVersion": "1.12" } }],
        "Version": "20.10.24+dfsg1",
        "ApiVersion": "1.41",
        "MinAPIVersion": "1.12",
        "GitCommit": "5d6db84",
        "GoVersion": "go1.19.8",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "6.1.0-18-amd64",
        "BuildTime": "2023-05-18T08:38:18.000000000+00:00",
    })
}

fn information(shared: &Shared) -> Value {
    let state = shared.state();
    let (all, running) = (state.containers().count(), state.containers().filter(|container| container.running).count());
    json!({
        "ID": "QX6F:4T3C:2OEN:5XVD:7ZC2:PJ5K:MKJR:NJ3B:B4DE:3H2T:XQZQ:SAG7",
        "Containers": all,
        "ContainersRunning": running,
        "ContainersPaused": 0,
        "ContainersStopped": all - running,
        "Images": state.case().containers.images.len(),
        "Driver": "overlay2",
        "NCPU": 4,
        "MemTotal": 8_589_934_592_i64,
        "Name": "node-1",
        "ServerVersion": "20.10.24+dfsg1",
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
        "OSType": "linux",
        "Architecture": "x86_64",
        "Swarm": { "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "", "RemoteManagers": null },
        "LiveRestoreEnabled": false,
    })
}
