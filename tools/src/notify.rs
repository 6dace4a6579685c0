//! `notify`: people are told something, once.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Check, Effect, Failure, Permit, SharedCatalogue, SharedClock, System, Target, Touches, Undo, call_hash,
    message::{self, Message, Severity},
    reach::{Destination, Patience, Receiver},
    said::{Begun, Said},
    service, text,
};

/// Tells people something about a service: what was found, what was done, or what a person has to decide. Where it goes is in the
/// settings. Say it so that it can be understood without anything else; nobody answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "message": "payments was out of memory and has been restarted; it is well since 14:03 UTC", "severity": "info"}]))]
pub struct NotifyArgs {
    /// A service of the catalogue.
    pub service: String,
    /// What people read, in a few sentences.
    pub message: String,
    /// How much it matters.
    pub severity: Severity,
    /// Why they should be told, in one sentence; it stays in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where people are told, and how patiently.
#[derive(Debug, Clone, Default)]
pub struct NotifyOptions {
    /// All of them, by different names.
    pub destinations: Vec<Destination>,
    /// How often and how patiently a message is sent.
    pub patience: Patience,
}

/// Tells people.
pub struct Notify {
    receivers: Vec<Receiver>,
    patience: Patience,
    catalogue: SharedCatalogue,
    client: Client,
    clock: SharedClock,
    said: Said,
}

/// Who is to be told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Before {
    destinations: Vec<String>,
    at: DateTime<Utc>,
}

impl Notify {
    /// A tool that tells these destinations; with none every call says so. `client` must not follow redirects.
    ///
    /// # Errors
    /// [`Failure::Tell`] when a destination's settings cannot be used, or two have one name.
    pub fn new(
        options: NotifyOptions,
        catalogue: SharedCatalogue,
        client: Client,
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let NotifyOptions { destinations, patience } = options;
        let mut names = BTreeSet::new();
        if let Some(twice) = destinations.iter().find(|destination| !names.insert(destination.name.clone())) {
            return Err(Failure::Tell(format!("notifications: two destinations are called {:?}", twice.name)));
        }
        let receivers = destinations.into_iter().map(Receiver::new).collect::<Result<_, _>>()?;
        Ok(Self { receivers, patience, catalogue, client, clock, said: Said::default() })
    }

    /// The same for the same call: the hash by which the guard knows it.
    fn key(args: &NotifyArgs) -> String {
        call_hash(Self::NAME, &serde_json::to_value(args).unwrap_or_default())
    }

    /// Sends to one receiver, unless it was told already.
    async fn tell(&self, receiver: &Receiver, message: &Message) -> Told {
        let name = receiver.name().to_owned();
        match self.said.begin(&message.key, &name, self.clock.now()) {
            Begun::Said => Told { line: format!("{name} was told already"), taken: true, name },
            Begun::Busy => Told { line: format!("{name} is being told by another call"), taken: false, name },
            Begun::Mine(mine) => match receiver.deliver(&self.client, message, self.patience, &self.clock).await {
                Ok(()) => {
                    mine.done(self.clock.now());
                    Told { line: format!("told {name}"), taken: true, name }
                }
                Err(why) => Told { line: format!("{name} did not take it: {why}"), taken: false, name },
            },
        }
    }
}

/// How it went with one receiver.
struct Told {
    name: String,
    line: String,
    taken: bool,
}

impl Change for Notify {
    const NAME: &'static str = "notify";
    const TOUCHES: Touches = Touches::People;
    const WORDS: &'static [&'static str] = &["message", "reason"];
    type Args = NotifyArgs;
    type Before = Before;

    fn target(&self, args: &Self::Args) -> Target {
        Target { service: args.service.clone() }
    }

    async fn before(&self, args: &Self::Args) -> Result<Before, Failure> {
        service::known(&self.catalogue, &args.service)?;
        if message::fit(&args.message).is_empty() {
            return Err(Failure::Tell("`message` has no text; right would be a few sentences for people".to_owned()));
        }
        let wanting = self.receivers.iter().filter(|receiver| receiver.wants(args.severity));
        let destinations: Vec<_> = wanting.map(|receiver| receiver.name().to_owned()).collect();
        if destinations.is_empty() {
            let severity = args.severity.word();
            let what = if self.receivers.is_empty() {
                "nobody can be told: no destination is configured ([notifications])".to_owned()
            } else {
                format!("nobody is told of what is {severity}: no destination in [notifications] takes that severity")
            };
            return Err(Failure::Tell(what));
        }
        Ok(Before { destinations, at: self.clock.now() })
    }

    fn effect(&self, args: &Self::Args, before: &Before) -> Effect {
        let (names, severity) = (before.destinations.join(", "), args.severity.word());
        let message = text::one_line(&message::fit(&args.message), 300);
        Effect {
            says: format!("tells {names} about {} ({severity}): {message}", args.service),
            state: format!("goes to {names}"),
            ..Effect::default()
        }
    }

    async fn apply(&self, _: Permit, args: &Self::Args, before: &Before) -> Result<String, Failure> {
        let message = Message {
            key: Self::key(args),
            at: before.at,
            service: text::clean(&args.service),
            severity: args.severity,
            text: message::fit(&args.message),
        };
        let chosen =
            self.receivers.iter().filter(|receiver| before.destinations.iter().any(|name| name == receiver.name()));
        let mut told = join_all(chosen.map(|receiver| self.tell(receiver, &message))).await;
        let gone =
            before.destinations.iter().filter(|name| self.receivers.iter().all(|receiver| receiver.name() != *name));
        let gone: Vec<_> = gone.map(|name| (name.clone(), format!("{name} is no longer configured"))).collect();
        told.extend(gone.into_iter().map(|(name, line)| Told { name, line, taken: false }));
        told.sort_by(|a, b| a.name.cmp(&b.name));
        let lines: Vec<_> = told.iter().map(|told| told.line.as_str()).collect();
        if told.iter().all(|told| told.taken) {
            return Ok(lines.join("; "));
        }
        Err(Failure::unreachable(System::Notification, lines.join("; ")))
    }

    fn settles_within(&self, _: &Before) -> Duration {
        // Whoever waited between two tries is gone: only the one that was under way can still come through.
        self.patience.timeout
    }

    /// What was sent cannot be asked for: only this process knows, and after a crash nobody does.
    async fn happened(&self, args: &Self::Args, before: &Before) -> Result<Option<String>, Failure> {
        let key = Self::key(args);
        let now = self.clock.now();
        if before.destinations.iter().all(|name| self.said.when(&key, name, now).is_some()) {
            return Ok(Some(format!("told {}", before.destinations.join(", "))));
        }
        let what = "cannot be asked whether it took a message, and the agent was restarted since";
        Err(Failure::unreachable(System::Notification, what))
    }

    /// Each receiver's own answer while the message was sent; whether somebody has read it nobody can tell.
    async fn verify(&self, args: &Self::Args, before: &Before) -> Result<Vec<Check>, Failure> {
        let (key, now) = (Self::key(args), self.clock.now());
        let checks = before.destinations.iter().map(|name| {
            let when = self.said.when(&key, name, now);
            Check {
                name: format!("{name} took the message"),
                passed: when.is_some(),
                found: when.map_or_else(
                    || "no answer of it is known that says so".to_owned(),
                    |when| {
                        format!("it answered so at {}; whether it was read cannot be seen", when.format("%H:%M:%S UTC"))
                    },
                ),
            }
        });
        Ok(checks.collect())
    }

    async fn undo(&self, _: Permit, _: &Self::Args, _: &Before) -> Result<Undo, Failure> {
        Ok(Undo::Nothing("what people were told cannot be taken back, and changes nothing that runs".to_owned()))
    }

    async fn restored(&self, _: &Self::Args, _: &Before) -> Result<Vec<Check>, Failure> {
        Ok(Vec::new())
    }
}
