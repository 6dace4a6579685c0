//! The two kinds of hands: a [`Tool`] looks, a [`Change`] acts and so must say what it touches and how to take it back.

use std::{fmt::Display, future::Future, time::Duration};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Failure, Permit};

/// Looks at the world. The doc comment of `Args` is what the model reads.
pub trait Tool: Send + Sync + 'static {
    /// The name by which the model calls it; the same word in file, policy and journal.
    const NAME: &'static str;
    /// The arguments; their schema is derived, its `examples` hold one call that would be right.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// What was seen, typed for conditions (`Serialize`) and as compact text for a model (`Display`).
    type Output: Serialize + Display + Send;
    /// Looks once.
    fn run(&self, args: &Self::Args) -> impl Future<Output = Result<Seen<Self::Output>, Failure>> + Send;
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
    /// The arguments; the doc comment is what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send + Sync;
    /// The state before, enough to undo from after a crash.
    type Before: Serialize + DeserializeOwned + Send + Sync;
    /// What the call touches.
    fn target(&self, args: &Self::Args) -> Target;
    /// Reads the state before; changes nothing.
    fn before(&self, args: &Self::Args) -> impl Future<Output = Result<Self::Before, Failure>> + Send;
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
}

/// What a change touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Target {
    /// A service by its name in the catalogue.
    pub service: String,
}

/// One question of a verification with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Check {
    /// What was asked, such as "container is running".
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// What was seen, with its figures.
    pub found: String,
}

/// How taking back ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
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
    /// Whether it changes the world.
    pub changes: bool,
}
