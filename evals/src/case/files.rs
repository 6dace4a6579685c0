//! The files of a case, from a folder or compiled in.

use std::{borrow::Cow, collections::BTreeMap, fs, path::Path};

use super::CaseError;

/// The largest file that a case may hold, in bytes.
const MAXIMUM_FILE_BYTES: u64 = 8 << 20;
/// The most files that one of a case's folders may hold.
const MAXIMUM_FILES: usize = 64;

/// The text files of a case by their path below its folder, `/` between folders.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, Cow<'static, str>>);

impl Files {
    pub(super) fn embedded(files: &[(&str, &'static str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), Cow::Borrowed(*text))).collect())
    }

    /// Reads what a case consists of; other files in the folder are left alone.
    pub(super) fn read(folder: &Path) -> Result<Self, CaseError> {
        let mut files = Self::default();
        for name in ["case.toml", "alert.json", "containers.json"] {
            files.add(folder, name)?;
        }
        for (below, extension) in [("metrics", "om"), ("logs", "jsonl")] {
            for name in names(&folder.join(below), extension)? {
                files.add(folder, &format!("{below}/{name}"))?;
            }
        }
        Ok(files)
    }

    fn add(&mut self, folder: &Path, name: &str) -> Result<(), CaseError> {
        let path = folder.join(name);
        let at = path.display().to_string();
        let size = fs::metadata(&path).map_err(|error| CaseError::file(&at, error.to_string()))?.len();
        if size > MAXIMUM_FILE_BYTES {
            return Err(CaseError::file(
                &at,
                format!("{size} bytes; a case's file may have at most {MAXIMUM_FILE_BYTES}"),
            ));
        }
        let text = fs::read_to_string(&path).map_err(|error| CaseError::file(&at, error.to_string()))?;
        self.0.insert(name.to_owned(), text.into());
        Ok(())
    }

    /// A file that every case must have.
    pub(super) fn get(&self, name: &str) -> Result<&str, CaseError> {
        self.find(name).ok_or_else(|| CaseError::file(name, "is missing; every case has one"))
    }

    /// A file that a case may have.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// The names, without folder and extension, of the files `<folder>/<name>.<extension>`.
    pub(super) fn stems(&self, folder: &str, extension: &str) -> Vec<&str> {
        let stem = |path: &'_ String| -> Option<(usize, usize)> {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(extension)?.strip_suffix('.')?;
            let start = folder.len() + 1;
            Some((start, start + name.len()))
        };
        self.0.keys().filter_map(|path| stem(path).and_then(|(start, end)| path.get(start..end))).collect()
    }
}

fn names(folder: &Path, extension: &str) -> Result<Vec<String>, CaseError> {
    let at = folder.display().to_string();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CaseError::file(&at, error.to_string())),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|found| found == extension))
        .collect();
    names.sort();
    if names.len() > MAXIMUM_FILES {
        return Err(CaseError::file(&at, format!("{} files; at most {MAXIMUM_FILES} are read", names.len())));
    }
    Ok(names)
}
