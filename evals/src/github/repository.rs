//! One repository: branches, pull requests, runs, and what the token may do in it.

use std::collections::BTreeMap;

use super::{
    new_repository::{NewRepository, Rules},
    object::{Commit, Entry, Objects},
};

/// Who wrote what was there at the beginning.
pub(crate) const PEOPLE: &str = "developer";
/// Whose token is used.
pub(crate) const AGENT: &str = "devops-agent-bot";

/// A repository at the virtual now.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
    pub(crate) rules: Rules,
    pub(crate) objects: Objects,
    /// Commits by branch.
    pub(crate) branches: BTreeMap<String, String>,
    /// By number, from 1.
    pub(crate) pulls: Vec<Pull>,
    pub(crate) runs: Vec<Run>,
    /// Seconds since 1970.
    pub(crate) created: i64,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) open: bool,
    pub(crate) merged_at: Option<i64>,
    pub(crate) closed_at: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) head: String,
    /// The head's commit, which stays known when the branch is gone.
    pub(crate) head_sha: String,
    pub(crate) base: String,
    /// The base's commit when it was opened.
    pub(crate) base_sha: String,
    pub(crate) labels: Vec<String>,
}

/// A run of a workflow.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) conclusion: String,
    pub(crate) sha: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

impl Repository {
    pub(super) fn new(new: NewRepository, at: i64) -> Self {
        let mut objects = Objects::default();
        let mut root = objects.add_tree(BTreeMap::new());
        for (path, mode, content) in &new.files {
            let entry = Entry { mode: (*mode).to_owned(), sha: objects.add_blob(content) };
            root = objects.put(&root, path, entry);
        }
        let first = Commit {
            tree: root,
            parents: Vec::new(),
            message: "First commit".to_owned(),
            author: PEOPLE.to_owned(),
            at,
        };
        let sha = objects.add_commit(first);
        let branches = BTreeMap::from([("main".to_owned(), sha)]);
        Self {
            full_name: new.full_name,
            rules: new.rules,
            objects,
            branches,
            pulls: Vec::new(),
            runs: Vec::new(),
            created: at,
        }
    }

    pub(crate) fn owner(&self) -> &str {
        self.full_name.split('/').next().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.full_name.split('/').nth(1).unwrap_or_default()
    }

    /// The commit that a branch or a commit's name means.
    pub(crate) fn resolve(&self, reference: &str) -> Option<String> {
        let branch = reference.strip_prefix("refs/heads/").or_else(|| reference.strip_prefix("heads/"));
        self.branches
            .get(branch.unwrap_or(reference))
            .cloned()
            .or_else(|| self.objects.commit(reference).map(|_| reference.to_owned()))
    }

    /// The tree of a commit, or the tree of that name.
    pub(crate) fn tree_of(&self, reference: &str) -> Option<String> {
        if self.objects.tree(reference).is_some() {
            return Some(reference.to_owned());
        }
        Some(self.objects.commit(&self.resolve(reference)?)?.tree.clone())
    }

    /// Puts a commit on a branch; `None` when there is no such branch.
    pub(crate) fn push(
        &mut self,
        branch: &str,
        files: &[(&str, &str)],
        message: &str,
        author: &str,
        at: i64,
    ) -> Option<String> {
        let parent = self.branches.get(branch)?.clone();
        let mut root = self.objects.commit(&parent)?.tree.clone();
        for (path, content) in files {
            let mode = self.objects.find(&root, path).map_or("100644", |entry| entry.mode.as_str()).to_owned();
            let entry = Entry { mode, sha: self.objects.add_blob(content.as_bytes()) };
            root = self.objects.put(&root, path, entry);
        }
        let commit =
            Commit { tree: root, parents: vec![parent], message: message.to_owned(), author: author.to_owned(), at };
        let sha = self.objects.add_commit(commit);
        self.point(branch, &sha, at);
        Some(sha)
    }

    /// Points a branch at a commit; open pull requests from it follow.
    pub(crate) fn point(&mut self, branch: &str, sha: &str, at: i64) {
        self.branches.insert(branch.to_owned(), sha.to_owned());
        for pull in self.pulls.iter_mut().filter(|pull| pull.open && pull.head == branch) {
            sha.clone_into(&mut pull.head_sha);
            pull.updated_at = at;
        }
    }

    /// Deletes a branch; open pull requests from it are closed, as GitHub does.
    pub(crate) fn delete(&mut self, branch: &str, at: i64) -> bool {
        for pull in self.pulls.iter_mut().filter(|pull| pull.open && pull.head == branch) {
            pull.close(at);
        }
        self.branches.remove(branch).is_some()
    }

    pub(crate) fn pull(&self, number: u64) -> Option<&Pull> {
        self.pulls.iter().find(|pull| pull.number == number)
    }

    pub(crate) fn pull_mut(&mut self, number: u64) -> Option<&mut Pull> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }

    /// The trees between which a pull request's changes are shown.
    pub(crate) fn sides(&self, pull: &Pull) -> Option<(String, String)> {
        let base = self.objects.merge_base(&pull.base_sha, &pull.head_sha)?;
        Some((self.objects.commit(&base)?.tree.clone(), self.objects.commit(&pull.head_sha)?.tree.clone()))
    }

    /// Merges a pull request with one commit on its base; `None` when it is not open.
    pub(crate) fn merge(&mut self, number: u64, at: i64) -> Option<()> {
        let pull = self.pull(number).filter(|pull| pull.open)?.clone();
        let (before, after) = self.sides(&pull)?;
        let parent = self.branches.get(&pull.base)?.clone();
        let mut root = self.objects.commit(&parent)?.tree.clone();
        for (path, _, entry) in self.objects.changed(&before, &after) {
            root = self.objects.put(&root, &path, entry?);
        }
        let message = format!("Merge pull request #{number} from {}\n\n{}", pull.head, pull.title);
        let parents = vec![parent, pull.head_sha.clone()];
        let sha = self.objects.add_commit(Commit { tree: root, parents, message, author: PEOPLE.to_owned(), at });
        self.point(&pull.base, &sha, at);
        let pull = self.pull_mut(number)?;
        pull.close(at);
        pull.merged_at = Some(at);
        Some(())
    }
}

impl Pull {
    pub(crate) fn close(&mut self, at: i64) {
        self.open = false;
        self.closed_at = Some(at);
        self.updated_at = at;
    }
}
