//! Git's own objects: refs, trees, blobs and commits.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{GitHub, RepositoryName, name::escaped, repository::decoded};
use crate::{Failure, System};

/// What a folder holds at one commit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tree {
    /// Its own name.
    pub sha: String,
    /// What it holds.
    #[serde(rename = "tree")]
    pub entries: Vec<TreeEntry>,
    /// Whether GitHub left entries out.
    #[serde(default)]
    pub truncated: bool,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TreeEntry {
    /// Its name within the folder.
    pub path: String,
    /// 100644 a file, 100755 one that can be executed, 120000 a link, 040000 a folder, 160000 a submodule.
    pub mode: String,
    /// The object's name.
    pub sha: String,
    /// Bytes of a file.
    #[serde(default)]
    pub size: u64,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub sha: String,
    /// Its tree's name.
    pub tree: String,
    /// Its message.
    pub message: String,
    /// The commits before it.
    pub parents: Vec<String>,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Its path from the repository's root.
    pub path: String,
    /// Its mode, as in [`TreeEntry`].
    pub mode: String,
    /// What it will hold.
    pub content: String,
}

#[derive(Deserialize)]
struct Ref {
    object: Named,
}

#[derive(Deserialize)]
struct Named {
    sha: String,
}

#[derive(Deserialize)]
struct Told {
    sha: String,
    tree: Named,
    #[serde(default)]
    message: String,
    #[serde(default)]
    parents: Vec<Named>,
}

#[derive(Deserialize)]
struct Blob {
    content: String,
    encoding: String,
}

#[derive(Deserialize)]
struct Compared {
    status: String,
}

impl Told {
    fn commit(self) -> Commit {
        let parents = self.parents.into_iter().map(|parent| parent.sha).collect();
        Commit { sha: self.sha, tree: self.tree.sha, message: self.message, parents }
    }
}

impl GitHub {
    /// The commit that a branch or tag (`heads/main`, `tags/v1`) points to; `None` when there is none of that name.
    ///
    /// # Errors
    /// `Tell` for an empty repository; else `Unreachable`.
    pub async fn reference(&self, repository: &RepositoryName, name: &str) -> Result<Option<String>, Failure> {
        let path = repository.path(&format!("git/ref/{}", escaped(name)));
        Ok(self.get(&path, &[]).await?.found::<Ref>()?.map(|found| found.object.sha))
    }

    /// Makes a branch; `false` when there is one of that name already.
    ///
    /// # Errors
    /// `Tell` in GitHub's own words when it may not be made; else `Unreachable`.
    pub async fn create_branch(&self, repository: &RepositoryName, branch: &str, sha: &str) -> Result<bool, Failure> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        let reply = self.post(&repository.path("git/refs"), &body).await?;
        if reply.refuses(StatusCode::UNPROCESSABLE_ENTITY, "already exists") {
            return Ok(false);
        }
        reply.done().map(|()| true)
    }

    /// Points a branch at another commit, whatever it points at now.
    ///
    /// # Errors
    /// As [`GitHub::create_branch`].
    pub async fn move_branch(&self, repository: &RepositoryName, branch: &str, sha: &str) -> Result<(), Failure> {
        let path = repository.path(&format!("git/refs/heads/{}", escaped(branch)));
        self.patch(&path, &json!({ "sha": sha, "force": true })).await?.done()
    }

    /// Deletes a branch; one that is not there is fine.
    ///
    /// # Errors
    /// As [`GitHub::create_branch`].
    pub async fn delete_branch(&self, repository: &RepositoryName, branch: &str) -> Result<(), Failure> {
        let path = repository.path(&format!("git/refs/heads/{}", escaped(branch)));
        let reply = self.delete(&path).await?;
        if reply.refuses(StatusCode::UNPROCESSABLE_ENTITY, "does not exist") {
            return Ok(());
        }
        reply.done()
    }

    /// What a tree holds: one folder, or with `deep` everything below it.
    ///
    /// # Errors
    /// `Tell` when there is none; else `Unreachable`.
    pub async fn tree(&self, repository: &RepositoryName, sha: &str, deep: bool) -> Result<Tree, Failure> {
        let query: &[_] = if deep { &[("recursive", "1".to_owned())] } else { &[] };
        self.get(&repository.path(&format!("git/trees/{}", escaped(sha))), query).await?.json()
    }

    /// A blob's bytes.
    ///
    /// # Errors
    /// As [`GitHub::tree`].
    pub async fn blob(&self, repository: &RepositoryName, sha: &str) -> Result<Vec<u8>, Failure> {
        let blob: Blob = self.get(&repository.path(&format!("git/blobs/{}", escaped(sha))), &[]).await?.json()?;
        if blob.encoding != "base64" {
            let why = format!("sends a blob in the encoding {:?}", crate::text::clean(&blob.encoding));
            return Err(Failure::unreachable(System::GitHub, why));
        }
        decoded(&blob.content)
    }

    /// A commit by its name.
    ///
    /// # Errors
    /// As [`GitHub::tree`].
    pub async fn commit(&self, repository: &RepositoryName, sha: &str) -> Result<Commit, Failure> {
        let told: Told = self.get(&repository.path(&format!("git/commits/{}", escaped(sha))), &[]).await?.json()?;
        Ok(told.commit())
    }

    /// Makes a tree: `base` with these files in it; their blobs are made along the way. Gives the tree's name.
    ///
    /// # Errors
    /// As [`GitHub::create_branch`].
    pub async fn create_tree(
        &self,
        repository: &RepositoryName,
        base: &str,
        files: &[NewFile],
    ) -> Result<String, Failure> {
        let entry =
            |file: &NewFile| json!({ "path": file.path, "mode": file.mode, "type": "blob", "content": file.content });
        let body = json!({ "base_tree": base, "tree": files.iter().map(entry).collect::<Vec<Value>>() });
        let made: Named = self.post(&repository.path("git/trees"), &body).await?.json()?;
        Ok(made.sha)
    }

    /// Makes a commit, which no branch holds yet. Gives its name.
    ///
    /// # Errors
    /// As [`GitHub::create_branch`].
    pub async fn create_commit(
        &self,
        repository: &RepositoryName,
        message: &str,
        tree: &str,
        parent: &str,
    ) -> Result<String, Failure> {
        let body = json!({ "message": message, "tree": tree, "parents": [parent] });
        let made: Named = self.post(&repository.path("git/commits"), &body).await?.json()?;
        Ok(made.sha)
    }

    /// Whether a branch holds a commit; a commit that GitHub does not know is in none.
    ///
    /// # Errors
    /// `Unreachable` with what was seen.
    pub async fn holds(&self, repository: &RepositoryName, branch: &str, sha: &str) -> Result<bool, Failure> {
        let path = repository.path(&format!("compare/{}...{}", escaped(branch), escaped(sha)));
        let compared: Option<Compared> = self.get(&path, &[("per_page", "1".to_owned())]).await?.found()?;
        Ok(compared.is_some_and(|compared| matches!(compared.status.as_str(), "behind" | "identical")))
    }
}
