//! What a pull request would do to the files of a repository: read from what stands there, and counted line by line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use similar::{ChangeTag, TextDiff};

use crate::{
    Failure,
    reach::{GitHub, NewFile, RepositoryName, TreeEntry},
    repository::check_path,
    text,
    walk::Walk,
};

/// Files of one proposal; a policy may allow fewer.
const FILES: usize = 50;
/// Bytes of one file, before and after.
const FILE_BYTES: usize = 512 * 1024;
/// Beyond so many changed lines a file counts as replaced whole: comparing would take longer than it is worth.
const COMPARED_LINES: usize = 4_000;

/// A file as it shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposedFile {
    /// Its path from the repository's root, such as "deploy/payments.yaml".
    pub path: String,
    /// Its whole new text.
    pub content: String,
}

/// A file as it stands and what becomes of it; holds no contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedFile {
    pub(crate) path: String,
    /// Git's mode: an executable file stays one.
    mode: String,
    /// The blob that stands there; `None` for a new file.
    pub(crate) was: Option<String>,
    /// The blob that shall stand there.
    pub(crate) becomes: String,
    pub(crate) added: u64,
    pub(crate) removed: u64,
    /// Whether its lines end as on Windows: a model never sees that, and so keeps it.
    carriage_returns: bool,
    /// Whether it ended with a line end, which then stays.
    line_end: bool,
}

/// Whether the files can be proposed at all; asks nobody.
///
/// # Errors
/// `Tell` with what is wrong, and what would be right.
pub(crate) fn check(files: &[ProposedFile]) -> Result<(), Failure> {
    if files.is_empty() || files.len() > FILES {
        return Err(Failure::Tell(format!("{} files are proposed; right would be 1 to {FILES}", files.len())));
    }
    let mut paths: Vec<String> = Vec::new();
    for ProposedFile { path, content } in files {
        check_path(path)?;
        if content.len() > FILE_BYTES {
            let bytes = content.len();
            return Err(Failure::Tell(format!("{path} has {bytes} bytes; at most {FILE_BYTES} can be proposed")));
        }
        if let Some((letter, line)) = text::hidden(content) {
            return Err(Failure::Tell(format!(
                "{path}, line {line}: holds U+{:04X}, which people would not see; leave it out",
                u32::from(letter)
            )));
        }
        paths.push(path.to_ascii_lowercase());
    }
    paths.sort();
    for pair in paths.array_windows() {
        let [one, other] = pair;
        if one == other || other.starts_with(&format!("{one}/")) {
            return Err(Failure::Tell(format!("{one} and {other} are proposed, which cannot both stand there")));
        }
    }
    Ok(())
}

/// What becomes of each file; those that stay as they are are left out.
///
/// # Errors
/// `Tell` when a path is no file that can be changed, or nothing would change; else as GitHub says.
pub(crate) async fn plan(
    github: &GitHub,
    repository: &RepositoryName,
    root: &str,
    files: &[ProposedFile],
) -> Result<Vec<PlannedFile>, Failure> {
    let mut walk = Walk::new(github, repository);
    let mut planned = Vec::new();
    for file in files {
        let stands = walk.find(root, &file.path).await?;
        let before = match &stands {
            Some(entry) => Some(standing(github, repository, &file.path, entry).await?),
            None => None,
        };
        masked(file, before.as_deref())?;
        let planned_file = PlannedFile::of(file, stands, before.as_deref().unwrap_or_default());
        planned.extend(planned_file);
    }
    if planned.is_empty() {
        return Err(Failure::Tell(format!(
            "nothing would change: every proposed file stands in {repository} exactly like this already"
        )));
    }
    Ok(planned)
}

/// The text of a file that stands there.
async fn standing(
    github: &GitHub,
    repository: &RepositoryName,
    path: &str,
    entry: &TreeEntry,
) -> Result<String, Failure> {
    if entry.size > FILE_BYTES as u64 {
        let size = entry.size;
        return Err(Failure::Tell(format!("{path} has {size} bytes; at most {FILE_BYTES} can be changed")));
    }
    let bytes = github.blob(repository, &entry.sha).await?;
    String::from_utf8(bytes).map_err(|_| Failure::Tell(format!("{path} is no text; only text can be changed")))
}

/// A model reads secrets masked: written back, the mask would take the secret's place.
fn masked(file: &ProposedFile, before: Option<&str>) -> Result<(), Failure> {
    let holds = |text: &str| text.matches(text::MASK).count();
    if holds(&file.content) > before.map_or(0, holds) {
        return Err(Failure::Tell(format!(
            "{} would hold {:?} where a secret stands, which was only hidden from you; propose a file without secrets",
            file.path,
            text::MASK
        )));
    }
    Ok(())
}

impl PlannedFile {
    /// `None` when the file stays as it is.
    fn of(file: &ProposedFile, stands: Option<TreeEntry>, before: &str) -> Option<Self> {
        let (mode, was) = match stands {
            Some(entry) => (entry.mode, Some(entry.sha)),
            None => ("100644".to_owned(), None),
        };
        let mut planned = Self {
            path: file.path.clone(),
            mode,
            was,
            becomes: String::new(),
            added: 0,
            removed: 0,
            carriage_returns: before.contains("\r\n"),
            line_end: before.ends_with('\n'),
        };
        let content = planned.fitted(&file.content);
        planned.becomes = blob(&content);
        (planned.added, planned.removed) = changed_lines(before, &content);
        (planned.was.as_ref() != Some(&planned.becomes)).then_some(planned)
    }

    /// The proposed text with line ends as the file has them.
    fn fitted(&self, content: &str) -> String {
        let mut content = content.replace("\r\n", "\n");
        if self.line_end && !content.is_empty() && !content.ends_with('\n') {
            content.push('\n');
        }
        if self.carriage_returns { content.replace('\n', "\r\n") } else { content }
    }

    /// What git is told to write.
    pub(crate) fn written(&self, files: &[ProposedFile]) -> Option<NewFile> {
        let file = files.iter().find(|file| file.path == self.path)?;
        Some(NewFile { path: self.path.clone(), mode: self.mode.clone(), content: self.fitted(&file.content) })
    }

    /// As it stands, for a person's leave.
    pub(crate) fn state(&self) -> String {
        format!("{} {}", self.path, self.was.as_deref().unwrap_or("(not there)"))
    }
}

/// Git's name of a file's content.
fn blob(content: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    hex::encode(hash.finalize())
}

/// Lines added and removed.
fn changed_lines(before: &str, after: &str) -> (u64, u64) {
    let (before, after) = (before.replace("\r\n", "\n"), after.replace("\r\n", "\n"));
    let (mut old, mut new): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    (old, new) = (old.split_off(same), new.split_off(same));
    while old.last().is_some() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    if old.len().max(new.len()) > COMPARED_LINES {
        return (new.len() as u64, old.len() as u64);
    }
    let diff = TextDiff::from_slices(&old, &new);
    let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
    (count(ChangeTag::Insert), count(ChangeTag::Delete))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> ProposedFile {
        ProposedFile { path: path.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn a_blob_has_the_name_that_git_gives_it() {
        assert_eq!(blob("what is up, doc?"), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
        assert_eq!(blob(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn lines_are_counted_as_a_diff_shows_them() {
        for (before, after, counts) in [
            ("", "a\nb\n", (2, 0)),
            ("a\nb\nc\n", "a\nB\nc\n", (1, 1)),
            ("a\nb\nc\n", "a\nc\n", (0, 1)),
            ("a\nb\nc\n", "x\na\nb\nc\ny\n", (2, 0)),
            ("a\n", "a", (1, 1)),
            ("a\r\nb\r\n", "a\nb\n", (0, 0)),
        ] {
            assert_eq!(changed_lines(before, after), counts, "{before:?} {after:?}");
        }
        let long = |letter: &str| format!("{letter}\n").repeat(COMPARED_LINES + 1);
        assert_eq!(changed_lines(&long("a"), &long("b")), (4_001, 4_001));
    }

    #[test]
    fn line_ends_stay_as_the_file_has_them() {
        let entry = |content: &str| TreeEntry {
            path: "a".into(),
            mode: "100755".into(),
            sha: blob(content),
            size: content.len() as u64,
        };
        let planned = |before: &str, after: &str| PlannedFile::of(&file("a", after), Some(entry(before)), before);
        assert_eq!(planned("a\r\nb\r\n", "a\nb"), None);
        let changed = planned("a\r\nb\r\n", "a\nc").unwrap();
        assert_eq!((changed.added, changed.removed, changed.mode.as_str()), (1, 1, "100755"));
        assert_eq!(changed.becomes, blob("a\r\nc\r\n"));
    }

    #[test]
    fn what_cannot_be_proposed_is_told() {
        let told = |files: &[ProposedFile]| check(files).unwrap_err().to_string();
        assert_eq!(told(&[]), "0 files are proposed; right would be 1 to 50");
        assert_eq!(
            told(&[file("a", "x\nif access\u{202e}")]),
            "a, line 2: holds U+202E, which people would not see; leave it out"
        );
        assert!(told(&[file("a/b", ""), file("A", "")]).contains("cannot both stand there"));
        assert!(told(&[file("a", ""), file("a", "")]).contains("cannot both stand there"));
        assert!(told(&[file("a", &"x".repeat(FILE_BYTES + 1))]).contains("at most 524288"));
        assert!(masked(&file("a", "password: [masked]"), Some("password: hunter2")).is_err());
        assert!(masked(&file("a", "log: [masked]"), Some("log: [masked]\n")).is_ok());
    }
}
