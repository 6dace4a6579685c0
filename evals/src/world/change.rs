//! What a call on a container does to the world.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{event::Event, state::State, track::Track};
use crate::{
    case::{Action, Effect, Transition},
    time,
};

/// Something that was done to the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorldChange {
    /// When, on the world's clock.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: Action,
    /// To which container.
    pub container: String,
    /// What came of it.
    pub effect: Effect,
}

/// Why a call on a container was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such container.
    Unknown,
    /// It is so already: Docker's 304.
    Already,
    /// It cannot be done to a container that does not run.
    NotRunning,
}

/// How long Docker waits before it kills what it stops, in the world's milliseconds: ours end at once.
const STOPPING: i64 = 300;

impl State {
    /// Does something to a container; `signal` is what `kill` sends.
    pub(crate) fn act(&mut self, name: &str, action: Action, signal: i64) -> Result<(), Refusal> {
        let now = self.now();
        let container = self.container(name).ok_or(Refusal::Unknown)?.clone();
        match action {
            Action::Start if container.running => return Err(Refusal::Already),
            Action::Stop if !container.running => return Err(Refusal::Already),
            Action::Kill if !container.running => return Err(Refusal::NotRunning),
            Action::Start | Action::Stop | Action::Kill | Action::Restart => (),
        }
        self.play();
        let transition = self
            .segment()
            .transitions
            .iter()
            .find(|to| to.container == container.name && to.actions.contains(&action))
            .cloned();
        self.happens(&container.name, action, signal, now);
        let effect = match transition {
            Some(transition) => self.enter(&transition),
            None => self.plainly(&container.name, action, now),
        };
        let at = time::from_milliseconds(now);
        self.note(WorldChange { at, action, container: container.name, effect });
        Ok(())
    }

    /// The container's own state and Docker's events.
    fn happens(&mut self, name: &str, action: Action, signal: i64, now: i64) {
        let Some(container) = self.container_mut(name) else {
            return;
        };
        let mut told: Vec<(&str, BTreeMap<String, String>)> = Vec::new();
        let mut end = |signal: i64| {
            told.push(("kill", BTreeMap::from([("signal".to_owned(), signal.to_string())])));
            told.push(("die", BTreeMap::from([("exitCode".to_owned(), (128 + signal).to_string())])));
        };
        let was_running = container.running;
        match action {
            Action::Restart if was_running => {
                end(15);
                container.end(now, 128 + 15);
                container.start(now + STOPPING);
            }
            Action::Restart | Action::Start => container.start(now),
            Action::Stop => {
                end(15);
                container.end(now, 128 + 15);
            }
            Action::Kill => {
                end(signal);
                container.end(now, 128 + signal);
            }
        }
        match action {
            Action::Restart if was_running => {
                told.extend(["stop", "start", "restart"].map(|action| (action, BTreeMap::new())))
            }
            Action::Restart => told.extend(["start", "restart"].map(|action| (action, BTreeMap::new()))),
            Action::Start => told.push(("start", BTreeMap::new())),
            Action::Stop => told.push(("stop", BTreeMap::new())),
            Action::Kill => (),
        }
        let container = container.clone();
        for (action, more) in told {
            self.tell(Event::new(&container, now, action, more));
        }
    }

    /// Moves to another segment.
    fn enter(&mut self, transition: &Transition) -> Effect {
        let now = self.now();
        let Some(segment) = self.case().segments.get(&transition.to).map(Arc::clone) else {
            return Effect::Nothing;
        };
        for name in &segment.records {
            let track = Track::later(name, Arc::clone(&segment), now, *name == transition.container, self.store());
            track.end_others(now, self.store());
            self.follow(name, track);
        }
        for (name, behaviour) in &segment.containers {
            if let Some(container) = self.container_mut(name) {
                container.behave(behaviour.clone(), now);
            }
        }
        self.set_segment(segment);
        transition.effect
    }

    /// What becomes of a container's metrics and logs when the recording knows nothing of the call.
    fn plainly(&mut self, name: &str, action: Action, now: i64) -> Effect {
        let at_fault = self.case().truth.service == name;
        if let Some(track) = self.track_mut(name) {
            match action {
                Action::Stop | Action::Kill => track.goes_down(now),
                Action::Start | Action::Restart => track.comes_up(now),
            }
        }
        match action {
            Action::Stop | Action::Kill if !at_fault => Effect::Harmed,
            Action::Stop | Action::Kill | Action::Start | Action::Restart => Effect::Nothing,
        }
    }
}
