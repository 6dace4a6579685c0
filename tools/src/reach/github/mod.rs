//! GitHub's REST API, by octocrab. Source: <https://docs.github.com/rest>
//!
//! octocrab carries the requests; what is read of an answer is read here, so that a field that GitHub adds or leaves out breaks nothing.

mod activity;
mod exchange;
mod folder;
mod git;
mod name;
mod pull_request;
mod reply;
mod repository;

use std::time::Duration;

use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

pub use activity::{CommitLine, TouchedFile, WorkflowRun};
pub use folder::RepositoryFolder;
pub use git::{Commit, NewFile, Tree, TreeEntry};
pub use name::RepositoryName;
pub use pull_request::{ChangedFile, NewPullRequest, PullRequest};
pub use repository::{CodeHit, Contents, Repository};

use crate::{Failure, SharedClock};

/// A client of GitHub.
pub struct GitHub {
    client: Octocrab,
    timeout: Duration,
    clock: SharedClock,
}

#[derive(Deserialize)]
struct Limits {
    rate: Rate,
}

#[derive(Deserialize)]
struct Rate {
    limit: u64,
    remaining: u64,
}

impl GitHub {
    /// A client; asks nothing yet. `timeout` bounds each request. Must be called within a runtime, as octocrab wants it.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no HTTP URL, or the token cannot be sent.
    pub fn new(
        base: &str,
        token: Option<SecretString>,
        timeout: Duration,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::Tell(format!(
                "GitHub: {why}; right would be \"https://api.github.com\" or \"https://host/api/v3\""
            ))
        };
        let url = Url::parse(base).map_err(|error| wrong(&format!("the URL cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("the URL is not http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("the URL holds credentials, which belong in `token`"));
        }
        let no_url = |_| wrong("the URL cannot be used");
        let mut builder = Octocrab::builder().base_uri(base.trim_end_matches('/')).map_err(no_url)?;
        builder = builder.set_connect_timeout(Some(timeout));
        if let Some(token) = token {
            // octocrab ends the program at a token that no header can hold.
            if !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Failure::Tell(
                    "GitHub: the token holds blanks or other characters that no token has".into(),
                ));
            }
            builder = builder.personal_token(token);
        }
        let not_built = |error: octocrab::Error| Failure::Tell(format!("GitHub: {}", exchange::cause(&error)));
        Ok(Self { client: builder.build().map_err(not_built)?, timeout, clock })
    }

    /// Whether it answers, and how many requests are left in this hour.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub async fn check(&self) -> Result<String, Failure> {
        let Limits { rate } = self.get("/rate_limit", &[]).await?.json()?;
        Ok(format!("{} of {} requests left in this hour", rate.remaining, rate.limit))
    }

    /// How long a request may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}
