//! What happened in a repository: commits, runs of workflows, comparisons.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use chrono::DateTime;
use serde_json::{Value, json};

use super::{
    document,
    http::{No, Server, fine},
};

type Parameters = Query<BTreeMap<String, String>>;

/// RFC 3339 as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp())
}

fn most(parameters: &BTreeMap<String, String>) -> usize {
    parameters.get("per_page").and_then(|most| most.parse().ok()).unwrap_or(30)
}

pub(super) async fn commits(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Response {
    server.of(&owner, &name, |repository| {
        let branch = parameters.get("sha").map_or("main", String::as_str);
        let sha = repository.resolve(branch).ok_or_else(No::found)?;
        let since = parameters.get("since").and_then(|since| seconds(since)).unwrap_or(i64::MIN);
        let history = repository.objects.history(&sha);
        let told = history.iter().filter(|(_, commit)| commit.at >= since).take(most(&parameters));
        fine(told.map(|(sha, commit)| document::commit(repository, sha, commit)).collect())
    })
}

pub(super) async fn runs(
    State(server): State<Server>,
    Path((owner, name)): Path<(String, String)>,
    Query(parameters): Parameters,
) -> Response {
    server.of(&owner, &name, |repository| {
        let created = parameters.get("created").and_then(|created| seconds(created.trim_start_matches(">=")));
        let since = created.unwrap_or(i64::MIN);
        let on_main = parameters.get("branch").is_none_or(|branch| branch == "main");
        let runs: Vec<_> = repository.runs.iter().rev().filter(|run| on_main && run.at >= since).collect();
        let told: Vec<Value> = runs.iter().take(most(&parameters)).map(|run| document::run(repository, run)).collect();
        fine(json!({ "total_count": runs.len(), "workflow_runs": told }))
    })
}

pub(super) async fn compare(
    State(server): State<Server>,
    Path((owner, name, basehead)): Path<(String, String, String)>,
) -> Response {
    server.of(&owner, &name, |repository| {
        let (base, head) = basehead.split_once("...").ok_or_else(No::found)?;
        let (base, head) = (repository.resolve(base), repository.resolve(head));
        let (base, head) = (base.ok_or_else(No::found)?, head.ok_or_else(No::found)?);
        let common = repository.objects.merge_base(&base, &head).ok_or_else(No::found)?;
        let beyond = |sha: &str| repository.objects.history(sha).len() - repository.objects.history(&common).len();
        let (ahead, behind) = (beyond(&head), beyond(&base));
        let status = match (ahead, behind) {
            (0, 0) => "identical",
            (0, _) => "behind",
            (_, 0) => "ahead",
            (_, _) => "diverged",
        };
        let told = |sha: &str| repository.objects.commit(sha).map(|commit| document::commit(repository, sha, commit));
        let (url, site) = document::place(repository, &format!("/compare/{basehead}"));
        fine(json!({
            "url": url,
            "html_url": site,
            "permalink_url": site,
            "diff_url": format!("{site}.diff"),
            "patch_url": format!("{site}.patch"),
            "base_commit": told(&base),
            "merge_base_commit": told(&common),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [],
            "files": [],
        }))
    })
}
