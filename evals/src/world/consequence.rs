//! What comes of what was done: another segment, health, harm.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    change::{Deed, WorldChange},
    container::Container,
    state::State,
    track::Track,
};
use crate::{
    case::{Action, Behaviour, Cause, Effect, Illness, Load, Reply, Silence, Transition},
    time,
};

/// From which share of failed requests on an image is no good one.
const BAD: f64 = 0.05;
/// How far back a change of a Swarm service is searched for whose effect is only seen later.
const CHANGES_BACK: usize = 64;

/// What is true of a service's containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) running: u64,
    /// Those with which nothing is wrong.
    pub(super) good: u64,
    /// The smallest memory limit of those that run; no limit is the largest.
    memory: i64,
    /// The ids of the images that run.
    images: BTreeSet<String>,
}

impl State {
    /// What is true of a service now.
    pub(super) fn facts(&self, service: &str) -> Facts {
        let mut facts = Facts { memory: i64::MAX, ..Facts::default() };
        for container in self.containers().filter(|container| container.running && container.service() == service) {
            facts.running += 1;
            facts.good += u64::from(self.is_good(container));
            facts.memory =
                facts.memory.min(Some(container.limit("Memory")).filter(|limit| *limit > 0).unwrap_or(i64::MAX));
            facts.images.insert(container.image_id().to_owned());
        }
        facts
    }

    /// Whether nothing is wrong with a running container.
    pub(super) fn is_good(&self, container: &Container) -> bool {
        let misconfigured = |load: &Load| load.sickness.is_some_and(|sick| sick.illness == Illness::Misconfigured);
        container.sound()
            && self.image_behaviour(container.image_id()).is_none_or(|image| image.error_ratio <= BAD)
            && !self.case().loads.get(container.service()).is_some_and(misconfigured)
    }

    /// What follows from a call that was done, and its entry in the list of changes.
    pub(super) fn done(&mut self, before: &Facts, deed: Deed) {
        let cause = Cause::of(deed.action);
        let effect = self.consequence(&deed.service, Some(&deed.container), cause, before);
        self.note(deed, effect);
        self.orchestrate();
        self.tell_health();
    }

    pub(super) fn note(&mut self, deed: Deed, effect: Effect) {
        let at = time::from_milliseconds(self.now());
        let Deed { action, container, service, image, memory, nano_cpus, replicas, with } = deed;
        self.remember(|number| WorldChange {
            number,
            at,
            action,
            container,
            service,
            image,
            memory,
            nano_cpus,
            replicas,
            with,
            effect,
        });
    }

    /// The same for what the Swarm did later: its effect is that of the last call on the service.
    pub(super) fn done_later(&mut self, service: &str, before: &Facts) {
        let effect = self.consequence(service, None, None, before);
        let of_service = |change: &&mut WorldChange| {
            change.service == service && matches!(change.action, Action::ServiceUpdate | Action::ServiceRollback)
        };
        if let Some(change) = self.changes_mut().rev().take(CHANGES_BACK).find(of_service)
            && effect != Effect::Nothing
        {
            change.effect = effect;
        }
    }

    /// What comes of a service's being another one than `before`.
    pub(super) fn consequence(
        &mut self,
        service: &str,
        container: Option<&str>,
        cause: Option<Cause>,
        before: &Facts,
    ) -> Effect {
        self.behave_anew(service);
        let after = self.facts(service);
        let leads = |transition: &&Transition| {
            transition.actions.iter().any(|action| match action {
                Cause::Restart | Cause::Start | Cause::Stop | Cause::Kill => {
                    Some(*action) == cause && Some(transition.container.as_str()) == container
                }
                Cause::Scale | Cause::UpdateResources | Cause::Deploy | Cause::Rollback => {
                    self.is_of(&transition.container, service)
                        && self.comes_true(service, *action, cause, transition, before, &after)
                }
            })
        };
        let transition = self.segment().transitions.iter().find(leads).cloned();
        self.ran(service).note(&after.images);
        match transition {
            Some(transition) => self.enter(&transition, container),
            None => self.plainly(service, cause, before, &after),
        }
    }

    fn comes_true(
        &self,
        service: &str,
        action: Cause,
        cause: Option<Cause>,
        transition: &Transition,
        before: &Facts,
        after: &Facts,
    ) -> bool {
        let rolled_back = action == Cause::Rollback && cause == Some(Cause::Rollback);
        match action {
            Cause::Scale => transition.at_least.is_some_and(|count| before.running < count && after.running >= count),
            Cause::UpdateResources => {
                let wanted = transition.memory.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(i64::MAX);
                after.running > 0 && before.memory < wanted && after.memory >= wanted
            }
            Cause::Deploy | Cause::Rollback => match &transition.image {
                Some(image) => {
                    let only = BTreeSet::from([self.id_of_image(image)]);
                    rolled_back || (after.images == only && before.images != only)
                }
                None if action == Cause::Rollback => {
                    let ran = self.has_run(service).is_some_and(|ran| ran.goes_back(&after.images));
                    rolled_back || ran
                }
                None => {
                    let first = self.first_images(service);
                    !after.images.is_empty() && after.images.is_disjoint(first) && !before.images.is_disjoint(first)
                }
            },
            Cause::Restart | Cause::Start | Cause::Stop | Cause::Kill => false,
        }
    }

    /// Moves to another segment.
    fn enter(&mut self, transition: &Transition, container: Option<&str>) -> Effect {
        let now = self.now();
        let Some(segment) = self.case().segments.get(&transition.to).map(Arc::clone) else {
            return Effect::Nothing;
        };
        let acting = container.and_then(|name| Some(self.container(name)?.id().to_owned()));
        for name in &segment.records {
            let mut keys = self.tracks_of(name);
            if keys.is_empty() {
                keys.push(name.clone());
            }
            for key in keys {
                let restarted = acting.as_ref() == Some(&key) || (acting.is_none() && container == Some(&key));
                let mut track = Track::later(name, Arc::clone(&segment), now, self.track_mut(&key).map(|old| &*old));
                track.begin_counters(restarted, self.store());
                let down = self.by_id(&key).is_some_and(|container| !container.running);
                if down {
                    track.goes_down(now);
                }
                track.end_others(now, self.store());
                self.follow(key, track);
            }
        }
        for (name, behaviour) in &segment.containers {
            if let Some(container) = self.container_mut(name) {
                container.behave(behaviour.clone(), now);
            }
        }
        self.set_segment(segment);
        transition.effect
    }

    /// What a call does that the recording knows nothing of.
    fn plainly(&self, service: &str, cause: Option<Cause>, before: &Facts, after: &Facts) -> Effect {
        let wanted = self.wanted(service);
        if self.case().loads.contains_key(service) {
            return match (before.good >= wanted, after.good >= wanted) {
                (true, false) => Effect::Harmed,
                (false, true) => Effect::Helped,
                (false, false) if after.good < before.good => Effect::Harmed,
                (true, true) | (false, false) => Effect::Nothing,
            };
        }
        let at_fault = self.case().truth.service == service;
        let ends = cause.is_none() || matches!(cause, Some(Cause::Stop | Cause::Kill));
        let harmed = ends && !at_fault && after.running < before.running && after.running < wanted;
        if harmed { Effect::Harmed } else { Effect::Nothing }
    }

    /// Behaviours that follow from image, limits and what the service suffers from.
    pub(super) fn behave_anew(&mut self, service: &str) {
        let of_service = self.containers().filter(|container| container.service() == service);
        let anew: Vec<(String, Behaviour, i64)> = of_service
            .filter_map(|container| {
                let (behaviour, since) = self.behaviour(container)?;
                Some((container.name.clone(), behaviour, since))
            })
            .collect();
        for (name, behaviour, since) in anew {
            if let Some(container) = self.container_mut(&name) {
                container.behave(behaviour, since);
            }
        }
    }

    /// How a container behaves and since when; `None` when the segment says it.
    fn behaviour(&self, container: &Container) -> Option<(Behaviour, i64)> {
        let image = self.image_behaviour(container.image_id());
        if let Some(behaviour) = image.and_then(|image| image.behaviour.clone()) {
            return Some((behaviour, container.started_at));
        }
        let load = self.case().loads.get(container.service())?;
        let well = Behaviour { ready_after: load.ready_after, ..Behaviour::default() };
        let ill = |output: &str| Behaviour {
            unhealthy_after: Some(0.0),
            unhealthy_output: output.to_owned(),
            unhealthy_exit_code: 1,
            ..well.clone()
        };
        let Some(sick) = load.sickness else {
            return Some((well, self.now()));
        };
        let first = || container.name == format!("{}-1", container.service());
        let limit = container.limit("Memory");
        Some(match sick.illness {
            Illness::Hung if first() && container.started_at <= sick.since => {
                let http = [("/".to_owned(), Reply::None(Silence::Hang))].into();
                (Behaviour { http, unhealthy_exit_code: -1, ..ill("Health check exceeded timeout (2s)") }, sick.since)
            }
            Illness::ShortOfMemory(needed) if limit > 0 && limit < needed => {
                let reply = Reply::Answer { status: 503, body: r#"{"status":"out of memory"}"#.to_owned() };
                (Behaviour { http: [("/".to_owned(), reply)].into(), ..ill("HTTP 503: out of memory") }, sick.since)
            }
            Illness::Down
            | Illness::Hung
            | Illness::BadImage(_)
            | Illness::Overloaded(_)
            | Illness::ShortOfMemory(_)
            | Illness::Misconfigured => (well, self.now()),
        })
    }
}
