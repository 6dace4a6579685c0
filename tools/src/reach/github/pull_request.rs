//! Pull requests.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{GitHub, RepositoryName};
use crate::Failure;

/// Pull requests of one answer.
const PAGE: usize = 50;
/// Files of a pull request that one answer holds at most.
const FILES: usize = 100;

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
    /// `open` or `closed`.
    pub state: String,
    /// When it was merged.
    pub merged_at: Option<DateTime<Utc>>,
    /// When anything of it changed last.
    pub updated_at: DateTime<Utc>,
    /// Where it comes from.
    pub head: End,
    /// Where people read it.
    pub html_url: String,
}

/// One end of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct End {
    /// The owner and the branch, as "owner:branch".
    #[serde(default)]
    pub label: Option<String>,
    /// The branch.
    #[serde(rename = "ref")]
    pub branch: String,
    /// The commit.
    pub sha: String,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub body: &'a str,
    /// The branch that it comes from.
    pub head: &'a str,
    /// The branch that it goes to.
    pub base: &'a str,
}

/// A file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Its path.
    pub filename: String,
    /// Its blob after the change.
    pub sha: Option<String>,
    /// `added`, `modified`, `removed`, `renamed` …
    pub status: String,
}

impl PullRequest {
    /// Whether people can still merge it.
    pub fn open(&self) -> bool {
        self.state == "open"
    }
}

impl GitHub {
    /// All pull requests from a branch of this repository, closed ones too, newest first.
    ///
    /// # Errors
    /// `Tell` when the repository may not be seen; else `Unreachable`.
    pub async fn pull_requests_from(
        &self,
        repository: &RepositoryName,
        branch: &str,
    ) -> Result<Vec<PullRequest>, Failure> {
        let head = format!("{}:{branch}", repository.owner);
        let query = [("state", "all".to_owned()), ("head", head.clone()), ("per_page", PAGE.to_string())];
        let mut found: Vec<PullRequest> = self.get(&repository.path("pulls"), &query).await?.json()?;
        // GitHub leaves out a filter that it does not understand, and a fork may have a branch of the same name.
        found.retain(|pull| pull.head.label.as_ref().is_some_and(|label| label.eq_ignore_ascii_case(&head)));
        found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(found)
    }

    /// Pull requests into a branch that were merged since a moment, newest first; the newest 50 closed ones are looked at.
    ///
    /// # Errors
    /// As [`GitHub::pull_requests_from`].
    pub async fn merged_since(
        &self,
        repository: &RepositoryName,
        base: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<PullRequest>, Failure> {
        let query = [
            ("state", "closed".to_owned()),
            ("base", base.to_owned()),
            ("sort", "updated".to_owned()),
            ("direction", "desc".to_owned()),
            ("per_page", PAGE.to_string()),
        ];
        let mut found: Vec<PullRequest> = self.get(&repository.path("pulls"), &query).await?.json()?;
        found.retain(|pull| pull.merged_at.is_some_and(|at| at >= since));
        found.sort_by_key(|pull| std::cmp::Reverse(pull.merged_at));
        Ok(found)
    }

    /// Opens a pull request; `None` when one from this branch is open already.
    ///
    /// # Errors
    /// `Tell` in GitHub's own words when it may not be opened; else `Unreachable`.
    pub async fn open_pull_request(
        &self,
        repository: &RepositoryName,
        new: &NewPullRequest<'_>,
    ) -> Result<Option<PullRequest>, Failure> {
        let NewPullRequest { title, body, head, base } = new;
        let body = json!({ "title": title, "body": body, "head": head, "base": base, "maintainer_can_modify": true });
        let reply = self.post(&repository.path("pulls"), &body).await?;
        if reply.refuses(StatusCode::UNPROCESSABLE_ENTITY, "pull request already exists") {
            return Ok(None);
        }
        reply.json().map(Some)
    }

    /// Closes a pull request and writes its text anew.
    ///
    /// # Errors
    /// As [`GitHub::open_pull_request`].
    pub async fn close_pull_request(
        &self,
        repository: &RepositoryName,
        number: u64,
        body: &str,
    ) -> Result<(), Failure> {
        let path = repository.path(&format!("pulls/{number}"));
        self.patch(&path, &json!({ "state": "closed", "body": body })).await?.done()
    }

    /// The files that a pull request changes; 100 at most.
    ///
    /// # Errors
    /// As [`GitHub::pull_requests_from`].
    pub async fn pull_request_files(
        &self,
        repository: &RepositoryName,
        number: u64,
    ) -> Result<Vec<ChangedFile>, Failure> {
        let path = repository.path(&format!("pulls/{number}/files"));
        self.get(&path, &[("per_page", FILES.to_string())]).await?.json()
    }

    /// Puts labels on a pull request; those that it has stay.
    ///
    /// # Errors
    /// As [`GitHub::open_pull_request`].
    pub async fn add_labels(&self, repository: &RepositoryName, number: u64, labels: &[&str]) -> Result<(), Failure> {
        let path = repository.path(&format!("issues/{number}/labels"));
        self.post(&path, &json!({ "labels": labels })).await?.done()
    }
}
