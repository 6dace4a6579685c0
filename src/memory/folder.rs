//! Where documents come from: folders of Markdown, nested, texts that are compiled in, or places that name each version.

use std::{
    collections::HashSet,
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

use crate::MemoryError;

/// Bytes of one file; a larger one is no document.
const LARGEST: u64 = 4 << 20;
/// Files of one folder.
const MOST: usize = 200_000;

/// A place where documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder of Markdown, with all that lie in it.
    Folder(PathBuf),
    /// A text that is at hand, with the name under which it is known.
    Text {
        /// Its name, such as `runbooks/disk-filling.md`.
        source: String,
        /// Its Markdown.
        text: String,
    },
    /// A document of a place that names each version of it, as Git does.
    Versioned {
        /// Its name, such as `acme/handbook/on-call.md`.
        source: String,
        /// The version's name, unlike that of any other text.
        version: String,
        /// Its Markdown; `None`: what the index has of it stays as it is.
        text: Option<String>,
    },
}

/// A document that could not be read; the others still are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for BadFile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Where to read each document of these origins, each once, in a stable order. Links to folders are not followed: they may lead back.
pub(crate) fn list(origins: &[Origin]) -> Result<Vec<Origin>, MemoryError> {
    let mut found = Vec::new();
    for origin in origins {
        match origin {
            Origin::Text { .. } | Origin::Versioned { .. } => found.push(origin.clone()),
            Origin::Folder(folder) => {
                // A folder that is not there is told before anything of it is taken for gone.
                fs::read_dir(folder).map_err(MemoryError::disk(folder))?;
                for entry in WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(is_wanted) {
                    let entry = entry.map_err(|error| {
                        let path = error.path().unwrap_or(folder).to_owned();
                        MemoryError::disk(path)(error.into())
                    })?;
                    if is_markdown(entry.path()) && entry.path().is_file() {
                        found.push(Origin::Folder(entry.into_path()));
                    }
                    if found.len() > MOST {
                        let why =
                            format!("{} holds more than {MOST} documents; name a smaller folder", folder.display());
                        return Err(MemoryError::Wrong(why));
                    }
                }
            }
        }
    }
    // Folders may overlap. A document that came twice would be taken for a new one the second time.
    let mut listed = HashSet::new();
    found.retain(|document| listed.insert(source(document)));
    Ok(found)
}

/// The name under which a document is known.
fn source(document: &Origin) -> String {
    match document {
        Origin::Text { source, .. } | Origin::Versioned { source, .. } => source.clone(),
        Origin::Folder(path) => name(path),
    }
}

/// A document's name and its text; no text where what the index has of it stays.
pub(crate) fn read(document: &Origin) -> Result<(String, Option<String>), BadFile> {
    let path = match document {
        Origin::Text { source, text } => return Ok((source.clone(), Some(text.clone()))),
        Origin::Versioned { source, text, .. } => return Ok((source.clone(), text.clone())),
        Origin::Folder(path) => path,
    };
    let file = name(path);
    let bad = |line: usize, what: String| BadFile { file: file.clone(), line, what };
    let mut bytes = Vec::new();
    let opened = fs::File::open(path).and_then(|opened| opened.take(LARGEST + 1).read_to_end(&mut bytes));
    opened.map_err(|error| bad(1, format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(bad(1, format!("is larger than {} MiB; cut it into several", LARGEST >> 20)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((file, Some(text))),
        Err(error) => {
            let sound = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = sound.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(bad(line, "is no UTF-8; save it as UTF-8".to_owned()))
        }
    }
}

/// The name under which a document is known: its path as it was given, with slashes.
pub(crate) fn name(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// Hidden folders and what package managers fetch hold no documents of the house.
fn is_wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    entry.depth() == 0 || !(name.starts_with('.') || matches!(&*name, "node_modules" | "vendor" | "target"))
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md") || ending.eq_ignore_ascii_case("markdown"))
}
