//! Docker Engine's API over the world's containers, as far as the tools use it.
//!
//! Source: <https://docs.docker.com/reference/api/engine/version/v1.41/>

use axum::{
    Json, Router,
    body::Body,
    extract::{RawQuery, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    case::{CaseContainer, CaseEvent, ContainerState},
    prometheus::form_pairs,
    stage::Stage,
    world::SharedStage,
};

pub(crate) fn router(stage: SharedStage) -> Router {
    Router::new().fallback(answer).with_state(stage)
}

async fn answer(State(stage): State<SharedStage>, method: Method, uri: Uri, RawQuery(query): RawQuery) -> Response {
    let query = form_pairs(query.unwrap_or_default().as_bytes());
    let path = unversioned(uri.path()).to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut stage = stage.lock();
    match (method.as_str(), parts.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => "OK".into_response(),
        ("GET", ["version"]) => {
            Json(json!({ "Version": "20.10.24", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64" })).into_response()
        }
        ("GET", ["info"]) => info(&stage),
        ("GET", ["containers", "json"]) => list(&stage, &query),
        ("GET", ["containers", id, what]) => {
            let Some(container) = find(&stage, id) else {
                return no_such(id);
            };
            match *what {
                "json" => Json(inspect(&stage, &container)).into_response(),
                "logs" => logs(&stage, &container, &query),
                "stats" => stats(&stage, &container),
                _ => not_found(&path),
            }
        }
        ("GET", ["events"]) => events(&stage, &query),
        ("GET", ["images", .., "json"]) => Json(json!({ "Id": "sha256:0", "RepoTags": [] })).into_response(),
        ("GET", ["services" | "nodes" | "tasks", ..]) => {
            let message = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
            refuse(StatusCode::SERVICE_UNAVAILABLE, message)
        }
        ("POST", ["containers", id, action @ ("restart" | "start" | "stop" | "kill")]) => {
            let Some(container) = find(&stage, id) else {
                return no_such(id);
            };
            act(&mut stage, &container, action)
        }
        _ => not_found(&path),
    }
}

/// `/v1.41/containers` is `/containers`.
fn unversioned(path: &str) -> &str {
    let rest = path.strip_prefix("/v").filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
    rest.and_then(|rest| rest.find('/').and_then(|slash| rest.get(slash..))).unwrap_or(path)
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

fn no_such(id: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("No such container: {id}"))
}

fn not_found(path: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("page not found: {path}"))
}

fn find(stage: &Stage, id: &str) -> Option<CaseContainer> {
    let fits = |container: &&CaseContainer| container.name == id || (id.len() >= 12 && container.id.starts_with(id));
    stage.case.containers.iter().find(fits).cloned()
}

fn act(stage: &mut Stage, container: &CaseContainer, action: &str) -> Response {
    let running = stage.state(container).status == "running";
    match (action, running) {
        ("start", true) | ("stop", false) => StatusCode::NOT_MODIFIED.into_response(),
        ("kill", false) => refuse(
            StatusCode::CONFLICT,
            &format!("Cannot kill container: {}: Container {} is not running", container.name, container.id),
        ),
        _ => {
            stage.act(action, &container.name);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

fn info(stage: &Stage) -> Response {
    let running = stage.case.containers.iter().filter(|container| stage.state(container).status == "running").count();
    let body = json!({
        "Containers": stage.case.containers.len(), "ContainersRunning": running, "ServerVersion": "20.10.24",
        "Swarm": { "LocalNodeState": "inactive" },
    });
    Json(body).into_response()
}

/// A filter as both old and new clients write it: `{"label":["a=b"]}` or `{"label":{"a=b":true}}`.
fn filter(query: &[(String, String)], name: &str) -> Vec<String> {
    let text = query.iter().find(|(key, _)| key == "filters").map_or("{}", |(_, value)| value.as_str());
    let filters: Value = serde_json::from_str(text).unwrap_or_default();
    match filters.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        Some(Value::Object(items)) => items.keys().cloned().collect(),
        Some(_) | None => Vec::new(),
    }
}

fn list(stage: &Stage, query: &[(String, String)]) -> Response {
    let all = query.iter().any(|(key, value)| key == "all" && matches!(value.as_str(), "1" | "true"));
    let (labels, names) = (filter(query, "label"), filter(query, "name"));
    let fits = |container: &&CaseContainer| {
        let label = |wanted: &String| match wanted.split_once('=') {
            Some((key, value)) => container.labels.get(key).is_some_and(|found| found == value),
            None => container.labels.contains_key(wanted),
        };
        let running = stage.state(container).status == "running";
        (all || running)
            && labels.iter().all(label)
            && (names.is_empty() || names.iter().any(|name| container.name.contains(name.as_str())))
    };
    let summary = |container: &CaseContainer| {
        let state = stage.state(container);
        let health = state.health.as_ref().map(|health| format!(" ({health})")).unwrap_or_default();
        let status =
            if state.status == "running" { format!("Up{health}") } else { format!("Exited ({})", state.exit_code) };
        json!({
            "Id": container.id, "Names": [format!("/{}", container.name)], "Image": container.image,
            "ImageID": container.image_id, "Labels": container.labels, "State": state.status, "Status": status, "Created": 0,
        })
    };
    let found: Vec<_> = stage.case.containers.iter().filter(fits).map(summary).collect();
    Json(found).into_response()
}

/// A moment as Docker writes it; what has not happened is the year 1.
fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true))
}

fn inspect(stage: &Stage, container: &CaseContainer) -> Value {
    let state = stage.state(container);
    let running = state.status == "running";
    let mut told = json!({
        "Status": state.status, "Running": running, "Paused": false, "Restarting": state.status == "restarting",
        "OOMKilled": state.oom_killed, "Dead": false, "Pid": if running { 4_242 } else { 0 }, "ExitCode": state.exit_code,
        "Error": "", "StartedAt": moment(state.started_at), "FinishedAt": moment(state.finished_at),
    });
    if let (Some(health), Some(fields)) = (&state.health, told.as_object_mut()) {
        fields.insert("Health".to_owned(), health_of(&state, health, stage.now()));
    }
    json!({
        "Id": container.id, "Name": format!("/{}", container.name), "Image": container.image_id, "State": told,
        "RestartCount": state.restart_count, "Created": moment(Some(stage.case.starts_at - chrono::TimeDelta::days(3))),
        "Path": "/app", "Args": [], "Driver": "overlay2", "Platform": "linux",
        "HostConfig": { "RestartPolicy": { "Name": container.restart_policy, "MaximumRetryCount": 0 }, "Memory": container.memory, "NanoCpus": 0 },
        "Config": { "Image": container.image, "Env": container.env, "Labels": container.labels, "Hostname": container.id.get(..12) },
        "Mounts": [], "NetworkSettings": {},
    })
}

fn health_of(state: &ContainerState, health: &str, now: DateTime<Utc>) -> Value {
    let log: Vec<_> = state
        .health_log
        .iter()
        .map(|output| json!({ "Start": moment(Some(now)), "End": moment(Some(now)), "ExitCode": i32::from(health != "healthy"), "Output": output }))
        .collect();
    json!({ "Status": health, "FailingStreak": if health == "unhealthy" { log.len() } else { 0 }, "Log": log })
}

/// The container's lines in the store of logs, in Docker's multiplexed frames.
fn logs(stage: &Stage, container: &CaseContainer, query: &[(String, String)]) -> Response {
    let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let since = get("since").and_then(|text| text.split('.').next()?.parse::<i64>().ok()).unwrap_or(0);
    let tail = get("tail").and_then(|tail| tail.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let stamps = matches!(get("timestamps"), Some("1" | "true"));
    let lines = stage.container_log(&container.name, since);
    let skip = lines.len().saturating_sub(tail);
    let mut frames = Vec::new();
    for line in lines.into_iter().skip(skip) {
        let kind: u8 = if line.labels.get("stream").is_some_and(|stream| stream == "stderr") { 2 } else { 1 };
        let stamp = if stamps { format!("{} ", moment(Some(line.at))) } else { String::new() };
        let text = format!("{stamp}{}\n", line.line);
        frames.extend([kind, 0, 0, 0]);
        frames.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        frames.extend(text.into_bytes());
    }
    let mut response = Response::new(Body::from(frames));
    let kind = axum::http::HeaderValue::from_static("application/vnd.docker.raw-stream");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, kind);
    response
}

fn stats(stage: &Stage, container: &CaseContainer) -> Response {
    let limit = if container.memory > 0 { container.memory } else { 16 << 30 };
    let body = json!({
        "read": moment(Some(stage.now())), "id": container.id, "name": format!("/{}", container.name),
        "memory_stats": { "usage": limit / 3, "limit": limit, "stats": { "inactive_file": 0 } },
        "cpu_stats": { "cpu_usage": { "total_usage": 1_000_000 }, "online_cpus": 2 },
    });
    Json(body).into_response()
}

fn events(stage: &Stage, query: &[(String, String)]) -> Response {
    let second = |name: &str| {
        let text = query.iter().find(|(key, _)| key == name)?.1.split('.').next()?.to_owned();
        text.parse::<i64>().ok()
    };
    let (since, until) = (second("since").unwrap_or(0), second("until").unwrap_or(i64::MAX));
    let wanted = filter(query, "container");
    let mut all: Vec<(CaseEvent, &CaseContainer)> = Vec::new();
    for container in &stage.case.containers {
        if wanted.is_empty() || wanted.iter().any(|id| *id == container.name || container.id.starts_with(id.as_str())) {
            all.extend(stage.events(container).into_iter().map(|event| (event, container)));
        }
    }
    all.retain(|(event, _)| (since..=until).contains(&event.at.timestamp()));
    all.sort_by_key(|(event, _)| event.at);
    let lines = all.iter().map(|(event, container)| {
        let mut attributes = event.attributes.clone();
        attributes.insert("name".to_owned(), container.name.clone());
        attributes.insert("image".to_owned(), container.image.clone());
        let told = json!({
            "Type": "container", "Action": event.action, "Actor": { "ID": container.id, "Attributes": attributes },
            "scope": "local", "time": event.at.timestamp(), "timeNano": event.at.timestamp_nanos_opt(),
        });
        format!("{told}\n")
    });
    lines.collect::<String>().into_response()
}
