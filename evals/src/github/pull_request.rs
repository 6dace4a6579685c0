//! Pull requests and their labels.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    response::Response,
};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::{
    document,
    http::{No, Server, created, fine, text},
    object::Entry,
    repository::{Pull, Repository},
};

type Numbered = Path<(String, String, u64)>;

pub(super) async fn list(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    server.of(&owner, &name, |repository| {
        let asked = |name: &str| parameters.get(name).map(String::as_str);
        let state = asked("state").unwrap_or("open");
        let head = asked("head").and_then(|head| head.split_once(':')).map(|(_, branch)| branch);
        let wanted = |pull: &&Pull| {
            let in_state = state == "all" || (state == "open") == pull.open;
            let from = head.is_none_or(|head| pull.head == head);
            in_state && from && asked("base").is_none_or(|base| pull.base == base)
        };
        let mut pulls: Vec<&Pull> = repository.pulls.iter().filter(wanted).collect();
        let updated = asked("sort") == Some("updated");
        pulls.sort_by_key(|pull| {
            std::cmp::Reverse((if updated { pull.updated_at } else { pull.created_at }, pull.number))
        });
        let most = asked("per_page").and_then(|most| most.parse().ok()).unwrap_or(30);
        fine(pulls.into_iter().take(most).map(|pull| document::pull(repository, pull)).collect())
    })
}

pub(super) async fn open(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let (title, head, base) = (text(&body, "title")?, text(&body, "head")?, text(&body, "base")?);
        let wrong = |field: &str, message: &str| Err(No::field("PullRequest", field, message));
        let Some(head_sha) = repository.branches.get(head).cloned() else {
            return wrong("head", "invalid");
        };
        let Some(base_sha) = repository.branches.get(base).cloned() else {
            return wrong("base", "invalid");
        };
        if repository.pulls.iter().any(|pull| pull.open && pull.head == head && pull.base == base) {
            let message = format!("A pull request already exists for {}:{head}.", repository.owner());
            return wrong("", &message);
        }
        let held = repository.objects.history(&base_sha).iter().any(|(sha, _)| *sha == head_sha);
        if held {
            return wrong("", &format!("No commits between {base} and {head}"));
        }
        let pull = Pull {
            number: repository.pulls.len() as u64 + 1,
            title: title.to_owned(),
            body: body.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
            open: true,
            merged_at: None,
            closed_at: None,
            created_at: now,
            updated_at: now,
            head: head.to_owned(),
            head_sha,
            base: base.to_owned(),
            base_sha,
            labels: Vec::new(),
        };
        repository.pulls.push(pull.clone());
        created(document::whole_pull(repository, &pull))
    })
}

pub(super) async fn change(
    State(server): State<Server>,
    Path((owner, name, number)): Numbered,
    Json(body): Json<Value>,
) -> Response {
    let now = server.now();
    server.write(&owner, &name, |repository| {
        let pull = repository.pull_mut(number).ok_or_else(No::found)?;
        if let Some(words) = body.get("body").and_then(Value::as_str) {
            words.clone_into(&mut pull.body);
        }
        if body.get("state").and_then(Value::as_str) == Some("closed") && pull.open {
            pull.close(now);
        }
        pull.updated_at = now;
        let pull = pull.clone();
        fine(document::whole_pull(repository, &pull))
    })
}

pub(super) async fn files(State(server): State<Server>, Path((owner, name, number)): Numbered) -> Response {
    server.of(&owner, &name, |repository| {
        let pull = repository.pull(number).ok_or_else(No::found)?;
        let (before, after) = repository.sides(pull).ok_or_else(No::found)?;
        let changed = repository.objects.changed(&before, &after);
        let told =
            changed.iter().map(|(path, before, after)| entry(repository, pull, path, before.as_ref(), after.as_ref()));
        fine(told.collect())
    })
}

fn entry(repository: &Repository, pull: &Pull, path: &str, before: Option<&Entry>, after: Option<&Entry>) -> Value {
    let content = |entry: Option<&Entry>| {
        let blob = entry.and_then(|entry| repository.objects.blob(&entry.sha)).unwrap_or_default();
        String::from_utf8_lossy(blob).into_owned()
    };
    let (old, new) = (content(before), content(after));
    let diff = TextDiff::from_lines(&old, &new);
    let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    let (additions, deletions) = (count(ChangeTag::Insert), count(ChangeTag::Delete));
    let status = match (before, after) {
        (None, _) => "added",
        (Some(_), None) => "removed",
        (Some(_), Some(_)) => "modified",
    };
    let at = &pull.head_sha;
    let (contents, _) = document::place(repository, &format!("/contents/{path}?ref={at}"));
    let (_, blob) = document::place(repository, &format!("/blob/{at}/{path}"));
    let (_, raw) = document::place(repository, &format!("/raw/{at}/{path}"));
    json!({
        "sha": after.or(before).map(|entry| &entry.sha),
        "filename": path,
        "status": status,
        "additions": additions,
        "deletions": deletions,
        "changes": additions + deletions,
        "blob_url": blob,
        "raw_url": raw,
        "contents_url": contents,
        "patch": diff.unified_diff().to_string(),
    })
}

pub(super) async fn label(
    State(server): State<Server>,
    Path((owner, name, number)): Numbered,
    Json(body): Json<Value>,
) -> Response {
    server.write(&owner, &name, |repository| {
        if repository.rules.no_labels {
            return Err(No::field("Label", "name", "labels cannot be created in this repository"));
        }
        let wanted: Vec<String> = body
            .get("labels")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let pull = repository.pull_mut(number).ok_or_else(No::found)?;
        for name in wanted {
            if !pull.labels.contains(&name) {
                pull.labels.push(name);
            }
        }
        let names = pull.labels.clone();
        fine(names.iter().map(|name| document::label(repository, name)).collect())
    })
}
