//! What happened in a repository of late.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::{GitHub, RepositoryName, name::escaped};
use crate::Failure;

/// Commits or runs of one answer.
const PAGE: usize = 50;

/// A commit as a line of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLine {
    /// Its name.
    pub sha: String,
    /// Its message.
    pub message: String,
    /// When it was made.
    pub at: Option<DateTime<Utc>>,
}

/// A file that a commit touches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TouchedFile {
    /// Its path.
    pub filename: String,
    /// What changed in it; absent when GitHub finds that too large, or the file is no text.
    #[serde(default)]
    pub patch: Option<String>,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    /// The workflow's name.
    pub name: Option<String>,
    /// The run's number.
    pub run_number: u64,
    /// `queued`, `in_progress`, `completed` …
    pub status: Option<String>,
    /// `success`, `failure`, `cancelled` … once it is completed.
    pub conclusion: Option<String>,
    /// What started it: `push`, `schedule`, `workflow_dispatch` …
    pub event: String,
    /// The commit that it ran on.
    pub head_sha: String,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Listed {
    sha: String,
    commit: Inner,
}

#[derive(Deserialize)]
struct Inner {
    message: String,
    committer: Option<Stamp>,
}

#[derive(Deserialize)]
struct Stamp {
    date: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<WorkflowRun>,
}

impl GitHub {
    /// Commits of a branch since a moment, newest first; 50 at most.
    ///
    /// # Errors
    /// `Tell` when the repository may not be seen; else `Unreachable`.
    pub async fn commits_since(
        &self,
        repository: &RepositoryName,
        branch: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<CommitLine>, Failure> {
        let query = [("sha", branch.to_owned()), ("since", stamp(since)), ("per_page", PAGE.to_string())];
        let listed: Vec<Listed> = self.get(&repository.path("commits"), &query).await?.json()?;
        let line = |listed: Listed| CommitLine {
            sha: listed.sha,
            message: listed.commit.message,
            at: listed.commit.committer.and_then(|committer| committer.date),
        };
        Ok(listed.into_iter().map(line).collect())
    }

    /// The files that a commit touches; 300 at most, as GitHub tells them.
    ///
    /// # Errors
    /// As [`GitHub::commits_since`].
    pub async fn commit_files(&self, repository: &RepositoryName, sha: &str) -> Result<Vec<TouchedFile>, Failure> {
        #[derive(Deserialize)]
        struct Touching {
            #[serde(default)]
            files: Vec<TouchedFile>,
        }
        let path = repository.path(&format!("commits/{}", escaped(sha)));
        let touching: Touching = self.get(&path, &[]).await?.json()?;
        Ok(touching.files)
    }

    /// Runs of workflows on a branch that were started since a moment, newest first; 50 at most.
    ///
    /// # Errors
    /// As [`GitHub::commits_since`].
    pub async fn workflow_runs_since(
        &self,
        repository: &RepositoryName,
        branch: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<WorkflowRun>, Failure> {
        let query =
            [("branch", branch.to_owned()), ("created", format!(">={}", stamp(since))), ("per_page", PAGE.to_string())];
        let runs: Runs = self.get(&repository.path("actions/runs"), &query).await?.json()?;
        Ok(runs.workflow_runs)
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
