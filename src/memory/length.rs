//! How long sections are: the vectors of an index are weighed against an ordinary one.

use crate::{Origin, folder, markdown::Document, words::words};

/// The fewest words that an ordinary section is taken to have.
const LEAST: u32 = 8;

/// Words of some sections.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Length {
    words: usize,
    sections: usize,
}

impl Length {
    /// Of the documents whose text is at hand. Those that cannot be read are told later.
    pub(crate) fn of(documents: &[Origin]) -> Self {
        let read = documents.iter().filter_map(|document| folder::read(document).ok());
        let parsed = read.filter_map(|(_, text)| Document::parse(&text?).ok());
        let mut length = Self::default();
        parsed.flat_map(|document| document.sections).for_each(|section| length.add(&section.text));
        length
    }

    pub(crate) fn add(&mut self, text: &str) {
        self.words = self.words.saturating_add(words(text).len());
        self.sections += 1;
    }

    /// As much as it stands for, where it was measured on a sample.
    pub(crate) fn times(self, times: usize) -> Self {
        let times = times.max(1);
        Self { words: self.words.saturating_mul(times), sections: self.sections.saturating_mul(times) }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let words = self.words.saturating_add(other.words);
        Self { words, sections: self.sections.saturating_add(other.sections) }
    }

    /// Words of an ordinary section; `None` where there is none.
    pub(crate) fn mean(self) -> Option<u32> {
        let mean = self.words.checked_div(self.sections)?;
        Some(u32::try_from(mean).unwrap_or(u32::MAX).max(LEAST))
    }
}
