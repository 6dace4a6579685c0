//! What a model is given to read.

use tools::Spec;

use crate::incident::{Call, Entry, Incident};

/// The investigation so far, as a model reads it.
#[derive(Debug)]
pub struct Transcript<'a> {
    /// What the entries add up to.
    pub incident: &'a Incident,
    /// All entries, for a model that reads typed answers.
    pub entries: &'a [Entry],
    /// The stable part: who the agent is and how it works. The same for every turn, so that prompt caches hit.
    pub system: &'a str,
    /// The conversation, made to fit the model's window.
    pub messages: Vec<Message>,
    /// The tools that may be called, narrowed to this incident; empty on the last turn.
    pub tools: &'a [Spec],
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Told to the model: the alert, a question, an instruction.
    User(String),
    /// What the model said and wanted.
    Assistant {
        /// Its words.
        thought: String,
        /// Its calls.
        calls: Vec<Call>,
    },
    /// The answer to a call.
    Answer {
        /// The call's id.
        call: String,
        /// The text, with the entry's number in front.
        text: String,
    },
}
