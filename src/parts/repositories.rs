//! Documents of repositories on GitHub: the Markdown of their default branch.
//!
//! Invariant: a document is fetched once for each version of it; while GitHub is down memory keeps what it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt, stream};
use memory::{BadFile, Origin};
use tokio::sync::Mutex;
use tools::{
    Failure, Walk,
    reach::{GitHub, RepositoryFolder, Tree, TreeEntry},
};

/// Bytes of one document; a larger one is no document.
const LARGEST: u64 = 1 << 20;
/// Bytes that are fetched in one round, since they are all held until they are indexed.
const ROUND: u64 = 16 << 20;
/// Documents that are fetched at a time.
const TOGETHER: usize = 4;

/// What a folder held when it was last looked at: the commit, and its documents.
struct Listed {
    commit: String,
    documents: Vec<Document>,
}

#[derive(Clone)]
struct Document {
    source: String,
    blob: String,
    size: u64,
}

/// Follows the places that the settings name.
pub(super) struct Repositories {
    github: Option<Arc<GitHub>>,
    places: Vec<RepositoryFolder>,
    listed: Mutex<BTreeMap<String, Arc<Listed>>>,
    /// Versions that do not parse.
    bad: Mutex<BTreeSet<String>>,
}

/// The documents of all places, as far as they were fetched.
pub(super) struct Round {
    pub(super) origins: Vec<Origin>,
    /// Whether there are more to fetch.
    pub(super) more: bool,
}

impl Repositories {
    pub(super) fn new(github: Option<Arc<GitHub>>, places: &[String]) -> Self {
        // Checked when the settings were read.
        let places = places.iter().filter_map(|place| place.parse().ok()).collect();
        Self { github, places, listed: Mutex::default(), bad: Mutex::default() }
    }

    pub(super) fn are_none(&self) -> bool {
        self.places.is_empty()
    }

    /// These did not parse, and are not fetched again until there is another version of them.
    pub(super) async fn are_bad(&self, files: &[BadFile]) {
        let files: BTreeSet<&str> = files.iter().map(|bad| bad.file.as_str()).collect();
        let listed = self.listed.lock().await;
        let mut bad = self.bad.lock().await;
        let documents = listed.values().flat_map(|listed| &listed.documents);
        let still = |document: &&Document| files.contains(&*document.source) || bad.contains(&document.blob);
        let still = documents.filter(still).map(|document| document.blob.clone()).collect();
        *bad = still;
    }

    /// The documents as they are now, with the text of those that memory has not in this version; `had` is what it has.
    pub(super) async fn round(&self, had: &BTreeMap<String, String>) -> Round {
        let mut round = Round { origins: Vec::new(), more: false };
        let mut room = ROUND;
        for place in &self.places {
            match self.of(place, had, &mut room, &mut round.more).await {
                Ok(origins) => round.origins.extend(origins),
                Err(failure) => {
                    tracing::warn!(repository = %place.repository, %failure, "its documents stay in memory as they are");
                    let prefix = place.prefix();
                    let kept = had.iter().filter(|(source, _)| source.starts_with(&prefix));
                    round.origins.extend(kept.map(|(source, version)| same(source, version)));
                }
            }
        }
        round
    }

    async fn of(
        &self,
        place: &RepositoryFolder,
        had: &BTreeMap<String, String>,
        room: &mut u64,
        more: &mut bool,
    ) -> Result<Vec<Origin>, Failure> {
        let Some(github) = &self.github else {
            return Err(Failure::Tell("GitHub is not configured: set `token` in [github]".to_owned()));
        };
        let listed = self.listed(github, place).await?;
        let bad = self.bad.lock().await;
        let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
        let mut wanted = Vec::new();
        for document in &listed.documents {
            origins.insert(document.source.clone(), same(&document.source, &document.blob));
            if had.get(&document.source) == Some(&document.blob) || bad.contains(&document.blob) {
                continue;
            }
            if *room >= document.size {
                *room -= document.size;
                wanted.push(document.clone());
            } else {
                *more = true;
            }
        }
        drop(bad);
        let fetch = |document: Document| async move {
            let bytes = github.blob(&place.repository, &document.blob).await;
            (document, bytes)
        };
        let mut fetched = stream::iter(wanted).map(fetch).buffered(TOGETHER);
        while let Some((Document { source, blob, .. }, bytes)) = fetched.next().await {
            match bytes {
                // What is no UTF-8 is still searched for what is legible.
                Ok(bytes) => {
                    let text = Some(String::from_utf8_lossy(&bytes).into_owned());
                    origins.insert(source.clone(), Origin::Versioned { source, version: blob, text });
                }
                Err(failure) => {
                    tracing::warn!(document = source, %failure, "a document is not fetched; it is tried again");
                    if matches!(failure, Failure::Unreachable { .. }) {
                        break;
                    }
                }
            }
        }
        Ok(origins.into_values().collect())
    }

    /// What the default branch holds; asked anew only where it points to another commit.
    async fn listed(&self, github: &GitHub, place: &RepositoryFolder) -> Result<Arc<Listed>, Failure> {
        let RepositoryFolder { repository, .. } = place;
        let branch = github.repository(repository).await?.default_branch;
        let commit = github.reference(repository, &format!("heads/{branch}")).await?.unwrap_or_default();
        let mut listed = self.listed.lock().await;
        if let Some(known) = listed.get(&place.prefix()).filter(|known| known.commit == commit) {
            return Ok(Arc::clone(known));
        }
        let prefix = place.prefix();
        let document = |entry: TreeEntry| {
            let source = format!("{prefix}{}", entry.path);
            Document { source, blob: entry.sha, size: entry.size }
        };
        let entries = entries(github, place, &commit).await?;
        let documents = entries.into_iter().filter(is_document).map(document).collect();
        let new = Arc::new(Listed { commit, documents });
        listed.insert(prefix, Arc::clone(&new));
        Ok(new)
    }
}

/// All that lies in the folder at this commit.
async fn entries(github: &GitHub, place: &RepositoryFolder, commit: &str) -> Result<Vec<TreeEntry>, Failure> {
    let RepositoryFolder { repository, folder } = place;
    let root = github.commit(repository, commit).await?.tree;
    let Some(tree) = Walk::new(github, repository).folder(&root, folder).await? else {
        tracing::warn!(%repository, folder, "[memory] repositories names a folder that is not there");
        return Ok(Vec::new());
    };
    let Tree { entries, truncated, .. } = github.tree(repository, &tree, true).await?;
    if truncated {
        let what = format!("{repository} holds more than GitHub tells at once; name a folder of it");
        return Err(Failure::Tell(what));
    }
    Ok(entries)
}

fn is_document(entry: &TreeEntry) -> bool {
    let markdown = [".md", ".markdown"].iter().any(|ending| entry.path.to_lowercase().ends_with(ending));
    let hidden = entry.path.split('/').any(|part| part.starts_with('.'));
    markdown && !hidden && entry.mode.starts_with("100") && entry.size <= LARGEST
}

fn same(source: &str, version: &str) -> Origin {
    Origin::Versioned { source: source.to_owned(), version: version.to_owned(), text: None }
}
