//! The two kinds of hands: a [`Tool`] looks, a [`Change`] acts and so must say what it touches and how to take it back.

use std::{fmt::Display, future::Future, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Failure, Permit};

/// Looks at the world. The doc comment of `Args` is what the model reads.
pub trait Tool: Send + Sync + 'static {
    /// The name by which the model calls it; the same word in file, policy and journal.
    const NAME: &'static str;
    /// Fields of its output, wherever they stand in it, that no service can write to: an argument of a change may come from there.
    const TRUSTED: &'static [&'static str] = &[];
    /// The arguments; their schema is derived, its `examples` hold one call that would be right.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// What was seen, typed for conditions (`Serialize`) and as compact text for a model (`Display`).
    type Output: Serialize + Display + Send;
    /// Looks once.
    fn run(&self, args: &Self::Args) -> impl Future<Output = Result<Seen<Self::Output>, Failure>> + Send;
}

/// Reads again what an earlier call of the same investigation was answered; asks no outside system.
pub trait Reread: Send + Sync + 'static {
    /// The name by which the model calls it; the same word in file, policy and journal.
    const NAME: &'static str;
    /// The arguments; the doc comment is what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// What was found, typed for conditions (`Serialize`) and as compact text for a model (`Display`).
    type Output: Serialize + Display + Send;
    /// The journal's entry that is read.
    fn entry(&self, args: &Self::Args) -> u64;
    /// Reads once; pure.
    ///
    /// # Errors
    /// [`Failure::Tell`] with what was wrong and what would be right.
    fn run(&self, args: &Self::Args, kept: Kept<'_>) -> Result<Self::Output, Failure>;
}

/// An answer as the journal keeps it.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The text, as it was told.
    pub text: &'a str,
    /// The tool's typed answer.
    pub data: &'a Value,
    /// The outside system's own answer.
    pub raw: &'a Value,
}

/// What a tool saw, and the outside system's own answer, which the journal keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<O> {
    /// Made for a model and for conditions.
    pub output: O,
    /// As the outside system gave it; `Null` when the output says it all.
    pub raw: Value,
}

/// Changes the world, and so must say what it touches, how to take it back, and how to tell that it helped.
pub trait Change: Send + Sync + 'static {
    /// The name by which the model calls it; the same word in file, policy and journal.
    const NAME: &'static str;
    /// What kind of thing it touches: the policy caps each kind in its own numbers.
    const TOUCHES: Touches;
    /// Arguments that are words for people and name no target; all others are checked for where they come from.
    const WORDS: &'static [&'static str] = &["reason"];
    /// The arguments; the doc comment is what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// The state before, enough to undo from after a crash.
    type Before: Serialize + DeserializeOwned + Send + Sync;
    /// What the call touches.
    fn target(&self, args: &Self::Args) -> Target;
    /// Reads the state before; changes nothing.
    fn before(&self, args: &Self::Args) -> impl Future<Output = Result<Self::Before, Failure>> + Send;
    /// What the call would do, in the numbers that a policy caps. Pure: everything it needs stands in `before`.
    fn effect(&self, args: &Self::Args, before: &Self::Before) -> Effect;
    /// Does it; says in one line what was done.
    fn apply(
        &self,
        permit: Permit,
        args: &Self::Args,
        before: &Self::Before,
    ) -> impl Future<Output = Result<String, Failure>> + Send;
    /// For how long after its beginning the outside system may still be at it, although whoever asked is gone.
    fn settles_within(&self, before: &Self::Before) -> Duration;
    /// After a crash: whether `apply` took effect since `before`, read from the world; `Some` says what was found.
    fn happened(
        &self,
        args: &Self::Args,
        before: &Self::Before,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send;
    /// Whether the target itself is well now; asked again until all pass or time is up.
    fn verify(
        &self,
        args: &Self::Args,
        before: &Self::Before,
    ) -> impl Future<Output = Result<Vec<Check>, Failure>> + Send;
    /// Takes it back to `before`.
    fn undo(
        &self,
        permit: Permit,
        args: &Self::Args,
        before: &Self::Before,
    ) -> impl Future<Output = Result<Undo, Failure>> + Send;
    /// After `undo`: whether the state before stands again.
    fn restored(
        &self,
        args: &Self::Args,
        before: &Self::Before,
    ) -> impl Future<Output = Result<Vec<Check>, Failure>> + Send;
}

/// What kind of thing a change touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touches {
    /// The running service: restart, scale, deploy, limits.
    Service,
    /// What alerts reach people: silences.
    Alerts,
    /// A repository; people still decide whether it is merged.
    Repository,
    /// People, who are told something.
    People,
}

/// What a call would do to the world, in the numbers that a policy caps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// In one line, for the person who is asked.
    pub says: String,
    /// The target as it is now; a person's leave holds for exactly this state.
    pub state: String,
    /// Replicas and how many of them are taken out of service at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Replicas before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<(u64, u64)>,
    /// The memory limit that it sets, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The CPU limit that it sets, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millicpus: Option<u64>,
    /// The image that it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The files that it changes, and the lines in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<(Vec<String>, u64)>,
    /// For how many seconds it silences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u64>,
    /// A deployment of the target that is under way, as the world tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploying: Option<String>,
}

/// Replicas of a service and what a change does to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// All that there are.
    pub all: u64,
    /// Of those, well.
    pub well: u64,
    /// Well ones that are out of service at the same time while the change runs.
    pub taken_at_once: u64,
}

/// What a change touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// A service by its name in the catalogue.
    pub service: String,
}

/// One question of a verification with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was asked, such as "container is running".
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was seen, with its figures.
    pub found: String,
}

/// How taking back ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", content = "what", rename_all = "snake_case")]
pub enum Undo {
    /// The state before stands again; says what was done.
    Done(String),
    /// There is nothing to take back, and why.
    Nothing(String),
}

/// What came of a look, with the type erased.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Compact text for a model.
    pub text: String,
    /// The typed answer, for conditions.
    pub data: Value,
    /// The outside system's own answer.
    pub raw: Value,
}

/// What a model is told of one tool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spec {
    /// The tool's name.
    pub name: String,
    /// The doc comment of its arguments.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
    /// Arguments that would be right.
    pub example: Value,
    /// What it changes; `None` for a tool that only looks.
    pub touches: Option<Touches>,
    /// Arguments that are words for people.
    pub words: &'static [&'static str],
    /// Fields of its typed answer from which an argument of a change may come.
    pub trusted: &'static [&'static str],
}
