//! The policy: what may be done, read from TOML, refused whole if any part is wrong.

mod about;
mod approval;
mod caps;
mod image;
mod pattern;
mod rule;
mod units;
mod window;

use std::{path::Path, sync::Arc};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tools::Autonomy;

pub use approval::{APPROVERS, Approval, SomeApproval};
pub use caps::{Caps, SomeCaps};
pub use image::Images;
pub(super) use pattern::glob;
pub use rule::Rule;
pub use units::{Bytes, Cores};

/// The compiled-in policy.
const DEFAULT: &str = include_str!("default_policy.toml");
/// Protected whatever a policy says: the agent itself and what it sees and acts with.
const ALWAYS_PROTECTED: [&str; 6] = ["devops-agent", "prometheus", "alertmanager", "loki", "docker", "dockerd"];

/// What the agent may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// For services that say nothing of their own.
    pub autonomy: Autonomy,
    /// Names of services and containers that are never changed.
    pub protected: Vec<String>,
    /// Names of tools that are never used.
    pub never: Vec<String>,
    /// Numbers that hold everywhere.
    pub caps: Caps,
    /// When the agent no longer trusts itself.
    pub breaker: Breaker,
    /// Who says yes where somebody has to.
    pub approval: Approval,
    /// Which images may be started.
    pub images: Images,
    /// States of the world in which a change is unwise.
    pub situations: Situations,
    /// Rules for single tools, services, environments and times; sorted by name, so that their order in the file is no matter.
    rules: Vec<Rule>,
    about: about::About,
    /// SHA-256 of its text.
    pub hash: String,
    /// Its text.
    pub text: String,
    /// The same in small letters: a place from which a name may come.
    pub words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    autonomy: Autonomy,
    #[serde(default)]
    protected: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    caps: SomeCaps,
    #[serde(default)]
    breaker: Breaker,
    #[serde(default)]
    approval: SomeApproval,
    #[serde(default)]
    images: Images,
    #[serde(default)]
    situations: Situations,
    #[serde(default)]
    rules: Vec<Rule>,
}

/// After so many changes in a row that did not help, autonomy falls to `propose` until a person raises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// On one service.
    pub service: u32,
    /// In the whole fleet.
    pub fleet: u32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { service: 2, fleet: 4 }
    }
}

/// States of the world in which a change is unwise, and what to do about one then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Situations {
    /// A deployment of the service is under way.
    pub deployment: Says,
    /// A service that this one depends on has an open incident: this one is only a victim.
    pub victim: Says,
}

impl Default for Situations {
    fn default() -> Self {
        Self { deployment: Says::Refuse, victim: Says::Refuse }
    }
}

/// What a rule says; the later is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Nothing against it.
    Allow,
    /// A person decides.
    Ask,
    /// Never.
    Refuse,
}

/// Why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {file}: {what}")]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// What is wrong, where, and what would be right.
    pub what: String,
}

impl Policy {
    /// The compiled-in policy.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::parse("(compiled in)", DEFAULT)
    }

    /// The text of the compiled-in policy, which documents every key.
    pub fn built_in_text() -> &'static str {
        DEFAULT
    }

    /// Reads a policy file; the compiled-in one where the path is empty.
    ///
    /// # Errors
    /// [`PolicyError`] when the file cannot be read or any part is wrong.
    pub fn load(path: &str) -> Result<Self, PolicyError> {
        if path.is_empty() {
            return Self::built_in();
        }
        let text = std::fs::read_to_string(Path::new(path))
            .map_err(|error| PolicyError { file: path.to_owned(), what: format!("cannot be read: {error}") })?;
        Self::parse(path, &text)
    }

    /// All rules, by name.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that are about a tool and a service; environment and time are theirs to say.
    pub fn rules_about(&self, tool: &str, service: &str) -> impl Iterator<Item = &Rule> {
        let places = self.about.places(&self.rules, tool, service);
        (0..places.len()).filter_map(move |index| self.rules.get(*places.get(index)?))
    }

    /// Whether memory may keep what happened to a service; where that cannot be told, it may not.
    pub fn remembers(&self, service: &str, environment: Option<&str>) -> bool {
        !self.rules.iter().any(|rule| rule.forgets(service, environment))
    }

    /// Whether a word names a service of which nothing is to be kept, also one that the catalogue does not know (any more).
    pub fn hides(&self, word: &str) -> bool {
        self.rules.iter().any(|rule| rule.hides(word))
    }

    /// Whether there is no rule against keeping anything.
    pub fn remembers_all(&self) -> bool {
        self.rules.iter().all(|rule| rule.remember)
    }

    /// Reads a policy from text; `file` names it in errors.
    ///
    /// # Errors
    /// [`PolicyError`] when any part is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| PolicyError { file: file.to_owned(), what };
        let written: Written = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if written.version != 1 {
            return Err(wrong(format!("version is {}, this program knows 1", written.version)));
        }
        if written.breaker.service == 0 || written.breaker.fleet == 0 {
            return Err(wrong("[breaker] 0 would be tripped from the start; the least is 1".to_owned()));
        }
        let mut rules = written.rules;
        rules.sort_by(|one, other| one.name.cmp(&other.name));
        for rule in &rules {
            rule.check().map_err(&wrong)?;
        }
        if let Some([twice, _]) = rules.array_windows().find(|[one, other]| one.name == other.name) {
            return Err(wrong(format!("two rules are called {:?}; a verdict could not tell them apart", twice.name)));
        }
        let caps = Caps::default().replaced(&written.caps);
        if caps.scale_least > caps.scale_most
            || caps.memory_least > caps.memory_most
            || caps.cpus_least > caps.cpus_most
        {
            return Err(wrong("[caps] the least of replicas, memory or CPU is more than the most".to_owned()));
        }
        if caps.scale_factor < 1 {
            return Err(wrong("[caps] scale_factor is at least 1".to_owned()));
        }
        let mut protected = written.protected;
        protected.extend(ALWAYS_PROTECTED.map(str::to_owned));
        Ok(Self {
            autonomy: written.autonomy,
            protected,
            never: written.never,
            caps,
            breaker: written.breaker,
            approval: Approval::default()
                .narrowed(&written.approval)
                .map_err(|what| wrong(format!("[approval] {what}")))?,
            images: written.images,
            situations: written.situations,
            rules,
            about: about::About::default(),
            hash: hex::encode(Sha256::digest(text)),
            text: text.to_owned(),
            words: text.to_lowercase(),
        })
    }
}

/// The policy as it is now: a reload replaces it whole, a verdict under way keeps the one it took.
#[derive(Debug, Clone)]
pub struct SharedPolicy(Arc<watch::Sender<Arc<Policy>>>);

impl SharedPolicy {
    /// Starts with `policy`.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(policy))))
    }

    /// The policy at this moment.
    pub fn load(&self) -> Arc<Policy> {
        Arc::clone(&self.0.borrow())
    }

    /// Replaces the policy for all later verdicts.
    pub fn store(&self, policy: Policy) {
        self.0.send_replace(Arc::new(policy));
    }

    /// Resolves whenever the policy was replaced since the last look.
    pub fn changes(&self) -> watch::Receiver<Arc<Policy>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests;
