//! A repository, its files, and what is found in them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::{GitHub, RepositoryName, exchange::TEXT_MATCH, name::escaped};
use crate::{Failure, System};

/// What GitHub says of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// "owner/name" as it is now.
    pub full_name: String,
    /// The branch that pull requests go to.
    pub default_branch: String,
    /// Whether it is a copy of another repository.
    #[serde(default)]
    pub fork: bool,
    /// Whether nothing in it can be changed any more.
    #[serde(default)]
    pub archived: bool,
    /// Whether GitHub has switched it off.
    #[serde(default)]
    pub disabled: bool,
    /// What the token may do; absent when GitHub does not tell.
    pub permissions: Option<Permissions>,
}

/// What a token may do in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Permissions {
    /// Whether it may push.
    #[serde(default)]
    pub push: bool,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// A file.
    File {
        /// Its bytes; `None` when it is too large for this answer.
        bytes: Option<Vec<u8>>,
        /// Bytes in all.
        size: u64,
        /// The blob's name.
        sha: String,
    },
    /// A folder: names and whether each is `file`, `dir`, `symlink` or `submodule`.
    Folder(Vec<(String, String)>),
    /// Something else, such as a submodule.
    Other(String),
}

/// A file in which something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeHit {
    /// Its path.
    pub path: String,
    /// The repository that it is in, as "owner/name".
    pub repository: String,
    /// Pieces of it that hold what was asked for.
    pub fragments: Vec<String>,
}

impl GitHub {
    /// What GitHub says of a repository.
    ///
    /// # Errors
    /// `Tell` when there is none, or it may not be seen; else `Unreachable`.
    pub async fn repository(&self, repository: &RepositoryName) -> Result<Repository, Failure> {
        self.get(&repository.path(""), &[]).await?.found()?.ok_or_else(|| {
            Failure::Tell(format!("GitHub knows no repository {repository}, or the `token` in [github] may not see it"))
        })
    }

    /// What stands at a path, at a ref; `None` when there is nothing.
    ///
    /// # Errors
    /// As [`GitHub::repository`].
    pub async fn contents(
        &self,
        repository: &RepositoryName,
        path: &str,
        at: Option<&str>,
    ) -> Result<Option<Contents>, Failure> {
        let query: Vec<_> = at.map(|at| ("ref", at.to_owned())).into_iter().collect();
        let path = repository.path(&format!("contents/{}", escaped(path)));
        let found: Option<OneOrMore> = self.get(&path, &query).await?.found()?;
        found.map(OneOrMore::contents).transpose()
    }

    /// Files of the default branch that hold what is asked for, and how many there are in all.
    ///
    /// # Errors
    /// `Tell` when GitHub does not take the query; else `Unreachable`.
    pub async fn search_code(
        &self,
        repository: &RepositoryName,
        query: &str,
        most: usize,
    ) -> Result<(Vec<CodeHit>, u64), Failure> {
        let query = [("q", format!("{query} repo:{repository}")), ("per_page", most.to_string())];
        let found: Found = self.get_as(TEXT_MATCH, "/search/code", &query).await?.json()?;
        let hit = |item: Item| CodeHit {
            path: item.path,
            repository: item.repository.full_name,
            fragments: item.text_matches.into_iter().map(|part| part.fragment).collect(),
        };
        Ok((found.items.into_iter().map(hit).collect(), found.total_count))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    More(Vec<Entry>),
    One(Entry),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    sha: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
}

impl OneOrMore {
    fn contents(self) -> Result<Contents, Failure> {
        let entry = match self {
            Self::More(entries) => {
                return Ok(Contents::Folder(entries.into_iter().map(|entry| (entry.name, entry.kind)).collect()));
            }
            Self::One(entry) if entry.kind != "file" => return Ok(Contents::Other(entry.kind)),
            Self::One(entry) => entry,
        };
        // GitHub leaves the content out of a file of more than 1 MB and says "none".
        let bytes = if entry.encoding == "base64" { Some(decoded(&entry.content)?) } else { None };
        Ok(Contents::File { bytes, size: entry.size, sha: entry.sha })
    }
}

/// GitHub breaks its base64 into lines.
pub(super) fn decoded(content: &str) -> Result<Vec<u8>, Failure> {
    let plain: String = content.split_ascii_whitespace().collect();
    STANDARD
        .decode(plain)
        .map_err(|error| Failure::unreachable(System::GitHub, format!("sends content that is no base64: {error}")))
}

#[derive(Deserialize)]
struct Found {
    total_count: u64,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    path: String,
    repository: Named,
    #[serde(default)]
    text_matches: Vec<TextMatch>,
}

#[derive(Deserialize)]
struct Named {
    full_name: String,
}

#[derive(Deserialize)]
struct TextMatch {
    #[serde(default)]
    fragment: String,
}
