//! The world at its virtual now.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, RwLock},
};

use tokio::sync::broadcast;

use super::{
    change::WorldChange,
    container::Container,
    event::Event,
    images::Images,
    load::Generator,
    network::Networks,
    ran::Ran,
    swarm::Swarm,
    track::{Track, Written},
};
use crate::{
    case::{Case, FIRST, ImageBehaviour, Segment},
    loki::LogStore,
    prometheus::SeriesStore,
};

/// The most events, changes and lines a container that are kept; the oldest make room.
pub(super) const MAXIMUM_KEPT: usize = 20_000;
/// How many events a slow reader may be behind before it misses some.
const EVENTS_BEHIND: usize = 256;
/// The world at its virtual now. Invariant: stores hold nothing later than now.
pub(crate) struct State {
    pub(super) case: Arc<Case>,
    pub(super) now: i64,
    segment: Arc<Segment>,
    /// By the container's id; by the name where there is no container.
    pub(super) tracks: BTreeMap<String, Track>,
    pub(super) generator: Generator,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) images: Images,
    pub(super) networks: Networks,
    pub(super) swarm: Option<Swarm>,
    /// At the world's beginning, by service: how many containers, and of which images.
    pub(super) first: BTreeMap<String, (u64, BTreeSet<String>)>,
    /// The service of each container that was there at the beginning.
    services: BTreeMap<String, String>,
    ran: BTreeMap<String, Ran>,
    changes: VecDeque<WorldChange>,
    changed: u64,
    made: u64,
    events: VecDeque<Event>,
    told: broadcast::Sender<Event>,
    pub(super) written: BTreeMap<String, Vec<Written>>,
    pub(super) forgot_at: i64,
    pub(super) store: Arc<SeriesStore>,
    pub(super) logs: Arc<RwLock<LogStore>>,
}

impl State {
    pub(super) fn new(
        case: Arc<Case>,
        segment: Arc<Segment>,
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
        for (name, behaviour) in &segment.containers {
            if let Some(container) = containers.get_mut(name) {
                container.behave(behaviour.clone(), segment.begins);
            }
        }
        let recorded = case.containers.events.iter().filter_map(|event| {
            let container = containers.get(&event.container)?;
            Some(Event::new(container, event.at.timestamp_millis(), &event.action, event.attributes.clone()))
        });
        let events = recorded.collect();
        let key = |name: &String| containers.get(name).map_or_else(|| name.clone(), |found| found.id().to_owned());
        let tracks = segment.records.iter().map(|name| (key(name), Track::first(name, Arc::clone(&segment)))).collect();
        let mut state = Self {
            now: case.now,
            generator: Generator::new(&case),
            images: Images::new(&case),
            networks: Networks::new(containers.values()),
            swarm: Swarm::new(&case, containers.values()),
            first: first_of(&case, containers.values()),
            services: containers.values().map(|one| (one.name.clone(), one.service().to_owned())).collect(),
            ran: BTreeMap::new(),
            case,
            segment,
            tracks,
            containers,
            changes: VecDeque::new(),
            changed: 0,
            made: 0,
            events,
            told: broadcast::channel(EVENTS_BEHIND).0,
            written: BTreeMap::new(),
            forgot_at: 0,
            store,
            logs,
        };
        let names: BTreeSet<String> = state.services.values().cloned().collect();
        for name in names {
            state.behave_anew(&name);
            let (_, images) = state.first.get(&name).cloned().unwrap_or_default();
            state.ran(&name).note(&images);
        }
        let now = state.now;
        state.containers.values_mut().for_each(|container| container.told = container.health(now));
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

    pub(super) fn follow(&mut self, key: String, track: Track) {
        self.tracks.insert(key, track);
    }

    pub(super) fn track_mut(&mut self, key: &str) -> Option<&mut Track> {
        self.tracks.get_mut(key)
    }

    /// The keys of the tracks of a metrics' `job` or logs' `service`.
    pub(super) fn tracks_of(&self, name: &str) -> Vec<String> {
        self.tracks.iter().filter(|(_, track)| track.name() == name).map(|(key, _)| key.clone()).collect()
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

    pub(super) fn by_id(&self, id: &str) -> Option<&Container> {
        self.containers.values().find(|known| known.id() == id)
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.get_mut(name)
    }

    pub(super) fn add(&mut self, container: Container) {
        self.containers.insert(container.name.clone(), container);
    }

    /// How many containers a service should have.
    pub(super) fn wanted(&self, service: &str) -> u64 {
        self.first.get(service).map_or(0, |(count, _)| *count)
    }

    pub(super) fn first_images(&self, service: &str) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        self.first.get(service).map_or(&NONE, |(_, images)| images)
    }

    pub(super) fn ran(&mut self, service: &str) -> &mut Ran {
        self.ran.entry(service.to_owned()).or_default()
    }

    pub(super) fn has_run(&self, service: &str) -> Option<&Ran> {
        self.ran.get(service)
    }

    /// Whether a container of the world's beginning was of that service.
    pub(super) fn is_of(&self, container: &str, service: &str) -> bool {
        self.services.get(container).is_some_and(|found| found == service)
    }

    pub(super) fn image_behaviour(&self, id: &str) -> Option<&ImageBehaviour> {
        self.images.behaviour(id)
    }

    pub(super) fn id_of_image(&self, reference: &str) -> String {
        self.images.id_of(reference)
    }

    /// A number that is given once.
    pub(super) fn serial(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// What a container wrote so far.
    pub(crate) fn written(&self, container: &str) -> &[Written] {
        self.written.get(container).map_or(&[], Vec::as_slice)
    }

    /// The changes after the one of that number.
    pub(crate) fn changes(&self, after: u64) -> impl Iterator<Item = &WorldChange> {
        let first = self.changed - self.changes.len() as u64;
        let skipped = usize::try_from(after.saturating_sub(first)).unwrap_or(usize::MAX).min(self.changes.len());
        self.changes.range(skipped..)
    }

    pub(super) fn changes_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut WorldChange> {
        self.changes.iter_mut()
    }

    pub(super) fn remember(&mut self, change: impl FnOnce(u64) -> WorldChange) {
        self.changed += 1;
        keep(&mut self.changes, change(self.changed));
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

    /// The name of the current segment.
    pub(super) fn segment_name(&self) -> String {
        self.segment.name.clone()
    }
}

fn first_of<'a>(
    case: &Case,
    containers: impl Iterator<Item = &'a Container>,
) -> BTreeMap<String, (u64, BTreeSet<String>)> {
    let mut first: BTreeMap<String, (u64, BTreeSet<String>)> = BTreeMap::new();
    for container in containers {
        let (count, images) = first.entry(container.service().to_owned()).or_default();
        *count += 1;
        images.insert(container.image_id().to_owned());
    }
    for (service, load) in &case.loads {
        first.entry(service.clone()).or_default().0 = load.wanted;
    }
    first
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
