//! Tools with their types erased: JSON in, JSON out.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Answer, Change, Check, Effect, Failure, Kept, Permit, Reread, Seen, Target, Tool, Undo, schema};

/// A tool with its types erased.
pub(super) trait Look: Send + Sync {
    fn check(&self, args: &Value) -> Result<(), Failure>;
    fn run<'a>(&'a self, args: &'a Value) -> BoxFuture<'a, Result<Answer, Failure>>;
}

impl<T: Tool> Look for T {
    fn check(&self, args: &Value) -> Result<(), Failure> {
        parse::<T::Args>(T::NAME, args).map(drop)
    }

    fn run<'a>(&'a self, args: &'a Value) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let args: T::Args = parse(T::NAME, args)?;
            let Seen { output, raw } = Tool::run(self, &args).await?;
            let data = serde_json::to_value(&output).map_err(|error| Failure::Tell(error.to_string()))?;
            Ok(Answer { text: output.to_string(), data, raw })
        })
    }
}

/// A tool that reads again, with its types erased.
pub(super) trait Again: Send + Sync {
    fn entry(&self, args: &Value) -> Result<u64, Failure>;
    fn run(&self, args: &Value, kept: Kept<'_>) -> Result<Answer, Failure>;
}

impl<R: Reread> Again for R {
    fn entry(&self, args: &Value) -> Result<u64, Failure> {
        parse(R::NAME, args).map(|args| Reread::entry(self, &args))
    }

    fn run(&self, args: &Value, kept: Kept<'_>) -> Result<Answer, Failure> {
        let output = Reread::run(self, &parse(R::NAME, args)?, kept)?;
        let data = serde_json::to_value(&output).map_err(|error| Failure::Tell(error.to_string()))?;
        // What it was read from stands in the journal already.
        Ok(Answer { text: output.to_string(), data, raw: Value::Null })
    }
}

/// A change with its types erased.
pub(super) trait Alter: Send + Sync {
    fn target(&self, args: &Value) -> Result<Target, Failure>;
    fn before<'a>(&'a self, args: &'a Value) -> BoxFuture<'a, Result<Value, Failure>>;
    fn effect(&self, args: &Value, before: &Value) -> Result<Effect, Failure>;
    fn apply<'a>(
        &'a self,
        permit: Permit,
        args: &'a Value,
        before: &'a Value,
    ) -> BoxFuture<'a, Result<String, Failure>>;
    fn settles_within(&self, before: &Value) -> Result<Duration, Failure>;
    fn happened<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Option<String>, Failure>>;
    fn verify<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Vec<Check>, Failure>>;
    fn undo<'a>(&'a self, permit: Permit, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Undo, Failure>>;
    fn restored<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Vec<Check>, Failure>>;
}

impl<C: Change> Alter for C {
    fn target(&self, args: &Value) -> Result<Target, Failure> {
        parse(C::NAME, args).map(|args| Change::target(self, &args))
    }

    fn before<'a>(&'a self, args: &'a Value) -> BoxFuture<'a, Result<Value, Failure>> {
        Box::pin(async move {
            let before = Change::before(self, &parse(C::NAME, args)?).await?;
            serde_json::to_value(before).map_err(|error| Failure::Tell(error.to_string()))
        })
    }

    fn apply<'a>(
        &'a self,
        permit: Permit,
        args: &'a Value,
        before: &'a Value,
    ) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            Change::apply(self, permit, &parse(C::NAME, args)?, &parse("the state before", before)?).await
        })
    }

    fn effect(&self, args: &Value, before: &Value) -> Result<Effect, Failure> {
        Ok(Change::effect(self, &parse(C::NAME, args)?, &parse("the state before", before)?))
    }

    fn settles_within(&self, before: &Value) -> Result<Duration, Failure> {
        Ok(Change::settles_within(self, &parse("the state before", before)?))
    }

    fn happened<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(
            async move { Change::happened(self, &parse(C::NAME, args)?, &parse("the state before", before)?).await },
        )
    }

    fn verify<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Vec<Check>, Failure>> {
        Box::pin(async move { Change::verify(self, &parse(C::NAME, args)?, &parse("the state before", before)?).await })
    }

    fn undo<'a>(&'a self, permit: Permit, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Undo, Failure>> {
        Box::pin(async move {
            Change::undo(self, permit, &parse(C::NAME, args)?, &parse("the state before", before)?).await
        })
    }

    fn restored<'a>(&'a self, args: &'a Value, before: &'a Value) -> BoxFuture<'a, Result<Vec<Check>, Failure>> {
        Box::pin(
            async move { Change::restored(self, &parse(C::NAME, args)?, &parse("the state before", before)?).await },
        )
    }
}

fn parse<A: DeserializeOwned>(of: &str, value: &Value) -> Result<A, Failure> {
    schema::parse(value).map_err(|wrong| Failure::Tell(format!("wrong arguments for {of}: {wrong}")))
}
