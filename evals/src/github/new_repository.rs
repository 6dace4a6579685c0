//! A repository as it is added to a world.

/// A repository to be added to a world, with one commit on `main`.
#[derive(Debug, Clone)]
pub struct NewRepository {
    pub(super) full_name: String,
    pub(super) files: Vec<(String, &'static str, Vec<u8>)>,
    pub(super) rules: Rules,
}

/// What may be done in a repository.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    pub(crate) archived: bool,
    pub(crate) fork: bool,
    /// The token may only read.
    pub(crate) read_only: bool,
    /// A rule forbids new branches.
    pub(crate) guarded: bool,
    /// Labels cannot be set.
    pub(crate) no_labels: bool,
}

impl NewRepository {
    /// An empty repository, as "owner/name".
    pub fn new(full_name: &str) -> Self {
        Self { full_name: full_name.to_owned(), files: Vec::new(), rules: Rules::default() }
    }

    /// With a file.
    #[must_use]
    pub fn file(self, path: &str, content: &str) -> Self {
        self.entry(path, "100644", content.as_bytes())
    }

    /// With a file that can be executed.
    #[must_use]
    pub fn executable(self, path: &str, content: &str) -> Self {
        self.entry(path, "100755", content.as_bytes())
    }

    /// With a file that is no text.
    #[must_use]
    pub fn binary(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, "100644", content)
    }

    /// With a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, "120000", target.as_bytes())
    }

    /// Nothing in it can be changed any more.
    #[must_use]
    pub fn archived(mut self) -> Self {
        self.rules.archived = true;
        self
    }

    /// It is a copy of another repository.
    #[must_use]
    pub fn fork(mut self) -> Self {
        self.rules.fork = true;
        self
    }

    /// The token may only read it.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.rules.read_only = true;
        self
    }

    /// A rule forbids new branches.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.rules.guarded = true;
        self
    }

    /// Labels cannot be set.
    #[must_use]
    pub fn without_labels(mut self) -> Self {
        self.rules.no_labels = true;
        self
    }

    fn entry(mut self, path: &str, mode: &'static str, content: &[u8]) -> Self {
        self.files.push((path.to_owned(), mode, content.to_vec()));
        self
    }
}
