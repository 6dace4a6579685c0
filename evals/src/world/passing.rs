//! The world as time passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    event::Event,
    health::Health,
    state::{MAXIMUM_KEPT, State},
};

/// For how long samples are kept, in milliseconds, and how often old ones are forgotten.
const SAMPLES_KEPT: i64 = 6 * 3_600_000;
const FORGETS_EVERY: i64 = 600_000;
/// The most steps of the Swarm within one move of the clock.
const STEPS: usize = 10_000;

impl State {
    /// Moves the clock on, step by step where the Swarm has something to do in between.
    pub(super) fn advance(&mut self, duration: Duration) {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        // Far enough for any agent, and never out of what a date can say.
        let end = self.now.saturating_add(milliseconds).min(self.case.now + 366 * 24 * 3_600_000);
        for _ in 0..STEPS {
            let Some(step) = self.swarm_acts_at().filter(|at| *at <= end) else {
                break;
            };
            self.now = step;
            self.play();
            self.tell_health();
            self.orchestrate();
        }
        self.now = end.max(self.now);
        self.play();
        self.tell_health();
        if self.now - self.forgot_at > FORGETS_EVERY {
            self.forgot_at = self.now;
            self.store.forget(self.now - SAMPLES_KEPT);
        }
    }

    /// Plays all that is recorded or made up, up to now.
    pub(super) fn play(&mut self) {
        for track in self.tracks.values_mut() {
            track.play(self.now, &self.store, &self.logs, &mut self.written);
        }
        let played = self.generator.play(self.now, &self.containers, &self.case, &self.images, &self.store);
        self.generator.write(&played, &self.logs, &mut self.written);
        for lines in self.written.values_mut() {
            let over = lines.len().saturating_sub(MAXIMUM_KEPT);
            lines.drain(..over);
            if !lines.is_sorted_by_key(|line| line.at) {
                lines.sort_by_key(|line| line.at);
            }
        }
    }

    /// Containers whose health has changed say so.
    pub(super) fn tell_health(&mut self) {
        let now = self.now;
        let mut turned = Vec::new();
        for container in self.containers.values_mut().filter(|container| container.running) {
            let health = container.health(now);
            if container.told != health {
                container.told = health;
                turned.extend(health.map(|health| (container.clone(), health)));
            }
        }
        for (container, health) in turned {
            let at = match health {
                Health::Starting => continue,
                Health::Healthy => container.ready_at().min(now),
                Health::Unhealthy => now,
            };
            self.tell(Event::new(&container, at, &format!("health_status: {}", health.name()), BTreeMap::new()));
        }
    }

    /// Whether the incident is over.
    pub(super) fn healed(&self) -> bool {
        let made_up = |service: &String| self.case.loads.contains_key(service);
        let well = |(service, (wanted, _)): (&String, &(u64, BTreeSet<String>))| {
            let facts = self.facts(service);
            if made_up(service) { facts.good >= *wanted } else { facts.running >= *wanted }
        };
        (self.segment().healed || !self.case.loads.is_empty()) && self.first.iter().all(well)
    }
}
