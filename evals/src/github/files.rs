//! Contents of files and folders, and the search for code.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    document,
    git_data::lines,
    http::{No, Server, fine},
    object::Entry,
    repository::Repository,
};

/// From this size on GitHub leaves a file's content out.
const CONTENT_MAX: usize = 1 << 20;

type Parameters = Query<BTreeMap<String, String>>;

pub(super) async fn root(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Response {
    server.of(&owner, &name, |repository| found(repository, "", parameters.get("ref")))
}

pub(super) async fn contents(
    State(server): State<Server>,
    Path((owner, name, path)): Path<(String, String, String)>,
    Query(parameters): Parameters,
) -> Response {
    server.of(&owner, &name, |repository| found(repository, path.trim_end_matches('/'), parameters.get("ref")))
}

fn found(repository: &Repository, path: &str, reference: Option<&String>) -> Result<Response, No> {
    let reference = reference.map_or("main", String::as_str);
    let root = repository.resolve(reference).and_then(|sha| Some(repository.objects.commit(&sha)?.tree.clone()));
    let root = root.ok_or_else(|| {
        No::say(axum::http::StatusCode::NOT_FOUND, &format!("No commit found for the ref {reference}"))
    })?;
    let folder = if path.is_empty() {
        Some(root)
    } else {
        let entry = repository.objects.find(&root, path).ok_or_else(No::found)?;
        if !entry.is_folder() {
            return fine(file(repository, path, entry, reference));
        }
        Some(entry.sha.clone())
    };
    let tree = folder.and_then(|sha| repository.objects.tree(&sha)).ok_or_else(No::found)?;
    let told = tree.iter().map(|(name, entry)| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        common(repository, &path, entry, reference)
    });
    fine(told.collect())
}

/// What is told of every entry.
fn common(repository: &Repository, path: &str, entry: &Entry, reference: &str) -> Value {
    let kind = match entry.mode.as_str() {
        "040000" => "dir",
        "120000" => "symlink",
        "160000" => "submodule",
        _ => "file",
    };
    let size = repository.objects.blob(&entry.sha).map_or(0, <[u8]>::len);
    let part = if entry.is_folder() { "trees" } else { "blobs" };
    let (url, _) = document::place(repository, &format!("/contents/{path}?ref={reference}"));
    let (git, _) = document::place(repository, &format!("/git/{part}/{}", entry.sha));
    let (_, site) = document::place(repository, &format!("/blob/{reference}/{path}"));
    json!({
        "type": kind,
        "name": path.rsplit('/').next(),
        "path": path,
        "sha": entry.sha,
        "size": size,
        "url": url,
        "git_url": git,
        "html_url": site,
        "download_url": if entry.is_folder() { Value::Null } else { json!(format!("{site}?raw=true")) },
        "_links": { "self": url, "git": git, "html": site },
    })
}

fn file(repository: &Repository, path: &str, entry: &Entry, reference: &str) -> Value {
    let blob = repository.objects.blob(&entry.sha).unwrap_or_default();
    let mut told = common(repository, path, entry, reference);
    if let Some(fields) = told.as_object_mut() {
        if entry.mode == "120000" {
            fields.insert("target".to_owned(), json!(String::from_utf8_lossy(blob)));
            return told;
        }
        let large = blob.len() > CONTENT_MAX;
        fields.insert("encoding".to_owned(), json!(if large { "none" } else { "base64" }));
        fields.insert("content".to_owned(), json!(if large { String::new() } else { lines(blob) }));
    }
    told
}

/// Files of all repositories that hold every word of the query; `repo:` and `path:` narrow it down.
pub(super) async fn search(State(server): State<Server>, Query(parameters): Parameters) -> Response {
    let Some(query) = parameters.get("q").filter(|query| !query.trim().is_empty()) else {
        return No::field("Search", "q", "missing").into_response();
    };
    let words: Vec<String> = words(query);
    let qualifier = |name: &str| words.iter().filter_map(|word| word.strip_prefix(name)).next();
    let wanted: Vec<String> =
        words.iter().filter(|word| !["repo:", "path:"].iter().any(|name| word.starts_with(name))).cloned().collect();
    let mut items = Vec::new();
    for full_name in server.hub.names() {
        if qualifier("repo:").is_some_and(|repo| !repo.eq_ignore_ascii_case(&full_name)) {
            continue;
        }
        let found = server.hub.with(&full_name, |repository| hits(repository, &wanted, qualifier("path:")));
        items.extend(found.unwrap_or_default());
    }
    let count = items.len();
    items.truncate(parameters.get("per_page").and_then(|most| most.parse().ok()).unwrap_or(30));
    Json(json!({ "total_count": count, "incomplete_results": false, "items": items })).into_response()
}

/// Words and quoted phrases, in lower case.
fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in query.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_lowercase());
        } else {
            words.extend(part.split_whitespace().map(str::to_lowercase));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn hits(repository: &Repository, wanted: &[String], below: Option<&str>) -> Vec<Value> {
    let Some(root) = repository.tree_of("main") else {
        return Vec::new();
    };
    let mut hits = Vec::new();
    for (path, entry) in repository.objects.files(&root) {
        let text = String::from_utf8_lossy(repository.objects.blob(&entry.sha).unwrap_or_default()).into_owned();
        let folded = text.to_lowercase();
        let fits = wanted.iter().all(|word| folded.contains(word.as_str()));
        if !fits || below.is_some_and(|below| !path.starts_with(below)) {
            continue;
        }
        let holds = |line: &&str| wanted.iter().any(|word| line.to_lowercase().contains(word.as_str()));
        let fragment = text.lines().filter(holds).take(3).collect::<Vec<_>>().join("\n");
        let (url, _) = document::place(repository, &format!("/contents/{path}"));
        let (git, _) = document::place(repository, &format!("/git/blobs/{}", entry.sha));
        let (_, site) = document::place(repository, &format!("/blob/main/{path}"));
        hits.push(json!({
            "name": path.rsplit('/').next(),
            "path": path,
            "sha": entry.sha,
            "url": url,
            "git_url": git,
            "html_url": site,
            "repository": document::repository(repository),
            "score": 1.0,
            "text_matches": [{ "object_url": url, "object_type": "FileContent", "property": "content", "fragment": fragment, "matches": [] }],
        }));
    }
    hits
}
