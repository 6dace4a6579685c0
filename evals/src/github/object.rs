//! Git's objects, with the names that git itself gives them.

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As GitHub writes it: `100644`, `040000` …
    pub(crate) mode: String,
    pub(crate) sha: String,
}

/// A folder: what it holds by name.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) message: String,
    /// Who made it, such as `developer`.
    pub(crate) author: String,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

/// Everything that was ever written, by name.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    blobs: BTreeMap<String, Vec<u8>>,
    trees: BTreeMap<String, Tree>,
    commits: BTreeMap<String, Commit>,
}

impl Entry {
    pub(crate) fn is_folder(&self) -> bool {
        self.mode == "040000"
    }

    /// `blob`, `tree` or `commit`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.mode.as_str() {
            "040000" => "tree",
            "160000" => "commit",
            _ => "blob",
        }
    }
}

impl Objects {
    pub(crate) fn blob(&self, sha: &str) -> Option<&[u8]> {
        self.blobs.get(sha).map(Vec::as_slice)
    }

    pub(crate) fn tree(&self, sha: &str) -> Option<&Tree> {
        self.trees.get(sha)
    }

    pub(crate) fn commit(&self, sha: &str) -> Option<&Commit> {
        self.commits.get(sha)
    }

    pub(crate) fn add_blob(&mut self, content: &[u8]) -> String {
        let sha = name("blob", content);
        self.blobs.insert(sha.clone(), content.to_vec());
        sha
    }

    pub(crate) fn add_tree(&mut self, tree: Tree) -> String {
        let mut entries: Vec<_> = tree.iter().collect();
        // Git sorts a folder as if its name ended with a slash.
        entries.sort_by_key(|(name, entry)| if entry.is_folder() { format!("{name}/") } else { (*name).clone() });
        let mut body = Vec::new();
        for (name, entry) in entries {
            body.extend_from_slice(format!("{} {name}\0", entry.mode.trim_start_matches('0')).as_bytes());
            body.extend(hex::decode(&entry.sha).unwrap_or_default());
        }
        let sha = name("tree", &body);
        self.trees.insert(sha.clone(), tree);
        sha
    }

    pub(crate) fn add_commit(&mut self, commit: Commit) -> String {
        let mut body = format!("tree {}\n", commit.tree);
        for parent in &commit.parents {
            body.push_str(&format!("parent {parent}\n"));
        }
        let (who, at) = (&commit.author, commit.at);
        let stamp = format!("{who} <{who}@example.com> {at} +0000");
        body.push_str(&format!("author {stamp}\ncommitter {stamp}\n\n{}", commit.message));
        let sha = name("commit", body.as_bytes());
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// The tree with one entry put at a path; folders on the way are made.
    pub(crate) fn put(&mut self, root: &str, path: &str, entry: Entry) -> String {
        let mut tree = self.tree(root).cloned().unwrap_or_default();
        match path.split_once('/') {
            None => tree.insert(path.to_owned(), entry),
            Some((folder, rest)) => {
                let below = tree.get(folder).filter(|entry| entry.is_folder()).map(|entry| entry.sha.clone());
                let sha = self.put(below.as_deref().unwrap_or_default(), rest, entry);
                tree.insert(folder.to_owned(), Entry { mode: "040000".to_owned(), sha })
            }
        };
        self.add_tree(tree)
    }

    /// The entry at a path; the root is no entry.
    pub(crate) fn find(&self, root: &str, path: &str) -> Option<&Entry> {
        match path.split_once('/') {
            None => self.tree(root)?.get(path),
            Some((folder, rest)) => {
                let below = self.tree(root)?.get(folder).filter(|entry| entry.is_folder())?;
                self.find(&below.sha, rest)
            }
        }
    }

    /// Everything below a tree that is no folder, by path.
    pub(crate) fn files(&self, root: &str) -> Tree {
        let mut files = Tree::new();
        for (name, entry) in self.tree(root).into_iter().flatten() {
            if entry.is_folder() {
                let below = self.files(&entry.sha);
                files.extend(below.into_iter().map(|(rest, entry)| (format!("{name}/{rest}"), entry)));
            } else {
                files.insert(name.clone(), entry.clone());
            }
        }
        files
    }

    /// A commit and all before it, the newest first.
    pub(crate) fn history(&self, sha: &str) -> Vec<(String, &Commit)> {
        let (mut found, mut open): (Vec<(String, &Commit)>, _) = (Vec::new(), vec![sha.to_owned()]);
        while let Some(sha) = open.pop() {
            if let Some(commit) = self.commit(&sha).filter(|_| !found.iter().any(|(known, _)| *known == sha)) {
                open.extend(commit.parents.iter().cloned());
                found.push((sha, commit));
            }
        }
        found.sort_by_key(|(_, commit)| std::cmp::Reverse(commit.at));
        found
    }

    /// The newest commit that both hold.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Option<String> {
        let others = self.history(other);
        let both = |(sha, _): &(String, &Commit)| others.iter().any(|(known, _)| known == sha).then(|| sha.clone());
        self.history(one).iter().find_map(both)
    }

    /// Paths that differ between two trees: before and after.
    pub(crate) fn changed(&self, before: &str, after: &str) -> Vec<(String, Option<Entry>, Option<Entry>)> {
        let (before, after) = (self.files(before), self.files(after));
        let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let both = paths.into_iter().map(|path| (path.clone(), before.get(path).cloned(), after.get(path).cloned()));
        both.filter(|(_, before, after)| before != after).collect()
    }
}

fn name(kind: &str, body: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", body.len()));
    hash.update(body);
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that `git hash-object` and `git commit-tree` gave.
    #[test]
    fn objects_have_the_names_that_git_gives_them() {
        let mut objects = Objects::default();
        assert_eq!(objects.add_tree(Tree::new()), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        let blob = objects.add_blob(b"hello\n");
        assert_eq!(blob, "ce013625030ba8dba906f756967f9e9ca394464a");
        let file = |sha: &str| Entry { mode: "100644".to_owned(), sha: sha.to_owned() };
        let root = objects.put("", "a/b.txt", file(&blob));
        let root = objects.put(&root, "a.txt", file(&blob));
        assert_eq!(root, "e9d00327ba627626531609529f87f79a0b097ba5");
        let commit = Commit {
            tree: root,
            parents: Vec::new(),
            message: "first\n".to_owned(),
            author: "developer".to_owned(),
            at: 1_700_000_000,
        };
        assert_eq!(objects.add_commit(commit), "693260944944c025be376beee6f6af46909447c3");
    }
}
