//! Names to tools. The one place with `dyn`: outside it every tool has its own types.

mod erased;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::Value;

use self::erased::{Again, Alter, Look};
use crate::{
    Answer, Change, Check, Effect, Failure, Kept, Mint, Permit, Reread, Spec, Target, Tool, Undo, schema::Described,
};

static REGISTRIES: AtomicU64 = AtomicU64::new(0);

/// All tools by name. Owned by the guard; nobody else can reach a tool.
pub struct Registry {
    id: u64,
    hands: BTreeMap<&'static str, Hand>,
}

struct Hand {
    described: Described,
    act: Act,
}

enum Act {
    Look(Box<dyn Look>),
    Reread(Box<dyn Again>),
    Change(Box<dyn Alter>),
}

/// Whether a tool looks or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Looks only.
    Look,
    /// Reads again what was answered before.
    Reread,
    /// Changes the world.
    Change,
}

impl Registry {
    /// An empty registry and the only mint of permits for it.
    pub fn new() -> (Self, Mint) {
        let id = REGISTRIES.fetch_add(1, Ordering::Relaxed);
        (Self { id, hands: BTreeMap::new() }, Mint::new(id))
    }

    /// Adds a tool that looks.
    pub fn look<T: Tool>(mut self, tool: T) -> Self {
        let mut described = Described::of::<T::Args>(T::NAME, None, &[]);
        described.spec.trusted = T::TRUSTED;
        self.hands.insert(T::NAME, Hand { described, act: Act::Look(Box::new(tool)) });
        self
    }

    /// Adds a tool that reads earlier answers again.
    pub fn reread<R: Reread>(mut self, tool: R) -> Self {
        let described = Described::of::<R::Args>(R::NAME, None, &[]);
        self.hands.insert(R::NAME, Hand { described, act: Act::Reread(Box::new(tool)) });
        self
    }

    /// Adds a tool that changes: one without undo and verify does not compile.
    pub fn change<C: Change>(mut self, change: C) -> Self {
        let described = Described::of::<C::Args>(C::NAME, Some(C::TOUCHES), C::WORDS);
        self.hands.insert(C::NAME, Hand { described, act: Act::Change(Box::new(change)) });
        self
    }

    /// What a model is told, in the order of the names.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.hands.values().map(|hand| &hand.described.spec)
    }

    /// Whether the tool looks or changes; `None` when there is no such tool.
    pub fn kind(&self, tool: &str) -> Option<Kind> {
        self.hands.get(tool).map(|hand| match hand.act {
            Act::Look(_) => Kind::Look,
            Act::Reread(_) => Kind::Reread,
            Act::Change(_) => Kind::Change,
        })
    }

    /// Whether the arguments are of the tool's form.
    ///
    /// # Errors
    /// [`Failure::Tell`] with what was wrong, at which path, and a call that would be right.
    pub fn check(&self, tool: &str, args: &Value) -> Result<(), Failure> {
        match &self.hand(tool)?.act {
            Act::Look(look) => look.check(args),
            Act::Reread(again) => again.entry(args).map(drop),
            Act::Change(change) => change.target(args).map(drop),
        }
        .map_err(|failure| self.with_example(tool, failure))
    }

    /// Looks.
    ///
    /// # Errors
    /// As the tool says; `Tell` as well for an unknown tool, wrong arguments, and a tool that changes.
    pub async fn run(&self, tool: &str, args: &Value) -> Result<Answer, Failure> {
        match &self.hand(tool)?.act {
            Act::Look(look) => {
                look.check(args).map_err(|failure| self.with_example(tool, failure))?;
                look.run(args).await
            }
            Act::Reread(_) => {
                Err(Failure::Tell(format!("{tool} reads what an investigation was answered; there is none")))
            }
            Act::Change(_) => Err(Failure::Tell(format!("{tool} changes the world and cannot be used to look"))),
        }
    }

    /// Reads an earlier answer again; `kept` finds it by the number of its entry.
    ///
    /// # Errors
    /// `Tell` for wrong arguments, an entry that is no answer, and a tool that does something else.
    pub fn reread_with<'a>(
        &self,
        tool: &str,
        args: &Value,
        kept: impl FnOnce(u64) -> Option<Kept<'a>>,
    ) -> Result<Answer, Failure> {
        let Act::Reread(again) = &self.hand(tool)?.act else {
            return Err(Failure::Tell(format!("{tool} does not read earlier answers")));
        };
        let entry = again.entry(args).map_err(|failure| self.with_example(tool, failure))?;
        let kept = kept(entry).ok_or_else(|| {
            Failure::Tell(format!(
                "[{entry}] is no answer of this investigation; give the number that stands before one"
            ))
        })?;
        again.run(args, kept)
    }

    /// What a change would touch.
    ///
    /// # Errors
    /// `Tell` for an unknown tool, wrong arguments, and a tool that only looks.
    pub fn target(&self, tool: &str, args: &Value) -> Result<Target, Failure> {
        self.alter(tool)?.target(args).map_err(|failure| self.with_example(tool, failure))
    }

    /// The state before a change.
    ///
    /// # Errors
    /// As the change says.
    pub async fn before(&self, tool: &str, args: &Value) -> Result<Value, Failure> {
        self.alter(tool)?.before(args).await
    }

    /// What a change would do, from the state before.
    ///
    /// # Errors
    /// `Tell` when `before` is of another tool's form.
    pub fn effect(&self, tool: &str, args: &Value, before: &Value) -> Result<Effect, Failure> {
        self.alter(tool)?.effect(args, before)
    }

    /// Does the change.
    ///
    /// # Errors
    /// `Tell` when the permit is for another call; else as the change says.
    pub async fn apply(&self, permit: Permit, tool: &str, args: &Value, before: &Value) -> Result<String, Failure> {
        self.held(&permit, tool, args)?;
        self.alter(tool)?.apply(permit, args, before).await
    }

    /// For how long after its beginning a change may still be going on in the outside system.
    ///
    /// # Errors
    /// `Tell` when `before` is of another tool's form.
    pub fn settles_within(&self, tool: &str, before: &Value) -> Result<Duration, Failure> {
        self.alter(tool)?.settles_within(before)
    }

    /// Whether a change took effect since `before`.
    ///
    /// # Errors
    /// As the change says.
    pub async fn happened(&self, tool: &str, args: &Value, before: &Value) -> Result<Option<String>, Failure> {
        self.alter(tool)?.happened(args, before).await
    }

    /// Whether the target of a change is well now.
    ///
    /// # Errors
    /// As the change says.
    pub async fn verify(&self, tool: &str, args: &Value, before: &Value) -> Result<Vec<Check>, Failure> {
        self.alter(tool)?.verify(args, before).await
    }

    /// Takes a change back.
    ///
    /// # Errors
    /// `Tell` when the permit is for another call; else as the change says.
    pub async fn undo(&self, permit: Permit, tool: &str, args: &Value, before: &Value) -> Result<Undo, Failure> {
        self.held(&permit, tool, args)?;
        self.alter(tool)?.undo(permit, args, before).await
    }

    /// After an undo: whether the state before stands again.
    ///
    /// # Errors
    /// As the change says.
    pub async fn restored(&self, tool: &str, args: &Value, before: &Value) -> Result<Vec<Check>, Failure> {
        self.alter(tool)?.restored(args, before).await
    }

    /// What a model is told of one tool.
    pub fn spec(&self, tool: &str) -> Option<&Spec> {
        self.hands.get(tool).map(|hand| &hand.described.spec)
    }

    fn hand(&self, tool: &str) -> Result<&Hand, Failure> {
        self.hands.get(tool).ok_or_else(|| {
            let known: Vec<_> = self.hands.keys().copied().collect();
            Failure::Tell(format!("there is no tool {tool:?}; there are: {}", known.join(", ")))
        })
    }

    fn alter(&self, tool: &str) -> Result<&dyn Alter, Failure> {
        match &self.hand(tool)?.act {
            Act::Change(change) => Ok(change.as_ref()),
            Act::Look(_) | Act::Reread(_) => Err(Failure::Tell(format!("{tool} only looks; it changes nothing"))),
        }
    }

    fn held(&self, permit: &Permit, tool: &str, args: &Value) -> Result<(), Failure> {
        if permit.covers(self.id, tool, args) {
            return Ok(());
        }
        Err(Failure::Tell(format!("the permit is not for this call of {tool}; nothing was done")))
    }

    fn with_example(&self, tool: &str, failure: Failure) -> Failure {
        match (failure, self.hands.get(tool)) {
            (Failure::Tell(text), Some(hand)) => {
                Failure::Tell(format!("{text}. A call that would be right: {}", hand.described.spec.example))
            }
            (other, _) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::Touches;

    struct Flip;

    /// Flips the switch of a service.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[schemars(extend("examples" = [{"service": "payments", "times": 2}]))]
    struct FlipArgs {
        /// A service of the catalogue.
        service: String,
        /// How often.
        times: u32,
    }

    #[derive(Serialize, Deserialize)]
    struct Before {}

    impl Change for Flip {
        const NAME: &'static str = "flip";
        const TOUCHES: Touches = Touches::Service;
        type Args = FlipArgs;
        type Before = Before;

        fn target(&self, args: &FlipArgs) -> Target {
            Target { service: args.service.clone() }
        }

        async fn before(&self, _: &FlipArgs) -> Result<Before, Failure> {
            Ok(Before {})
        }

        async fn apply(&self, _: Permit, args: &FlipArgs, _: &Before) -> Result<String, Failure> {
            Ok(format!("flipped {} times", args.times))
        }

        fn settles_within(&self, _: &Before) -> Duration {
            Duration::ZERO
        }

        async fn happened(&self, _: &FlipArgs, _: &Before) -> Result<Option<String>, Failure> {
            Ok(None)
        }

        async fn verify(&self, _: &FlipArgs, _: &Before) -> Result<Vec<Check>, Failure> {
            Ok(Vec::new())
        }

        async fn undo(&self, _: Permit, _: &FlipArgs, _: &Before) -> Result<Undo, Failure> {
            Ok(Undo::Nothing("a switch".to_owned()))
        }

        fn effect(&self, _: &FlipArgs, _: &Before) -> Effect {
            Effect::default()
        }

        async fn restored(&self, _: &FlipArgs, _: &Before) -> Result<Vec<Check>, Failure> {
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn a_permit_is_good_for_one_exact_call_of_one_registry() {
        let (registry, mint) = Registry::new();
        let registry = registry.change(Flip);
        let (args, other) = (json!({"service": "payments", "times": 2}), json!({"service": "payments", "times": 3}));
        let before = json!({});

        let done = registry.apply(mint.permit("flip", &args), "flip", &args, &before).await;
        assert_eq!(done, Ok("flipped 2 times".to_owned()));

        let refused = Err(Failure::Tell("the permit is not for this call of flip; nothing was done".to_owned()));
        assert_eq!(registry.apply(mint.permit("flip", &args), "flip", &other, &before).await, refused);
        let (_, foreign) = Registry::new();
        assert_eq!(registry.apply(foreign.permit("flip", &args), "flip", &args, &before).await, refused);
    }

    #[test]
    fn wrong_arguments_are_told_with_path_and_example() {
        let registry = Registry::new().0.change(Flip);
        let told = |args: Value| registry.check("flip", &args).unwrap_err().to_string();
        let example = r#"A call that would be right: {"service":"payments","times":2}"#;
        assert_eq!(
            told(json!({"service": "payments", "times": "two"})),
            format!(r#"wrong arguments for flip: at `times`: invalid type: string "two", expected u32. {example}"#)
        );
        assert_eq!(
            told(json!({"service": "payments"})),
            format!("wrong arguments for flip: missing field `times`. {example}")
        );
        assert_eq!(
            registry.check("flop", &json!({})).unwrap_err().to_string(),
            r#"there is no tool "flop"; there are: flip"#
        );
    }

    #[test]
    fn the_doc_comment_is_what_the_model_reads() {
        let registry = Registry::new().0.change(Flip);
        let spec = registry.specs().next().unwrap();
        assert_eq!(
            (spec.description.as_str(), spec.touches),
            ("Flips the switch of a service.", Some(Touches::Service))
        );
        assert_eq!(spec.schema["properties"]["times"]["description"], "How often.");
    }
}
