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
    act, events,
    filters::Filters,
    images, list,
    logs::{self, Wanted},
    networks, stats, swarm,
};
use crate::{
    prometheus::{Parameters, decoded},
    world::{PROCESSORS, Refusal, Shared, Swarm},
};

/// Serves Docker Engine, with and without a version before the path.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Shared>, method: Method, uri: Uri, body: Bytes) -> Response {
    let parameters = Parameters::read(&uri, &Bytes::new());
    let path: Vec<String> = uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
    if path.first().is_some_and(|first| is_version(first)) {
        path.remove(0);
    }
    let response = match (method.as_str(), path.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => (StatusCode::OK, "OK").into_response(),
        ("GET", rest) => look(&shared, rest, &parameters),
        ("POST", rest) => act::post(&shared, rest, &parameters, &body),
        ("DELETE", ["containers", name]) => act::remove(&shared, name, &parameters),
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
        ["images", "json"] => images::all(shared, parameters),
        ["images", name @ .., "json"] => images::one(shared, &name.join("/")),
        ["distribution", name @ .., "json"] => images::offered(shared, &name.join("/")),
        ["networks"] => networks::all(shared, parameters),
        ["networks", name] => networks::one(shared, name),
        ["services", ..] | ["nodes", ..] | ["tasks", ..] | ["swarm"] => swarm::look(shared, path, parameters),
        _ => unknown(),
    }
}

pub(super) fn message(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({ "message": text.into() }))).into_response()
}

pub(super) fn unknown() -> Response {
    message(StatusCode::NOT_FOUND, "page not found")
}

/// A refusal in the engine's form.
pub(super) fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED { status.into_response() } else { message(status, refusal.message) }
}

fn no_such_container(name: &str) -> Response {
    message(StatusCode::NOT_FOUND, format!("No such container: {name}"))
}

pub(super) fn flag(parameters: &Parameters, name: &str) -> bool {
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
        "Images": state.images().all().len(),
        "Driver": "overlay2",
        "NCPU": PROCESSORS,
        "MemTotal": 8_589_934_592_i64,
        "Name": "node-1",
        "ServerVersion": "20.10.24+dfsg1",
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
        "OSType": "linux",
        "Architecture": "x86_64",
        "Swarm": state.swarm().map_or_else(no_swarm, Swarm::information),
        "LiveRestoreEnabled": false,
    })
}

fn no_swarm() -> Value {
    json!({
        "NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": false, "Error": "", "RemoteManagers": null,
    })
}
