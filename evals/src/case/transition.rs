//! What can be done to the world, and which of it leads to another segment.

use serde::{Deserialize, Serialize};

/// What a call did to the incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It moved the world towards health.
    Helped,
    /// The world is as ill or as well as before.
    Nothing,
    /// It made things worse.
    Harmed,
}

/// A call that changes something, as Docker's API has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A container is stopped and started again.
    Restart,
    /// A container is started.
    Start,
    /// A container is asked to end, then killed.
    Stop,
    /// A container is sent a signal.
    Kill,
    /// A container is made.
    Create,
    /// A container is removed.
    Remove,
    /// A container gets other limits.
    Update,
    /// A container gets another name.
    Rename,
    /// A container joins a network.
    Connect,
    /// A container leaves a network.
    Disconnect,
    /// An image is pulled.
    Pull,
    /// A service of the Swarm gets another specification.
    ServiceUpdate,
    /// A service of the Swarm goes back to its specification before.
    ServiceRollback,
}

/// What leads from one segment to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The container is restarted.
    Restart,
    /// The container is started.
    Start,
    /// The container is stopped.
    Stop,
    /// The container is killed.
    Kill,
    /// Of the container's service there come to run `at_least` so many.
    Scale,
    /// All running containers of the service come to have `memory` bytes or more (no limit is more).
    UpdateResources,
    /// All running containers of the service come to be of `image`; without one, of another image than before.
    Deploy,
    /// The same, by going back: to `image`, or to one that ran before, or by the Swarm's own rollback.
    Rollback,
}

/// A call that leads to another segment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transition {
    pub(crate) actions: Vec<Cause>,
    /// A container's name; for what concerns a whole service, any of its containers.
    pub(crate) container: String,
    pub(crate) at_least: Option<u64>,
    pub(crate) memory: Option<u64>,
    pub(crate) image: Option<String>,
    pub(crate) to: String,
    pub(crate) effect: Effect,
}

impl Cause {
    /// The cause that a call is by itself.
    pub(crate) fn of(action: Action) -> Option<Self> {
        match action {
            Action::Restart => Some(Self::Restart),
            Action::Start => Some(Self::Start),
            Action::Stop => Some(Self::Stop),
            Action::Kill => Some(Self::Kill),
            Action::ServiceRollback => Some(Self::Rollback),
            Action::Create
            | Action::Remove
            | Action::Update
            | Action::Rename
            | Action::Connect
            | Action::Disconnect
            | Action::Pull
            | Action::ServiceUpdate => None,
        }
    }
}

impl Transition {
    /// What is wrong with it, and the field that it is about.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let names = |cause: Cause| self.actions.contains(&cause);
        if self.actions.is_empty() {
            return Some(("actions", "is empty; it names what leads on, such as [\"restart\"]"));
        }
        if names(Cause::Scale) != self.at_least.is_some_and(|count| count > 0) {
            return Some(("at_least", "goes with the action `scale`, and with no other; it is a count of 1 or more"));
        }
        if names(Cause::UpdateResources) != self.memory.is_some_and(|bytes| bytes > 0) {
            return Some((
                "memory",
                "goes with the action `update_resources`, and with no other; it is a number of bytes",
            ));
        }
        if self.image.is_some() && !names(Cause::Deploy) && !names(Cause::Rollback) {
            return Some(("image", "goes with the actions `deploy` and `rollback`, and with no other"));
        }
        None
    }
}
