//! The name of a repository.

use std::fmt;

use crate::Failure;

/// A repository by owner and name, fit to stand in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The user or organisation that owns it.
    pub owner: String,
    /// Its own name.
    pub name: String,
}

impl RepositoryName {
    /// Reads "owner/name".
    ///
    /// # Errors
    /// [`Failure::Tell`] when the text is of another form.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let fits = |part: &str, more: &str| {
            let known = |letter: char| letter.is_ascii_alphanumeric() || more.contains(letter);
            !part.is_empty() && part.len() <= 100 && part.chars().all(known) && !matches!(part, "." | "..")
        };
        match text.split_once('/') {
            Some((owner, name)) if fits(owner, "-_") && fits(name, "-_.") => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            Some(_) | None => Err(Failure::Tell(format!(
                "the repository {text:?} of the catalogue is not understood; right would be \"owner/name\""
            ))),
        }
    }

    /// Whether GitHub means the same repository by this full name: upper and lower case are the same to it.
    pub fn is(&self, full_name: &str) -> bool {
        self.to_string().eq_ignore_ascii_case(full_name)
    }

    /// The path of something of this repository.
    pub(super) fn path(&self, rest: &str) -> String {
        let slash = if rest.is_empty() { "" } else { "/" };
        format!("/repos/{self}{slash}{rest}")
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.owner, self.name)
    }
}

/// Text as part of a URL's path; slashes stay.
pub(super) fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_owner_and_name_are_a_repository() {
        assert!(RepositoryName::parse("team/payments.api").unwrap().is("Team/Payments.API"));
        for wrong in ["", "team", "team/", "/x", "a/b/c", "a/..", "a b/c", "a/b?x", "../x", "téam/x"] {
            let told = RepositoryName::parse(wrong).unwrap_err().to_string();
            assert!(told.contains("right would be \"owner/name\""), "{wrong}: {told}");
        }
    }

    #[test]
    fn a_path_is_escaped_and_keeps_its_slashes() {
        assert_eq!(escaped("a b/ü#?.txt"), "a%20b/%C3%BC%23%3F.txt");
    }
}
