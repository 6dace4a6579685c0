//! All runbooks: those of the folder, or the compiled-in ones where there is no folder.

use std::{path::Path, sync::Arc};

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

/// All runbooks in the order in which they are tried: by priority, then by name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    runbooks: Vec<Arc<Runbook>>,
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
        let mut files: Vec<_> =
            std::fs::read_dir(folder)?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
        files.sort();
        Ok(Self::of(files.iter().map(|path| {
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

    fn of(parsed: impl Iterator<Item = Result<Runbook, ParseError>>) -> (Self, Vec<ParseError>) {
        let (mut runbooks, mut errors) = (Vec::new(), Vec::new());
        for result in parsed {
            match result {
                Ok(runbook) => runbooks.push(Arc::new(runbook)),
                Err(error) => errors.push(error),
            }
        }
        runbooks.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.name.cmp(&b.name)));
        (Self { runbooks }, errors)
    }

    /// The first runbook that is for this alert.
    pub fn find(&self, alert: &Alert) -> Option<&Arc<Runbook>> {
        self.runbooks.iter().find(|runbook| runbook.fits(alert))
    }

    /// The runbook of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Runbook>> {
        self.runbooks.iter().find(|runbook| runbook.name == name)
    }

    /// What they say and call, as one text: a place from which a name may come.
    pub fn text(&self) -> String {
        let steps =
            |runbook: &Runbook| runbook.steps.iter().map(|step| step.with.to_string()).collect::<Vec<_>>().join("\n");
        self.runbooks.iter().map(|runbook| format!("{}\n{}\n", runbook.prose, steps(runbook))).collect()
    }

    /// All runbooks.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Runbook>> {
        self.runbooks.iter()
    }
}
