//! What every tool that is about a service's repository does first.

use std::sync::Arc;

use crate::{
    Failure, Service,
    reach::{GitHub, RepositoryName},
};

/// GitHub, where it is configured.
///
/// # Errors
/// `Tell` that it is not.
pub(crate) fn github(github: &Option<Arc<GitHub>>) -> Result<&GitHub, Failure> {
    github.as_deref().ok_or_else(|| Failure::Tell("GitHub is not configured ([github] token)".to_owned()))
}

/// The repository of a service. It stands in the catalogue; no model names one.
///
/// # Errors
/// `Tell` when the catalogue has none, or one that is not understood.
pub(crate) fn of(service: &Service) -> Result<RepositoryName, Failure> {
    let Some(repository) = &service.repository else {
        let name = &service.name;
        return Err(Failure::Tell(format!(
            "the catalogue names no repository of {name}: set `repository` in [services.{name}]"
        )));
    };
    RepositoryName::parse(repository)
}

/// Whether a path is one of a repository's own files and says to everybody the same. ASCII only: a look-alike letter would
/// show people another path than the one that is written.
///
/// # Errors
/// `Tell` with what is wrong, and what would be right.
pub(crate) fn check_path(path: &str) -> Result<(), Failure> {
    let wrong = |why: &str| {
        let shown: String = path.escape_default().take(200).collect();
        Err(Failure::Tell(format!("the path \"{shown}\" {why}; right would be \"deploy/payments.yaml\"")))
    };
    if path.is_empty() || path.len() > 255 {
        return wrong("has to have 1 to 255 characters");
    }
    if path.starts_with('/') {
        return wrong("is absolute; it has to begin at the repository's root");
    }
    if path.contains('\\') {
        return wrong("holds a backslash");
    }
    if !path.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ') {
        return wrong("holds control, invisible or look-alike characters");
    }
    if path.chars().any(|letter| ":*?\"<>|".contains(letter)) {
        return wrong("holds one of : * ? \" < > |");
    }
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") {
            return wrong("holds an empty part, `.` or `..`");
        }
        if part.ends_with(['.', ' ']) || part.starts_with(' ') {
            return wrong("holds a part that begins with a blank, or ends with a blank or a full stop");
        }
        // Some file systems take these for `.git`.
        let folded = part.to_ascii_lowercase();
        if folded == ".git" || folded.starts_with("git~") {
            return wrong("reaches into git's own folder");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_path;

    #[test]
    fn only_plain_paths_below_the_root_are_taken() {
        for right in ["a", "deploy/payments.yaml", ".github/workflows/ci.yml", "a b/c+d@e.txt", "git/x", ".gitignore"] {
            assert_eq!(check_path(right), Ok(()), "{right}");
        }
        let long = "a".repeat(256);
        for wrong in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "a\\b",
            "C:/x",
            "a\nb",
            "a\u{202e}b",
            "p\u{430}y.txt",
            ".git/config",
            "a/.GIT/hooks/x",
            "GIT~1/config",
            "a./b",
            "a /b",
            " a",
            "x?y",
            "a\u{0}",
            long.as_str(),
        ] {
            let told = check_path(wrong).unwrap_err().to_string();
            assert!(told.ends_with("right would be \"deploy/payments.yaml\""), "{wrong}: {told}");
        }
    }
}
