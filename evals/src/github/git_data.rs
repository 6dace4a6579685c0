//! The git data API: refs, trees, blobs and commits.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{
    document,
    http::{No, Server, created, fine, text},
    object::{Commit, Entry},
    repository::{AGENT, Repository},
};

type Named = Path<(String, String, String)>;

pub(super) async fn reference(State(server): State<Server>, Path((owner, name, reference)): Named) -> Response {
    server.of(&owner, &name, |repository| {
        let branch = reference.strip_prefix("heads/").ok_or_else(No::found)?;
        let sha = repository.branches.get(branch).ok_or_else(No::found)?;
        fine(document::reference(repository, branch, sha))
    })
}

pub(super) async fn create_reference(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let (wanted, sha) = (text(&body, "ref")?, text(&body, "sha")?);
        let Some(branch) = wanted.strip_prefix("refs/heads/").filter(|branch| !branch.is_empty()) else {
            return Err(No::valid("Reference name must be a fully qualified ref."));
        };
        if repository.rules.guarded {
            return Err(No::valid(
                "Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n",
            ));
        }
        if repository.branches.contains_key(branch) {
            return Err(No::valid("Reference already exists"));
        }
        if repository.objects.commit(sha).is_none() {
            return Err(No::valid("Object does not exist"));
        }
        repository.point(branch, sha, now);
        created(document::reference(repository, branch, sha))
    })
}

pub(super) async fn move_reference(
    State(server): State<Server>,
    Path((owner, name, reference)): Named,
    Json(body): Json<Value>,
) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let sha = text(&body, "sha")?;
        let branch = reference.strip_prefix("heads/").unwrap_or_default();
        let Some(stands) = repository.branches.get(branch).cloned() else {
            return Err(No::valid("Reference does not exist"));
        };
        if repository.objects.commit(sha).is_none() {
            return Err(No::valid("Object does not exist"));
        }
        let forced = body.get("force").and_then(Value::as_bool).unwrap_or_default();
        let forward = repository.objects.history(sha).iter().any(|(known, _)| *known == stands);
        if !forced && !forward {
            return Err(No::valid("Update is not a fast forward"));
        }
        repository.point(branch, sha, now);
        fine(document::reference(repository, branch, sha))
    })
}

pub(super) async fn delete_reference(State(server): State<Server>, Path((owner, name, reference)): Named) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let branch = reference.strip_prefix("heads/").unwrap_or_default();
        if !repository.delete(branch, now) {
            return Err(No::valid("Reference does not exist"));
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}

pub(super) async fn tree(
    State(server): State<Server>,
    Path((owner, name, sha)): Named,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    server.of(&owner, &name, |repository| {
        let sha = repository.tree_of(&sha).ok_or_else(No::found)?;
        let deep = parameters.contains_key("recursive");
        let mut entries = Vec::new();
        listed(repository, &sha, "", deep, &mut entries);
        fine(tree_document(repository, &sha, entries))
    })
}

fn listed(repository: &Repository, sha: &str, below: &str, deep: bool, into: &mut Vec<Value>) {
    for (name, entry) in repository.objects.tree(sha).into_iter().flatten() {
        let path = format!("{below}{name}");
        let kind = entry.kind();
        let part = if kind == "tree" { "trees" } else { "blobs" };
        let (url, _) = document::place(repository, &format!("/git/{part}/{}", entry.sha));
        let mut told = json!({ "path": path, "mode": entry.mode, "type": kind, "sha": entry.sha, "url": url });
        if let (Some(blob), Some(fields)) = (repository.objects.blob(&entry.sha), told.as_object_mut()) {
            fields.insert("size".to_owned(), json!(blob.len()));
        }
        into.push(told);
        if deep && entry.is_folder() {
            listed(repository, &entry.sha, &format!("{path}/"), deep, into);
        }
    }
}

fn tree_document(repository: &Repository, sha: &str, entries: Vec<Value>) -> Value {
    let (url, _) = document::place(repository, &format!("/git/trees/{sha}"));
    json!({ "sha": sha, "url": url, "tree": entries, "truncated": false })
}

pub(super) async fn create_tree(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    server.write(&owner, &name, |repository| {
        let base = body.get("base_tree").and_then(Value::as_str).unwrap_or_default();
        let mut root = match base {
            "" => String::new(),
            base => repository.tree_of(base).ok_or_else(|| No::valid("base_tree is not a valid tree oid"))?,
        };
        let Some(entries) = body.get("tree").and_then(Value::as_array).filter(|entries| !entries.is_empty()) else {
            return Err(No::valid("Invalid tree info"));
        };
        for entry in entries {
            let (path, mode) = (text(entry, "path")?, text(entry, "mode")?);
            let bad = path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git"));
            if bad {
                return Err(No::valid("tree.path contains a malformed path component"));
            }
            let sha = match (entry.get("sha").and_then(Value::as_str), entry.get("content").and_then(Value::as_str)) {
                (Some(sha), None) if repository.objects.blob(sha).is_some() => sha.to_owned(),
                (None, Some(content)) => repository.objects.add_blob(content.as_bytes()),
                _ => return Err(No::valid("tree.sha and tree.content: exactly one of them has to be there")),
            };
            root = repository.objects.put(&root, path, Entry { mode: mode.to_owned(), sha });
        }
        let mut told = Vec::new();
        listed(repository, &root, "", false, &mut told);
        created(tree_document(repository, &root, told))
    })
}

pub(super) async fn blob(State(server): State<Server>, Path((owner, name, sha)): Named) -> Response {
    server.of(&owner, &name, |repository| {
        let blob = repository.objects.blob(&sha).ok_or_else(No::found)?;
        let (url, _) = document::place(repository, &format!("/git/blobs/{sha}"));
        fine(json!({
            "sha": sha,
            "node_id": format!("B_{sha}"),
            "size": blob.len(),
            "url": url,
            "content": lines(blob),
            "encoding": "base64",
        }))
    })
}

/// Base64 in lines of 60, as GitHub sends it.
pub(super) fn lines(bytes: &[u8]) -> String {
    let whole = STANDARD.encode(bytes);
    whole.as_bytes().chunks(60).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

pub(super) async fn commit(State(server): State<Server>, Path((owner, name, sha)): Named) -> Response {
    server.of(&owner, &name, |repository| {
        let commit = repository.objects.commit(&sha).ok_or_else(No::found)?;
        fine(document::git_commit(repository, &sha, commit))
    })
}

pub(super) async fn create_commit(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let (message, tree) = (text(&body, "message")?.to_owned(), text(&body, "tree")?.to_owned());
        if repository.objects.tree(&tree).is_none() {
            return Err(No::valid("Tree SHA does not exist"));
        }
        let parents = body.get("parents").and_then(Value::as_array).into_iter().flatten();
        let parents: Vec<String> = parents.filter_map(Value::as_str).map(str::to_owned).collect();
        if parents.iter().any(|parent| repository.objects.commit(parent).is_none()) {
            return Err(No::valid("Parent SHA does not exist or is not a commit object"));
        }
        let commit = Commit { tree, parents, message, author: AGENT.to_owned(), at: now };
        let sha = repository.objects.add_commit(commit.clone());
        created(document::git_commit(repository, &sha, &commit))
    })
}
