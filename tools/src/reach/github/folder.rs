//! A folder of a repository.

use std::str::FromStr;

use super::RepositoryName;

/// A folder of a repository, from "owner/name" or "owner/name/folder".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFolder {
    /// The repository.
    pub repository: RepositoryName,
    /// The folder's path, without slashes at its ends; empty: all of it.
    pub folder: String,
}

impl RepositoryFolder {
    /// What the names of all that lies in it begin with, owner and name among them.
    pub fn prefix(&self) -> String {
        let Self { repository, folder } = self;
        if folder.is_empty() { format!("{repository}/") } else { format!("{repository}/{folder}/") }
    }
}

impl FromStr for RepositoryFolder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '/');
        let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let folder = parts.next().unwrap_or_default().trim_end_matches('/');
        let right = || format!("{text:?} is not understood; right would be \"owner/name\" or \"owner/name/folder\"");
        let repository = RepositoryName::parse(&format!("{owner}/{name}")).map_err(|_| right())?;
        let inside = folder.is_empty() || folder.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            return Err(right());
        }
        Ok(Self { repository, folder: folder.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_with_or_without_a_folder() {
        let folder: RepositoryFolder = "acme/handbook/docs/post-mortems/".parse().unwrap();
        assert_eq!(folder.prefix(), "acme/handbook/docs/post-mortems/");
        assert_eq!("acme/handbook".parse::<RepositoryFolder>().unwrap().prefix(), "acme/handbook/");
        for wrong in ["", "acme", "acme/", "acme/handbook/../other", "acme/handbook/a//b", "https://github.com/acme/x"]
        {
            let told = wrong.parse::<RepositoryFolder>().unwrap_err();
            assert!(told.contains("right would be \"owner/name\" or \"owner/name/folder\""), "{wrong}: {told}");
        }
    }
}
