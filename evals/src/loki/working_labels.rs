//! The labels of one line while it runs through a pipeline.

use std::collections::BTreeSet;

use super::labels::{DUPLICATE_SUFFIX, ERROR, ERROR_DETAILS, Labels};

/// What a metric query needs of its parsers, so that they extract (and fail over) nothing else.
#[derive(Debug, Clone, Default)]
pub(super) struct Hints {
    /// No parsed label is needed: parsers do nothing.
    pub(super) nothing: bool,
    /// Only these are needed; `None` for all.
    pub(super) required: Option<BTreeSet<String>>,
}

/// Labels in three kinds; a parsed one hides structured metadata, and that hides the stream's.
#[derive(Debug)]
pub(super) struct WorkingLabels<'a> {
    stream: &'a Labels,
    metadata: Labels,
    parsed: Labels,
    deleted: BTreeSet<String>,
    extracted: BTreeSet<String>,
    hints: &'a Hints,
    error: Option<(&'static str, String)>,
}

impl<'a> WorkingLabels<'a> {
    /// A line's labels before the first stage.
    pub(super) fn new(stream: &'a Labels, metadata: &Labels, hints: &'a Hints) -> Self {
        Self {
            stream,
            metadata: metadata.clone(),
            parsed: Labels::new(),
            deleted: BTreeSet::new(),
            extracted: BTreeSet::new(),
            hints,
            error: None,
        }
    }

    /// A label's value; the error's labels have their own ways, see [`Self::filter_value`].
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let added = self.metadata.get(name).or_else(|| self.parsed.get(name));
        let stream = || self.stream.get(name).filter(|value| !value.is_empty() && !self.deleted.contains(name));
        added.or_else(stream).map(String::as_str)
    }

    /// A label's value as filters see it: the error's labels too, and empty for what is missing.
    pub(super) fn filter_value(&self, name: &str) -> &str {
        match (name, &self.error) {
            (ERROR, error) => error.as_ref().map_or("", |(kind, _)| kind),
            (ERROR_DETAILS, error) => error.as_ref().map_or("", |(_, details)| details),
            (name, _) => self.get(name).unwrap_or_default(),
        }
    }

    /// Whether parsers have nothing (more) to do.
    pub(super) fn satisfied(&self) -> bool {
        let required = self.hints.required.as_ref();
        self.hints.nothing
            || required.is_some_and(|required| !required.is_empty() && required.is_subset(&self.extracted))
    }

    /// Keeps what a parser found under `name`, or under another name where the stream has that one, unless nobody
    /// needs it or an earlier parser has found it.
    pub(super) fn extract(&mut self, name: &str, value: &str) {
        let name = self.free_name(name);
        let needed = self.hints.required.as_ref().is_none_or(|required| required.contains(&name));
        if needed && !self.extracted.contains(&name) {
            self.set(name, value.to_owned());
        }
    }

    /// The name under which a parsed label is kept.
    pub(super) fn free_name(&self, name: &str) -> String {
        let taken = self.stream.contains_key(name) || self.metadata.contains_key(name);
        if taken { format!("{name}{DUPLICATE_SUFFIX}") } else { name.to_owned() }
    }

    /// Sets a parsed label, whatever was there.
    pub(super) fn set(&mut self, name: String, value: String) {
        self.metadata.remove(&name);
        self.extracted.insert(name.clone());
        self.parsed.insert(name, value);
    }

    /// Deletes a label of any kind.
    pub(super) fn delete(&mut self, name: &str) {
        self.metadata.remove(name);
        self.parsed.remove(name);
        self.deleted.insert(name.to_owned());
    }

    /// Marks the line as gone wrong.
    pub(super) fn fail(&mut self, kind: &'static str, details: String) {
        self.error = Some((kind, details));
    }

    /// Whether the line has gone wrong.
    pub(super) fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Forgets the error, or only its details.
    pub(super) fn forgive(&mut self, only_details: bool) {
        match &mut self.error {
            Some((_, details)) if only_details => details.clear(),
            Some(_) | None => self.error = None,
        }
    }

    /// The stream's labels that are left.
    pub(super) fn stream_labels(&self) -> Labels {
        let hidden =
            |name| self.deleted.contains(name) || self.metadata.contains_key(name) || self.parsed.contains_key(name);
        self.stream
            .iter()
            .filter(|(name, _)| !hidden(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The structured metadata that is left.
    pub(super) fn metadata_labels(&self) -> Labels {
        let visible = self.metadata.iter().filter(|(name, _)| !self.parsed.contains_key(*name));
        visible.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// What the pipeline has added, with the error's labels.
    pub(super) fn parsed_labels(&self) -> Labels {
        let mut labels = self.parsed.clone();
        if let Some((kind, details)) = &self.error {
            labels.insert(ERROR.into(), (*kind).into());
            if !details.is_empty() {
                labels.insert(ERROR_DETAILS.into(), details.clone());
            }
        }
        labels
    }

    /// All labels that are left.
    pub(super) fn all(&self) -> Labels {
        let mut labels = self.stream_labels();
        labels.extend(self.metadata_labels());
        labels.extend(self.parsed_labels());
        labels
    }
}
