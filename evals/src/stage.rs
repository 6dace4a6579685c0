//! What the world is like at its own moment: the segment that plays, what has been done to it, and what can be seen by now.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    case::{Case, CaseContainer, CaseEvent, ContainerState, LogLine, Reply},
    loki::LogStore,
    metrics::Metrics,
};

/// The segment with which every case begins.
pub(crate) const FAULT: &str = "fault";

/// What an act did to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It healed.
    Helped,
    /// It changed nothing that matters.
    Nothing,
    /// It made things worse.
    Harmed,
}

/// An act upon the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorldChange {
    /// When, on the world's clock.
    pub at: DateTime<Utc>,
    /// Docker's word: restart, start, stop, kill.
    pub action: String,
    /// The container.
    pub container: String,
    /// What it did.
    pub effect: Effect,
}

/// The world at its moment.
pub(crate) struct Stage {
    pub(crate) case: Arc<Case>,
    now: DateTime<Utc>,
    segment: String,
    pub(crate) metrics: Metrics,
    logs: Arc<RwLock<LogStore>>,
    waiting_logs: Vec<LogLine>,
    /// Lines that have come, for the containers' own logs.
    seen_logs: Vec<LogLine>,
    touched: BTreeMap<String, Touched>,
    pub(crate) changes: Vec<WorldChange>,
}

/// What has been done to a container in the segment that plays.
#[derive(Debug, Clone, Default)]
struct Touched {
    started_at: Option<DateTime<Utc>>,
    stopped_at: Option<(DateTime<Utc>, i64)>,
    events: Vec<CaseEvent>,
}

impl Stage {
    pub(crate) fn new(case: Arc<Case>, logs: Arc<RwLock<LogStore>>) -> Result<Self, String> {
        let now = case.starts_at;
        let segment = case.segments.get(FAULT).cloned().unwrap_or_default();
        let mut stage = Self {
            metrics: Metrics::new(&segment.series)?,
            case,
            now,
            segment: FAULT.to_owned(),
            logs,
            waiting_logs: segment.logs,
            seen_logs: Vec::new(),
            touched: BTreeMap::new(),
            changes: Vec::new(),
        };
        stage.show();
        Ok(stage)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) fn segment(&self) -> &str {
        &self.segment
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += TimeDelta::from_std(by).unwrap_or_default();
        self.show();
    }

    /// Lets be seen what the moment has come for.
    fn show(&mut self) {
        self.metrics.show(self.now.timestamp_millis());
        let seen = self.waiting_logs.partition_point(|line| line.at <= self.now);
        if let Ok(mut logs) = self.logs.write() {
            for line in self.waiting_logs.drain(..seen) {
                logs.push(line.labels.clone(), line.at.timestamp_nanos_opt().unwrap_or_default(), line.line.clone());
                self.seen_logs.push(line);
            }
        }
    }

    /// Does something to a container; what comes of it is the case's to say.
    pub(crate) fn act(&mut self, action: &str, container: &str) {
        let found =
            self.case.effects.iter().find(|effect| {
                effect.segment == self.segment && effect.action == action && effect.container == container
            });
        let leads_to = found.map(|effect| (effect.leads_to.clone(), effect.effect));
        let effect = leads_to.as_ref().map_or(Effect::Nothing, |(_, effect)| *effect);
        self.changes.push(WorldChange {
            at: self.now,
            action: action.to_owned(),
            container: container.to_owned(),
            effect,
        });
        if let Some((segment, _)) = leads_to {
            self.switch(segment);
        }
        self.touch(action, container);
    }

    fn touch(&mut self, action: &str, container: &str) {
        let now = self.now;
        let touched = self.touched.entry(container.to_owned()).or_default();
        let mut event = |action: &str| {
            touched.events.push(CaseEvent { at: now, action: action.to_owned(), attributes: BTreeMap::new() });
        };
        match action {
            "restart" => ["die", "stop", "start", "restart"].into_iter().for_each(&mut event),
            "kill" => ["kill", "die"].into_iter().for_each(&mut event),
            other => event(other),
        }
        if matches!(action, "restart" | "start") {
            (touched.started_at, touched.stopped_at) = (Some(now), None);
        } else {
            touched.stopped_at = Some((now, if action == "kill" { 137 } else { 0 }));
        }
    }

    /// Another segment begins now: its samples and lines are moved so that its first stands at this moment.
    fn switch(&mut self, segment: String) {
        let recorded = self.case.segments.get(&segment).cloned().unwrap_or_default();
        self.metrics.switch(&recorded.series, self.now.timestamp_millis());
        let first = recorded.logs.first().map_or(self.now, |line| line.at);
        let shift = self.now - first;
        self.waiting_logs = recorded.logs.into_iter().map(|line| LogLine { at: line.at + shift, ..line }).collect();
        self.segment = segment;
        self.show();
    }

    /// A container's state now: the segment's, with what has been done to it.
    pub(crate) fn state(&self, container: &CaseContainer) -> ContainerState {
        let by_segment = container.states.get(&self.segment).or_else(|| container.states.get(FAULT));
        let mut state = by_segment.cloned().unwrap_or_default();
        if self.segment != FAULT && state.started_at.is_none() {
            // What the segment brought up began with it; what ran on kept its start.
            let before = container.states.get(FAULT).and_then(|before| before.started_at);
            state.started_at = before;
        }
        let Some(touched) = self.touched.get(&container.name) else {
            return state;
        };
        if let Some(started) = touched.started_at {
            state.started_at = Some(started);
            if state.status == "exited" {
                "running".clone_into(&mut state.status);
                state.exit_code = 0;
                state.oom_killed = false;
            }
        }
        if let Some((at, code)) = touched.stopped_at {
            state = ContainerState { status: "exited".to_owned(), exit_code: code, finished_at: Some(at), ..state };
        }
        state
    }

    /// What has happened to a container until now.
    pub(crate) fn events(&self, container: &CaseContainer) -> Vec<CaseEvent> {
        let before = container.events.iter().filter(|event| event.at <= self.now).cloned();
        let since = self.touched.get(&container.name).map(|touched| touched.events.clone()).unwrap_or_default();
        before.chain(since).collect()
    }

    /// The lines of a container since a second of the epoch.
    pub(crate) fn container_log(&self, container: &str, since: i64) -> Vec<LogLine> {
        let of = |line: &&LogLine| {
            line.at.timestamp() >= since && line.labels.get("container").is_some_and(|name| name == container)
        };
        self.seen_logs.iter().filter(of).cloned().collect()
    }

    /// How a service's endpoint answers now.
    pub(crate) fn reply(&self, service: &str, path: &str) -> Option<Reply> {
        let by_segment = self.case.http.get(service)?.get(path)?;
        by_segment.get(&self.segment).or_else(|| by_segment.get(FAULT)).cloned()
    }

    pub(crate) fn healed(&self) -> bool {
        let last = self.changes.iter().rev().find(|change| change.effect != Effect::Nothing);
        last.is_some_and(|change| change.effect == Effect::Helped)
    }
}
