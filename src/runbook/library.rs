//! All runbooks: those of the folder, or the compiled-in ones where there is no folder.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

use tokio::sync::watch;

use super::{ParseError, Runbook};
use crate::alert::Alert;

/// The runbooks that ship with the program.
const BUILT_IN: [(&str, &str); 8] = [
    ("container-out-of-memory", include_str!("../../runbooks/container-out-of-memory.md")),
    ("disk-filling", include_str!("../../runbooks/disk-filling.md")),
    ("high-error-rate", include_str!("../../runbooks/high-error-rate.md")),
    ("high-latency", include_str!("../../runbooks/high-latency.md")),
    ("hung-but-up", include_str!("../../runbooks/hung-but-up.md")),
    ("restart-loop", include_str!("../../runbooks/restart-loop.md")),
    ("service-down", include_str!("../../runbooks/service-down.md")),
    ("unknown-alert", include_str!("../../runbooks/unknown-alert.md")),
];

/// All runbooks in the order in which they are tried: by priority, then by name. Replaced whole by a reload; whoever looks has
/// those of that moment.
#[derive(Debug, Default)]
pub struct Library {
    runbooks: RwLock<Arc<[Arc<Runbook>]>>,
    reloaded: watch::Sender<()>,
}

impl Library {
    /// The compiled-in runbooks.
    pub fn built_in() -> (Self, Vec<ParseError>) {
        Self::of(BUILT_IN.iter().map(|(name, text)| Runbook::parse(name, &format!("(compiled in) {name}.md"), text)))
    }

    /// The runbooks of a folder; those that do not parse are told, the others still load.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load(folder: &Path) -> std::io::Result<(Self, Vec<ParseError>)> {
        Ok(Self::of(files(folder)?.iter().map(|path| {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let file = path.display().to_string();
            match std::fs::read_to_string(path) {
                Ok(text) => Runbook::parse(&name, &file, &text),
                Err(error) => Err(ParseError { file, line: 1, what: format!("cannot be read: {error}") }),
            }
        })))
    }

    /// The folder's runbooks where there is such a folder, else the compiled-in ones.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn load_or_built_in(folder: &Path) -> std::io::Result<(Self, Vec<ParseError>)> {
        if folder.is_dir() { Self::load(folder) } else { Ok(Self::built_in()) }
    }

    /// Reads the folder again; gives those that do not parse and are left out.
    ///
    /// # Errors
    /// When the folder is there and cannot be read; the runbooks are as before then.
    pub fn reload(&self, folder: &Path) -> std::io::Result<Vec<ParseError>> {
        let (read, errors) = Self::load_or_built_in(folder)?;
        *self.runbooks.write().unwrap_or_else(PoisonError::into_inner) = read.now();
        self.reloaded.send_replace(());
        Ok(errors)
    }

    /// Resolves whenever the folder was read again since the last look.
    pub fn reloads(&self) -> watch::Receiver<()> {
        self.reloaded.subscribe()
    }

    /// What can be seen of a folder without reading its files: another value means that a reload is due.
    ///
    /// # Errors
    /// When the folder is there and cannot be read.
    pub fn seen(folder: &Path) -> std::io::Result<Vec<(PathBuf, u64, Option<SystemTime>)>> {
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let seen = files(folder)?.into_iter().map(|path| {
            let data = std::fs::metadata(&path).ok();
            let length = data.as_ref().map_or(0, std::fs::Metadata::len);
            (path, length, data.and_then(|data| data.modified().ok()))
        });
        Ok(seen.collect())
    }

    /// These and one more.
    #[must_use]
    pub fn with(&self, runbook: Runbook) -> Self {
        let all = self.now();
        Self::sorted(all.iter().cloned().chain([Arc::new(runbook)]).collect())
    }

    fn of(parsed: impl Iterator<Item = Result<Runbook, ParseError>>) -> (Self, Vec<ParseError>) {
        let (mut runbooks, mut errors) = (Vec::new(), Vec::new());
        for result in parsed {
            match result {
                Ok(runbook) => runbooks.push(Arc::new(runbook)),
                Err(error) => errors.push(error),
            }
        }
        (Self::sorted(runbooks), errors)
    }

    fn sorted(mut runbooks: Vec<Arc<Runbook>>) -> Self {
        runbooks.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
        Self { runbooks: RwLock::new(runbooks.into()), ..Self::default() }
    }

    fn now(&self) -> Arc<[Arc<Runbook>]> {
        Arc::clone(&self.runbooks.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first runbook that is for this alert.
    pub fn find(&self, alert: &Alert) -> Option<Arc<Runbook>> {
        self.now().iter().find(|runbook| runbook.fits(alert)).cloned()
    }

    /// The runbook of that name.
    pub fn get(&self, name: &str) -> Option<Arc<Runbook>> {
        self.now().iter().find(|runbook| runbook.name == name).cloned()
    }

    /// What they say and call, as one text: a place from which a name may come.
    pub fn text(&self) -> String {
        let steps =
            |runbook: &Runbook| runbook.steps.iter().map(|step| step.with.to_string()).collect::<Vec<_>>().join("\n");
        self.now().iter().map(|runbook| format!("{}\n{}\n", runbook.prose, steps(runbook))).collect()
    }

    /// All runbooks.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Runbook>> + use<> {
        self.now().to_vec().into_iter()
    }
}

/// The Markdown files of a folder, in the order of their names.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    Ok(files)
}
