//! Documents as GitHub writes them.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::{
    object::Commit,
    repository::{AGENT, Pull, Repository, Run},
};

const API: &str = "https://api.github.com";
const SITE: &str = "https://github.com";

/// Where a repository's parts are, below its own address.
const PLACES: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

/// Where a user's parts are.
const OF_USER: [(&str, &str); 10] = [
    ("url", ""),
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
];

/// RFC 3339 in whole seconds.
pub(super) fn stamp(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// GitHub's opaque name of a thing.
fn node(kind: &str, name: &str) -> String {
    STANDARD.encode(format!("{kind}:{name}"))
}

/// A number that stays the same for the same text.
fn number(text: &str) -> u64 {
    text.bytes().fold(17, |hash, byte| (hash * 31 + u64::from(byte)) % 900_000_007)
}

fn at(repository: &Repository, rest: &str) -> String {
    format!("{API}/repos/{}{rest}", repository.full_name)
}

fn page(repository: &Repository, rest: &str) -> String {
    format!("{SITE}/{}{rest}", repository.full_name)
}

/// Joins the fields of two objects.
fn with(one: Value, more: Value) -> Value {
    let (mut fields, more): (Map<_, _>, Map<_, _>) = match (one, more) {
        (Value::Object(one), Value::Object(more)) => (one, more),
        (one, _) => return one,
    };
    fields.extend(more);
    Value::Object(fields)
}

pub(super) fn user(login: &str) -> Value {
    let places: Map<_, _> =
        OF_USER.iter().map(|(key, rest)| ((*key).to_owned(), json!(format!("{API}/users/{login}{rest}")))).collect();
    with(
        Value::Object(places),
        json!({
            "login": login,
            "id": number(login),
            "node_id": node("User", login),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", number(login)),
            "gravatar_id": "",
            "html_url": format!("{SITE}/{login}"),
            "type": "User",
            "site_admin": false,
        }),
    )
}

pub(super) fn repository(of: &Repository) -> Value {
    let places: Map<_, _> = PLACES.iter().map(|(key, rest)| ((*key).to_owned(), json!(at(of, rest)))).collect();
    let open = of.pulls.iter().filter(|pull| pull.open).count();
    let push = !of.rules.read_only;
    let counts = json!({
        "forks": 0,
        "forks_count": 0,
        "network_count": 0,
        "open_issues": open,
        "open_issues_count": open,
        "size": 108,
        "stargazers_count": 0,
        "subscribers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
    });
    with(
        with(Value::Object(places), counts),
        json!({
            "id": number(&of.full_name),
            "node_id": node("Repository", &of.full_name),
            "name": of.name(),
            "full_name": of.full_name,
            "owner": user(of.owner()),
            "private": true,
            "html_url": page(of, ""),
            "description": Value::Null,
            "fork": of.rules.fork,
            "git_url": format!("git://github.com/{}.git", of.full_name),
            "ssh_url": format!("git@github.com:{}.git", of.full_name),
            "clone_url": page(of, ".git"),
            "svn_url": page(of, ""),
            "mirror_url": Value::Null,
            "homepage": Value::Null,
            "language": Value::Null,
            "license": Value::Null,
            "default_branch": "main",
            "archived": of.rules.archived,
            "disabled": false,
            "has_downloads": true,
            "has_issues": true,
            "has_projects": true,
            "has_wiki": false,
            "has_pages": false,
            "has_discussions": false,
            "created_at": stamp(of.created),
            "pushed_at": stamp(of.created),
            "updated_at": stamp(of.created),
            "permissions": { "admin": false, "maintain": false, "push": push, "triage": push, "pull": true },
        }),
    )
}

pub(super) fn reference(of: &Repository, branch: &str, sha: &str) -> Value {
    json!({
        "ref": format!("refs/heads/{branch}"),
        "node_id": node("Ref", branch),
        "url": at(of, &format!("/git/refs/heads/{branch}")),
        "object": { "type": "commit", "sha": sha, "url": at(of, &format!("/git/commits/{sha}")) },
    })
}

fn author(commit: &Commit) -> Value {
    let who = &commit.author;
    json!({ "name": who, "email": format!("{who}@example.com"), "date": stamp(commit.at) })
}

fn parents(of: &Repository, commit: &Commit) -> Vec<Value> {
    let parent = |sha: &String| {
        json!({
            "sha": sha,
            "url": at(of, &format!("/git/commits/{sha}")),
            "html_url": page(of, &format!("/commit/{sha}")),
        })
    };
    commit.parents.iter().map(parent).collect()
}

fn unsigned() -> Value {
    json!({ "verified": false, "reason": "unsigned", "signature": Value::Null, "payload": Value::Null, "verified_at": Value::Null })
}

/// A commit as the git data API tells it.
pub(super) fn git_commit(of: &Repository, sha: &str, commit: &Commit) -> Value {
    json!({
        "sha": sha,
        "node_id": node("Commit", sha),
        "url": at(of, &format!("/git/commits/{sha}")),
        "html_url": page(of, &format!("/commit/{sha}")),
        "author": author(commit),
        "committer": author(commit),
        "tree": { "sha": commit.tree, "url": at(of, &format!("/git/trees/{}", commit.tree)) },
        "message": commit.message,
        "parents": parents(of, commit),
        "verification": unsigned(),
    })
}

/// A commit as lists and comparisons tell it.
pub(super) fn commit(of: &Repository, sha: &str, commit: &Commit) -> Value {
    json!({
        "sha": sha,
        "node_id": node("Commit", sha),
        "url": at(of, &format!("/commits/{sha}")),
        "html_url": page(of, &format!("/commit/{sha}")),
        "comments_url": at(of, &format!("/commits/{sha}/comments")),
        "commit": {
            "url": at(of, &format!("/git/commits/{sha}")),
            "author": author(commit),
            "committer": author(commit),
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": at(of, &format!("/git/trees/{}", commit.tree)) },
            "comment_count": 0,
            "verification": unsigned(),
        },
        "author": user(&commit.author),
        "committer": user(&commit.author),
        "parents": parents(of, commit),
    })
}

fn end(of: &Repository, branch: &str, sha: &str) -> Value {
    json!({
        "label": format!("{}:{branch}", of.owner()),
        "ref": branch,
        "sha": sha,
        "user": user(of.owner()),
        "repo": repository(of),
    })
}

pub(super) fn label(of: &Repository, name: &str) -> Value {
    json!({
        "id": number(name),
        "node_id": node("Label", name),
        "url": at(of, &format!("/labels/{name}")),
        "name": name,
        "description": "",
        "color": "ededed",
        "default": false,
    })
}

/// A pull request as lists tell it.
pub(super) fn pull(of: &Repository, pull: &Pull) -> Value {
    let number_of = pull.number;
    let own = at(of, &format!("/pulls/{number_of}"));
    let issue = at(of, &format!("/issues/{number_of}"));
    let site = page(of, &format!("/pull/{number_of}"));
    let statuses = at(of, &format!("/statuses/{}", pull.head_sha));
    let href = |url: &str| json!({ "href": url });
    let words = json!({
        "url": own,
        "id": number(&own),
        "node_id": node("PullRequest", &own),
        "html_url": site,
        "diff_url": format!("{site}.diff"),
        "patch_url": format!("{site}.patch"),
        "issue_url": issue,
        "commits_url": format!("{own}/commits"),
        "review_comments_url": format!("{own}/comments"),
        "review_comment_url": at(of, "/pulls/comments{/number}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "number": number_of,
        "state": if pull.open { "open" } else { "closed" },
        "locked": false,
        "draft": false,
        "title": pull.title,
        "user": user(AGENT),
        "body": pull.body,
        "labels": pull.labels.iter().map(|name| label(of, name)).collect::<Vec<_>>(),
        "milestone": Value::Null,
        "assignee": Value::Null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
    });
    let rest = json!({
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": pull.closed_at.map(stamp),
        "merged_at": pull.merged_at.map(stamp),
        "merge_commit_sha": Value::Null,
        "head": end(of, &pull.head, &pull.head_sha),
        "base": end(of, &pull.base, &pull.base_sha),
        "author_association": "CONTRIBUTOR",
        "auto_merge": Value::Null,
        "_links": {
            "self": href(&own),
            "html": href(&site),
            "issue": href(&issue),
            "comments": href(&format!("{issue}/comments")),
            "review_comments": href(&format!("{own}/comments")),
            "review_comment": href(&at(of, "/pulls/comments{/number}")),
            "commits": href(&format!("{own}/commits")),
            "statuses": href(&statuses),
        },
    });
    with(words, rest)
}

/// A pull request as it is told when it is opened or changed.
pub(super) fn whole_pull(of: &Repository, told: &Pull) -> Value {
    let merged = told.merged_at.is_some();
    with(
        pull(of, told),
        json!({
            "merged": merged,
            "mergeable": Value::Null,
            "rebaseable": Value::Null,
            "mergeable_state": "unknown",
            "merged_by": merged.then(|| user(super::repository::PEOPLE)),
            "comments": 0,
            "review_comments": 0,
            "maintainer_can_modify": true,
            "commits": 1,
            "additions": 0,
            "deletions": 0,
            "changed_files": 0,
        }),
    )
}

/// A run of a workflow.
pub(super) fn run(of: &Repository, told: &Run) -> Value {
    let own = at(of, &format!("/actions/runs/{}", told.number));
    let head = of.objects.commit(&told.sha);
    let simple = json!({
        "id": told.sha,
        "tree_id": head.map_or("", |commit| commit.tree.as_str()),
        "message": head.map_or("", |commit| commit.message.as_str()),
        "timestamp": stamp(told.at),
        "author": { "name": super::repository::PEOPLE, "email": "developer@example.com" },
        "committer": { "name": super::repository::PEOPLE, "email": "developer@example.com" },
    });
    json!({
        "id": told.number,
        "name": told.name,
        "node_id": node("WorkflowRun", &own),
        "head_branch": "main",
        "head_sha": told.sha,
        "path": ".github/workflows/ci.yml",
        "display_title": told.name,
        "run_number": told.number,
        "event": "push",
        "status": "completed",
        "conclusion": told.conclusion,
        "workflow_id": number(&told.name),
        "check_suite_id": told.number,
        "check_suite_node_id": node("CheckSuite", &own),
        "url": own,
        "html_url": page(of, &format!("/actions/runs/{}", told.number)),
        "pull_requests": [],
        "created_at": stamp(told.at),
        "updated_at": stamp(told.at),
        "run_started_at": stamp(told.at),
        "run_attempt": 1,
        "jobs_url": format!("{own}/jobs"),
        "logs_url": format!("{own}/logs"),
        "check_suite_url": at(of, &format!("/check-suites/{}", told.number)),
        "artifacts_url": format!("{own}/artifacts"),
        "cancel_url": format!("{own}/cancel"),
        "rerun_url": format!("{own}/rerun"),
        "workflow_url": at(of, &format!("/actions/workflows/{}", number(&told.name))),
        "head_commit": simple,
        "repository": repository(of),
        "head_repository": repository(of),
    })
}

/// Where a thing of a repository is, for a document of another file.
pub(super) fn place(of: &Repository, rest: &str) -> (String, String) {
    (at(of, rest), page(of, rest))
}
