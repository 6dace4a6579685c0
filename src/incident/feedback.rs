//! What people say of an incident when it is over.

use chrono::{DateTime, Utc};
use memory::Word;
use serde::Serialize;

use super::{Incident, Seq, Who};

/// One person's judgement of cause and remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// Where it stands.
    pub seq: Seq,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// Whether they were right.
    pub word: Word,
    /// The true cause, where they gave it.
    pub cause: Option<String>,
    /// Who said it.
    pub who: Who,
}

impl Incident {
    /// The last word of each person, oldest first: who says something else later has changed their mind.
    pub fn last_words(&self) -> impl Iterator<Item = &Feedback> {
        self.feedback.iter().enumerate().filter_map(|(index, said)| {
            let later = self.feedback.iter().skip(index + 1);
            (!later.into_iter().any(|other| other.who.by == said.who.by)).then_some(said)
        })
    }

    /// Whether somebody says, and has not taken back, that cause or remedy were wrong.
    pub fn called_wrong(&self) -> bool {
        self.last_words().any(|said| said.word == Word::Wrong)
    }

    /// The cause as it is known now: as the last person corrected it, else as it was concluded.
    pub fn known_cause(&self) -> Option<&str> {
        let corrected = self.last_words().filter_map(|said| said.cause.as_deref()).last();
        corrected.or_else(|| self.conclusion.as_ref().map(|conclusion| conclusion.cause.as_str()))
    }
}
