//! A repository of a world in the hands of a test, a case or a person of the demo.

use std::collections::BTreeMap;

use super::{
    Hub,
    repository::{PEOPLE, Run},
};
use crate::world::Shared;

/// A repository of a world: what stands in it, and what people do in it.
#[derive(Clone)]
pub struct GitHubRepository {
    hub: Hub,
    shared: Shared,
    full_name: String,
}

/// A pull request as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestView {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Whether it can still be merged.
    pub open: bool,
    /// Whether it was merged.
    pub merged: bool,
    /// The branch that it comes from.
    pub head: String,
    /// The branch that it goes to.
    pub base: String,
    /// Its labels.
    pub labels: Vec<String>,
}

impl GitHubRepository {
    pub(crate) fn new(hub: Hub, shared: Shared, full_name: &str) -> Option<Self> {
        let full_name = hub.with(full_name, |repository| repository.full_name.clone())?;
        Some(Self { hub, shared, full_name })
    }

    fn now(&self) -> i64 {
        self.shared.now().div_euclid(1000)
    }

    /// Branches and the commits that they point to.
    pub fn branches(&self) -> BTreeMap<String, String> {
        self.hub.with(&self.full_name, |repository| repository.branches.clone()).unwrap_or_default()
    }

    /// All pull requests, the oldest first.
    pub fn pull_requests(&self) -> Vec<PullRequestView> {
        let view = |pull: &super::repository::Pull| PullRequestView {
            number: pull.number,
            title: pull.title.clone(),
            body: pull.body.clone(),
            open: pull.open,
            merged: pull.merged_at.is_some(),
            head: pull.head.clone(),
            base: pull.base.clone(),
            labels: pull.labels.clone(),
        };
        self.hub.with(&self.full_name, |repository| repository.pulls.iter().map(view).collect()).unwrap_or_default()
    }

    /// Mode and text of a file on a branch or at a commit.
    pub fn file(&self, reference: &str, path: &str) -> Option<(String, String)> {
        self.hub.with(&self.full_name, |repository| {
            let root = repository.tree_of(reference)?;
            let entry = repository.objects.find(&root, path)?;
            let blob = repository.objects.blob(&entry.sha)?;
            Some((entry.mode.clone(), String::from_utf8_lossy(blob).into_owned()))
        })?
    }

    /// Messages of a branch's commits, the newest first.
    pub fn messages(&self, branch: &str) -> Vec<String> {
        self.hub
            .with(&self.full_name, |repository| {
                let sha = repository.resolve(branch)?;
                let history = repository.objects.history(&sha);
                Some(history.into_iter().map(|(_, commit)| commit.message.clone()).collect())
            })
            .flatten()
            .unwrap_or_default()
    }

    /// People make a branch at the newest commit of `main`.
    pub fn create_branch(&self, branch: &str) {
        let now = self.now();
        self.hub.with(&self.full_name, |repository| {
            if let Some(sha) = repository.branches.get("main").cloned() {
                repository.point(branch, &sha, now);
            }
        });
    }

    /// People push a commit; gives its name, or `None` when there is no such branch.
    pub fn push(&self, branch: &str, files: &[(&str, &str)], message: &str) -> Option<String> {
        let now = self.now();
        self.hub.with(&self.full_name, |repository| repository.push(branch, files, message, PEOPLE, now))?
    }

    /// People merge a pull request; `false` when it is not open.
    pub fn merge(&self, number: u64) -> bool {
        let now = self.now();
        self.hub.with(&self.full_name, |repository| repository.merge(number, now)).flatten().is_some()
    }

    /// People close a pull request; `false` when it is not open.
    pub fn close(&self, number: u64) -> bool {
        let now = self.now();
        let close = self.hub.with(&self.full_name, |repository| {
            repository.pull_mut(number).filter(|pull| pull.open).map(|pull| pull.close(now))
        });
        close.flatten().is_some()
    }

    /// A workflow ran on the newest commit of `main`.
    pub fn workflow_ran(&self, name: &str, conclusion: &str) {
        let now = self.now();
        self.hub.with(&self.full_name, |repository| {
            let sha = repository.branches.get("main").cloned().unwrap_or_default();
            let number = repository.runs.len() as u64 + 1;
            repository.runs.push(Run { number, name: name.into(), conclusion: conclusion.into(), sha, at: now });
        });
    }
}
