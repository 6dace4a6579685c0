//! The way through a repository's folders to a file, or to a folder.

use std::collections::BTreeMap;

use crate::{
    Failure,
    reach::{GitHub, RepositoryName, Tree, TreeEntry},
};

/// Goes from folder to folder, so that links and submodules on the way are seen.
pub struct Walk<'a> {
    github: &'a GitHub,
    repository: &'a RepositoryName,
    seen: BTreeMap<String, Tree>,
}

impl<'a> Walk<'a> {
    /// Begins to walk; asks nothing yet.
    pub fn new(github: &'a GitHub, repository: &'a RepositoryName) -> Self {
        Self { github, repository, seen: BTreeMap::new() }
    }

    /// The file at a path; `None` when nothing stands there.
    ///
    /// # Errors
    /// `Tell` when what stands there, or on the way, is no file that can be changed; else as GitHub says.
    pub(crate) async fn find(&mut self, root: &str, path: &str) -> Result<Option<TreeEntry>, Failure> {
        let (mut tree, mut parts) = (root.to_owned(), path.split('/').peekable());
        while let Some(part) = parts.next() {
            let Some(entry) = self.entry(&tree, part).await? else {
                return Ok(None);
            };
            let why = match (entry.mode.as_str(), parts.peek()) {
                ("100644" | "100755", None) => return Ok(Some(entry)),
                ("040000", Some(_)) => {
                    tree = entry.sha;
                    continue;
                }
                ("100644" | "100755", Some(_)) => "is a file, so nothing can stand below it",
                ("040000", None) => "is a folder",
                ("120000", _) => "is a link; name the file that it leads to",
                ("160000", _) => "is a submodule, which is another repository",
                _ => "is of a kind that cannot be changed",
            };
            return Err(Failure::Tell(format!("{path} cannot be changed: {part} {why}")));
        }
        Ok(None)
    }

    /// The name of the tree at a folder's path, which is `root` itself for an empty one; `None` when no folder stands there.
    ///
    /// # Errors
    /// `Tell` when GitHub cannot list a folder on the way whole; else as GitHub says.
    pub async fn folder(&mut self, root: &str, path: &str) -> Result<Option<String>, Failure> {
        let mut tree = root.to_owned();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match self.entry(&tree, part).await? {
                Some(entry) if entry.mode == "040000" => tree = entry.sha,
                Some(_) | None => return Ok(None),
            }
        }
        Ok(Some(tree))
    }

    async fn entry(&mut self, sha: &str, name: &str) -> Result<Option<TreeEntry>, Failure> {
        if !self.seen.contains_key(sha) {
            let tree = self.github.tree(self.repository, sha, false).await?;
            self.seen.insert(sha.to_owned(), tree);
        }
        let Some(tree) = self.seen.get(sha) else {
            return Ok(None);
        };
        let found = tree.entries.iter().find(|entry| entry.path == name);
        if found.is_none() && tree.truncated {
            let what = format!("the folder in which {name} would stand is too large for GitHub to list");
            return Err(Failure::Tell(what));
        }
        Ok(found.cloned())
    }
}
