//! `/images` and `/distribution`.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    filters::Filters,
    http::{message, refused},
};
use crate::{case::containers::text, prometheus::Parameters, time, world::Shared};

/// The images of the engine.
pub(super) fn all(shared: &Shared, parameters: &Parameters) -> Response {
    let filters = match Filters::read(parameters.get("filters"), &["reference", "dangling", "label"]) {
        Ok(filters) => filters,
        Err(problem) => return message(StatusCode::BAD_REQUEST, problem),
    };
    let state = shared.state();
    let tags = |image: &Value| image.get("RepoTags").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |tag: &Value, wanted: &str| {
        let tag = tag.as_str().unwrap_or_default();
        tag == wanted || tag.rsplit_once(':').is_some_and(|(repository, _)| repository == wanted)
    };
    let wanted = |image: &&Value| filters.any("reference", |wanted| tags(image).iter().any(|tag| is(tag, wanted)));
    Json(state.images().all().iter().filter(wanted).map(summary).collect::<Vec<_>>()).into_response()
}

fn summary(image: &Value) -> Value {
    let created = time::parse(text(image, "/Created")).unwrap_or_default() / 1000;
    json!({
        "Containers": -1, "Created": created, "Id": image.get("Id"), "Labels": image.pointer("/Config/Labels"),
        "ParentId": "", "RepoDigests": image.get("RepoDigests"), "RepoTags": image.get("RepoTags"), "SharedSize": -1,
        "Size": image.get("Size").and_then(Value::as_i64).unwrap_or_default(),
        "VirtualSize": image.get("VirtualSize").and_then(Value::as_i64).unwrap_or_default(),
    })
}

/// One image by tag, digest or id.
pub(super) fn one(shared: &Shared, name: &str) -> Response {
    shared.state().images().find(name).map_or_else(
        || message(StatusCode::NOT_FOUND, format!("no such image: {name}: No such image: {name}")),
        |image| Json(image).into_response(),
    )
}

/// What the registry says of an image that may not be here.
pub(super) fn offered(shared: &Shared, name: &str) -> Response {
    let state = shared.state();
    if !state.images().is_offered(name) {
        let text = "denied: requested access to the resource is denied";
        return message(StatusCode::UNAUTHORIZED, format!("errors:\n{text}\nunauthorized: authentication required\n"));
    }
    let platform = json!({ "architecture": "amd64", "os": "linux" });
    let digest = format!("sha256:{}", crate::case::id_of(&format!("digest of {name}")));
    let descriptor = json!({
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": digest, "size": 1_570,
    });
    Json(json!({ "Descriptor": descriptor, "Platforms": [platform] })).into_response()
}

/// Pulls an image: its progress as lines of JSON.
pub(super) fn pull(shared: &Shared, parameters: &Parameters) -> Response {
    let (from, tag) = (parameters.get("fromImage").unwrap_or_default(), parameters.get("tag").unwrap_or_default());
    let named = from.contains('@') || from.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let reference = match tag {
        "" => from.to_owned(),
        _ if named => from.to_owned(),
        digest if digest.contains(':') => format!("{from}@{digest}"),
        tag => format!("{from}:{tag}"),
    };
    if from.is_empty() {
        return message(StatusCode::BAD_REQUEST, "fromImage is empty; only pulling is known here");
    }
    if from.chars().any(char::is_uppercase) {
        return message(StatusCode::BAD_REQUEST, "invalid reference format: repository name must be lowercase");
    }
    match shared.state().pull(&reference) {
        Ok(is_new) => ([(header::CONTENT_TYPE, "application/json")], progress(&reference, is_new)).into_response(),
        Err(refusal) => refused(refusal),
    }
}

fn progress(reference: &str, is_new: bool) -> String {
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    let digest = crate::case::id_of(&format!("digest of {reference}"));
    let layer = digest.get(..12).unwrap_or_default();
    let mut lines = vec![json!({ "status": format!("Pulling from {repository}"), "id": tag })];
    if is_new {
        let detail = json!({ "current": 48_331_776, "total": 48_331_776 });
        lines.push(json!({ "status": "Pulling fs layer", "progressDetail": {}, "id": layer }));
        lines.push(json!({ "status": "Downloading", "progressDetail": detail, "progress": "[==>]", "id": layer }));
        lines.push(json!({ "status": "Pull complete", "progressDetail": {}, "id": layer }));
    }
    lines.push(json!({ "status": format!("Digest: sha256:{digest}") }));
    let end = if is_new { "Downloaded newer image" } else { "Image is up to date" };
    lines.push(json!({ "status": format!("Status: {end} for {reference}") }));
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}
