//! `[memory]`: where what was learnt is kept, and what it is compared by.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde::Deserialize;

use super::{Settings, secret, units};

/// `[memory]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySettings {
    /// Whether there is one.
    pub enabled: bool,
    /// The folder of the embedded store; empty: beside the journal.
    pub folder: PathBuf,
    /// gRPC address of a Qdrant server; empty: the embedded store.
    #[serde(with = "units::http_url")]
    pub url: String,
    /// The server's API key.
    #[serde(with = "secret::optional")]
    pub api_key: Option<SecretString>,
    /// What the names of the server's collections begin with.
    pub prefix: String,
    /// How long a request may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How long connecting may take.
    #[serde(with = "units::duration")]
    pub connect_timeout: Duration,
    /// Bytes of the disk that must be free.
    #[serde(with = "units::size")]
    pub reserve: usize,
    /// How alike the best must be, 0 to 1.
    pub threshold: f32,
    /// Folders of Markdown.
    pub documents: Vec<PathBuf>,
    /// Repositories on GitHub, or folders of them, whose Markdown is read too.
    pub repositories: Vec<String>,
    /// How often they are looked at.
    #[serde(with = "units::duration")]
    pub every: Duration,
    /// Where meanings come from.
    pub embeddings: EmbeddingSettings,
}

impl Settings {
    /// Where the embedded store of memory lies: beside the journal unless something else is said.
    pub fn memory_folder(&self) -> PathBuf {
        let folder = &self.memory.folder;
        if folder.as_os_str().is_empty() { self.journal.path.with_extension("memory") } else { folder.clone() }
    }

    /// Has everything that the program writes lie in `folder`, for a look beside a server that has the real ones.
    pub fn set_aside(&mut self, folder: &Path) {
        self.journal.path = folder.join("aside.db");
        self.memory.folder = PathBuf::new();
    }
}

/// `[memory.embeddings]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSettings {
    /// Where the API begins; empty: none.
    #[serde(with = "units::http_url")]
    pub base_url: String,
    /// Its API key.
    #[serde(with = "secret::optional")]
    pub api_key: Option<SecretString>,
    /// The model.
    pub model: String,
    /// How long one request may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// How often a failed request is made again.
    pub retries: u32,
    /// The longest pause that the endpoint may ask for.
    #[serde(with = "units::duration")]
    pub longest_wait: Duration,
    /// Largest answer in bytes.
    #[serde(with = "units::size")]
    pub answer_max: usize,
    /// How near a meaning must be, a cosine.
    pub nearness: f32,
}
