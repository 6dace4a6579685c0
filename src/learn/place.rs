//! Where a runbook goes that was learnt: a folder of drafts, and a pull request to the people who keep the runbooks.

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{SERVICE, lesson::Written};
use crate::{
    incident::{Call, Event, IncidentId, ServiceMatch, Source, Usage},
    journal::Proposal,
};

/// The participant that wants the pull request.
const LEARNER: &str = "learner";

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Put {
    /// It was written.
    Written(PathBuf),
    /// Just this stands there already.
    There(PathBuf),
    /// Something else stands there under that name, which people may have written: it is left as it is.
    Other(PathBuf),
}

/// Writes a draft, whole or not at all; what is there already is never overwritten.
pub(super) fn put(folder: &Path, written: &Written) -> std::io::Result<Put> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.md", written.name));
    match std::fs::read_to_string(&path) {
        Ok(text) if text == written.text => return Ok(Put::There(path)),
        Ok(_) => return Ok(Put::Other(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(written.text.as_bytes())?;
    file.as_file().sync_all()?;
    readable(&file)?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(Put::Written(path)),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(Put::Other(path)),
        Err(refused) => Err(refused.error),
    }
}

/// A temporary file is for its owner alone; a draft is for the people who read it.
#[cfg(unix)]
fn readable(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &tempfile::NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

/// The incident that proposes it: one call, judged and made like any other.
pub(super) fn proposal(written: &Written, from: &[IncidentId], folder: &str, most: usize) -> Proposal {
    let ids = from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let folder = folder.trim_matches('/');
    let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let call = Call {
        id: "c1".to_owned(),
        tool: "open_pr".to_owned(),
        args: json!({
            "service": SERVICE,
            "title": format!("Runbook: {}", written.title),
            "body": format!(
                "Written from the journal. Read its conditions first: they say in which state it changes something by itself.\n\n\
                 It was walked over the incidents {ids} and wanted exactly the changes that were made there, in their order. Once it is \
                 merged and stands in the folder of runbooks, this incident is repaired without an LLM."
            ),
            "files": [{ "path": format!("{path}{}.md", written.name), "content": written.text }],
            "reason": format!("The same calls repaired the same cause in the incidents {ids}, and no runbook is for that alert."),
        }),
    };
    let opened = Event::Opened {
        source: Source::Lesson { runbook: written.name.clone(), learnt_from: from.to_vec() },
        title: format!("runbook {}", written.name),
        service: ServiceMatch::Named { service: SERVICE.to_owned() },
    };
    let thought = "A runbook was learnt; people decide whether it is taken.".to_owned();
    let turned = Event::Turned { model: LEARNER.to_owned(), thought, calls: vec![call], usage: Usage::default() };
    Proposal { events: vec![opened, turned], most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_written_once_and_never_over_what_people_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let drafts = folder.path().join("a/b");
        let written = Written { name: "learnt-x".into(), title: "x".into(), text: "one".into() };
        let path = drafts.join("learnt-x.md");
        assert_eq!(put(&drafts, &written).unwrap(), Put::Written(path.clone()));
        assert_eq!(put(&drafts, &written).unwrap(), Put::There(path.clone()));
        std::fs::write(&path, "corrected").unwrap();
        assert_eq!(put(&drafts, &written).unwrap(), Put::Other(path.clone()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "corrected");
        assert_eq!(std::fs::read_dir(&drafts).unwrap().count(), 1, "nothing half written stays");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(put(&file, &written).is_err(), "a file is no folder");
    }
}
