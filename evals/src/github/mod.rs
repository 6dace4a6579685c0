//! GitHub: repositories in memory behind its REST API, with git's own names for objects and GitHub's own words for a no.
//!
//! Every answer is checked in the tests against GitHub's official OpenAPI description.

mod activity;
mod document;
mod files;
mod git_data;
mod handle;
mod http;
mod new_repository;
mod object;
mod pull_request;
mod repository;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use handle::{GitHubRepository, PullRequestView};
pub(crate) use http::router;
pub use new_repository::NewRepository;
use repository::Repository;

/// All repositories by their full name in lower case; a clone is the same ones.
#[derive(Clone, Default)]
pub(crate) struct Hub(Arc<Mutex<BTreeMap<String, Repository>>>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with a repository; `None` when there is none of that name.
    pub(crate) fn with<T>(&self, full_name: &str, what: impl FnOnce(&mut Repository) -> T) -> Option<T> {
        self.lock().get_mut(&full_name.to_lowercase()).map(what)
    }

    /// Adds a repository, whose first commit was made at `at` (seconds since 1970).
    pub(crate) fn add(&self, new: NewRepository, at: i64) {
        let repository = Repository::new(new, at);
        self.lock().insert(repository.full_name.to_lowercase(), repository);
    }

    /// The full names.
    fn names(&self) -> Vec<String> {
        self.lock().values().map(|repository| repository.full_name.clone()).collect()
    }
}
