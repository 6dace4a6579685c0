//! Models: what names the next calls, or concludes. Never sees the guard; a wish is not yet an act.

mod chain;
mod openai;
mod recorded;
mod runbook;
mod transcript;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;
use tools::Spec;

pub use chain::Chain;
pub use openai::{OpenAi, OpenAiOptions, Price, count_tokens};
pub use recorded::{Recorded, Recorder};
pub use runbook::{NAME as RUNBOOK, RunbookModel};
pub use transcript::{Message, Transcript};

use crate::incident::{Conclusion, Usage};

/// Names the next step of an investigation.
pub trait Model: Send + Sync + 'static {
    /// The name under which it stands in the journal.
    fn name(&self) -> &str;

    /// How many tokens a transcript may have; `None` for a model that does not count.
    fn window(&self) -> Option<usize>;

    /// Tokens of a text, as this model's tokenizer counts them.
    fn count(&self, text: &str) -> usize {
        count_tokens(self.name(), text)
    }

    /// What to do next. When the transcript offers no tools, the answer concludes.
    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>>;
}

/// A model that is handed around.
pub type SharedModel = Arc<dyn Model>;

/// One turn of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The model that answered: with a chain, the one that took the turn.
    pub model: String,
    /// Its reasoning in its own words; may be empty.
    pub thought: String,
    /// What it wants.
    pub step: Step,
    /// What the turn used.
    pub usage: Usage,
    /// The models that failed before this one took over.
    pub fell_back: Vec<FellBack>,
}

/// What a model wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Calls, to be made side by side where they only look.
    Calls(Vec<Wanted>),
    /// The end.
    Conclude(Box<Conclusion>),
    /// It only talked: an answer to a question, or a model that needs to be told to go on.
    Said(String),
}

/// A call that a model wants, not yet numbered.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The tool's name as the model wrote it.
    pub tool: String,
    /// Its arguments; a string when the model did not write JSON.
    pub args: Value,
}

/// A model that failed and was left for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FellBack {
    /// The model that failed.
    pub from: String,
    /// The one that took over.
    pub to: String,
    /// What was seen.
    pub why: String,
}

/// Why a model gave no turn. No text in here holds credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{model}: {why}")]
pub struct ModelError {
    /// The model's name.
    pub model: String,
    /// What was seen, with status and beginning of the body where there is one.
    pub why: String,
    /// How long the provider asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// The name of the pseudo-tool with which a model ends the investigation.
pub const CONCLUDE: &str = "conclude";

/// What a model is told of [`CONCLUDE`].
pub fn conclude_spec() -> Spec {
    tools::spec_of::<Conclusion>(CONCLUDE)
}
