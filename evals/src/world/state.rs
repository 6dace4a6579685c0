//! The world at its virtual now.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio::sync::broadcast;

use super::{
    change::WorldChange,
    container::{Container, Health},
    event::Event,
    track::{Track, Written},
};
use crate::{
    case::{Case, FIRST, Segment},
    loki::LogStore,
    prometheus::SeriesStore,
};

/// The most events, changes and lines a container that are kept; the oldest make room.
const MAXIMUM_KEPT: usize = 20_000;
/// How many events a slow reader may be behind before it misses some.
const EVENTS_BEHIND: usize = 256;

/// The world at its virtual now. Invariant: stores hold nothing later than now.
pub(crate) struct State {
    case: Arc<Case>,
    now: i64,
    segment: Arc<Segment>,
    tracks: BTreeMap<String, Track>,
    containers: BTreeMap<String, Container>,
    changes: VecDeque<WorldChange>,
    events: VecDeque<Event>,
    told: broadcast::Sender<Event>,
    written: BTreeMap<String, Vec<Written>>,
    store: Arc<SeriesStore>,
    logs: Arc<RwLock<LogStore>>,
}

impl State {
    pub(super) fn new(
        case: Arc<Case>,
        first: Arc<Segment>,
        store: Arc<SeriesStore>,
        logs: Arc<RwLock<LogStore>>,
    ) -> Self {
        let mut containers: BTreeMap<String, Container> = case
            .containers
            .containers
            .iter()
            .map(Container::new)
            .map(|container| (container.name.clone(), container))
            .collect();
        for (name, behaviour) in &first.containers {
            if let Some(container) = containers.get_mut(name) {
                container.behave(behaviour.clone(), first.begins);
            }
        }
        let recorded = case.containers.events.iter().filter_map(|event| {
            let container = containers.get(&event.container)?;
            Some(Event::new(container, event.at.timestamp_millis(), &event.action, event.attributes.clone()))
        });
        let events = recorded.collect();
        let tracks = first.records.iter().map(|name| (name.clone(), Track::first(name, Arc::clone(&first)))).collect();
        let mut state = Self {
            now: case.now,
            case,
            segment: first,
            tracks,
            containers,
            changes: VecDeque::new(),
            events,
            told: broadcast::channel(EVENTS_BEHIND).0,
            written: BTreeMap::new(),
            store,
            logs,
        };
        state.play();
        state
    }

    /// The virtual now, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn case(&self) -> &Arc<Case> {
        &self.case
    }

    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    pub(super) fn set_segment(&mut self, segment: Arc<Segment>) {
        self.segment = segment;
    }

    pub(super) fn store(&self) -> &SeriesStore {
        &self.store
    }

    pub(super) fn follow(&mut self, name: &str, track: Track) {
        self.tracks.insert(name.to_owned(), track);
    }

    pub(super) fn track_mut(&mut self, name: &str) -> Option<&mut Track> {
        self.tracks.get_mut(name)
    }

    /// All containers by name.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.containers.values()
    }

    /// The container of that name or id, or of an id that begins so.
    pub(crate) fn container(&self, name: &str) -> Option<&Container> {
        let name = name.trim_start_matches('/');
        self.containers
            .get(name)
            .or_else(|| self.containers.values().find(|known| name.len() >= 4 && known.id().starts_with(name)))
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.get_mut(name)
    }

    /// What a container wrote so far.
    pub(crate) fn written(&self, container: &str) -> &[Written] {
        self.written.get(container).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn changes(&self) -> impl Iterator<Item = &WorldChange> {
        self.changes.iter()
    }

    pub(super) fn note(&mut self, change: WorldChange) {
        keep(&mut self.changes, change);
    }

    /// The events so far, by time.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Events from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.told.subscribe()
    }

    pub(super) fn tell(&mut self, event: Event) {
        // Nobody listening is fine.
        let _ = self.told.send(event.clone());
        keep(&mut self.events, event);
    }

    /// Moves the clock on.
    pub(super) fn advance(&mut self, duration: Duration) {
        let before = self.now;
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        // Far enough for any agent, and never out of what a date can say.
        self.now = self.now.saturating_add(milliseconds).min(self.case.now + 366 * 24 * 3_600_000);
        self.play();
        self.tell_health(before);
    }

    /// Plays all that is recorded up to now.
    pub(super) fn play(&mut self) {
        for track in self.tracks.values_mut() {
            track.play(self.now, &self.store, &self.logs, &mut self.written);
        }
        for lines in self.written.values_mut() {
            let over = lines.len().saturating_sub(MAXIMUM_KEPT);
            lines.drain(..over);
            lines.sort_by_key(|line| line.at);
        }
    }

    /// A container that has become well since `before` says so.
    fn tell_health(&mut self, before: i64) {
        let became_well = |container: &&Container| {
            container.running
                && container.health(before) == Some(Health::Starting)
                && container.health(self.now) == Some(Health::Healthy)
        };
        let well: Vec<Container> = self.containers.values().filter(became_well).cloned().collect();
        for container in well {
            let at = container.ready_at();
            self.tell(Event::new(&container, at, "health_status: healthy", BTreeMap::new()));
        }
    }

    /// The name of the current segment.
    pub(super) fn segment_name(&self) -> String {
        self.segment.name.clone()
    }

    pub(super) fn healed(&self) -> bool {
        self.segment.healed && self.containers.values().all(|container| container.running)
    }
}

/// The segment in which a world begins.
pub(super) fn first(case: &Case) -> Option<Arc<Segment>> {
    case.segments.get(FIRST).map(Arc::clone)
}

fn keep<T>(kept: &mut VecDeque<T>, one: T) {
    if kept.len() >= MAXIMUM_KEPT {
        kept.pop_front();
    }
    kept.push_back(one);
}
