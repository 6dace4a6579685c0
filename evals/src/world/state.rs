//! The world at its virtual now.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio::sync::broadcast;

use super::{
    change::WorldChange,
    container::{Container, Health},
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
const MAXIMUM_KEPT: usize = 20_000;
/// How many events a slow reader may be behind before it misses some.
const EVENTS_BEHIND: usize = 256;
/// For how long samples are kept, in milliseconds, and how often old ones are forgotten.
const SAMPLES_KEPT: i64 = 6 * 3_600_000;
const FORGETS_EVERY: i64 = 600_000;
/// The most steps of the Swarm within one move of the clock.
const STEPS: usize = 10_000;

/// The world at its virtual now. Invariant: stores hold nothing later than now.
pub(crate) struct State {
    case: Arc<Case>,
    now: i64,
    segment: Arc<Segment>,
    /// By the container's id; by the name where there is no container.
    tracks: BTreeMap<String, Track>,
    generator: Generator,
    containers: BTreeMap<String, Container>,
    pub(super) images: Images,
    pub(super) networks: Networks,
    pub(super) swarm: Option<Swarm>,
    /// At the world's beginning, by service: how many containers, and of which images.
    first: BTreeMap<String, (u64, BTreeSet<String>)>,
    /// The service of each container that was there at the beginning.
    services: BTreeMap<String, String>,
    ran: BTreeMap<String, Ran>,
    changes: VecDeque<WorldChange>,
    changed: u64,
    made: u64,
    events: VecDeque<Event>,
    told: broadcast::Sender<Event>,
    written: BTreeMap<String, Vec<Written>>,
    forgot_at: i64,
    store: Arc<SeriesStore>,
    logs: Arc<RwLock<LogStore>>,
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

    /// Takes a container out, with what it wrote and what is scraped of it.
    pub(super) fn take_out(&mut self, name: &str) -> Option<Container> {
        let container = self.containers.remove(name)?;
        self.written.remove(name);
        if let Some(mut track) = self.tracks.remove(container.id()) {
            track.goes(self.now, &self.store);
            // The last track of a name stays: another container of the service may yet go on with it.
            if self.tracks_of(track.name()).is_empty() {
                self.tracks.insert(container.id().to_owned(), track);
            }
        }
        Some(container)
    }

    /// Gives a container another name, which is free.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let Some(mut container) = self.containers.remove(from) else {
            return;
        };
        if let Some(lines) = self.written.remove(from) {
            self.written.insert(to.to_owned(), lines);
        }
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.renamed(to);
        }
        container.rename(to);
        self.add(container);
    }

    /// A container was started: it is scraped again, or for the first time.
    pub(super) fn comes_up(&mut self, container: &Container) {
        let (now, service) = (self.now, container.service().to_owned());
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.comes_up(now);
        } else if let Some(other) = self.tracks.values().find(|track| track.name() == service) {
            let port = other.port().unwrap_or("80");
            let instance = format!("{}:{port}", container.address().unwrap_or(&container.name));
            let track = other.beside(&container.name, &instance, now);
            self.tracks.insert(container.id().to_owned(), track);
        }
        self.drop_replaced(&service);
    }

    pub(super) fn goes_down(&mut self, container: &Container) {
        let now = self.now;
        if let Some(track) = self.tracks.get_mut(container.id()) {
            track.goes_down(now);
        }
        self.drop_replaced(container.service());
    }

    /// What does not run, and is not missed, is scraped no more.
    fn drop_replaced(&mut self, service: &str) {
        let of_service = || self.containers.values().filter(|container| container.service() == service);
        let running = of_service().filter(|container| container.running).count() as u64;
        if running < self.wanted(service) {
            return;
        }
        for container in self.containers.values().filter(|one| one.service() == service && !one.running) {
            if let Some(track) = self.tracks.get_mut(container.id()).filter(|track| !track.is_gone()) {
                track.goes(self.now, &self.store);
            }
        }
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

    /// The name of the current segment.
    pub(super) fn segment_name(&self) -> String {
        self.segment.name.clone()
    }

    pub(super) fn healed(&self) -> bool {
        let made_up = |service: &String| self.case.loads.contains_key(service);
        let well = |(service, (wanted, _)): (&String, &(u64, BTreeSet<String>))| {
            let facts = self.facts(service);
            if made_up(service) { facts.good >= *wanted } else { facts.running >= *wanted }
        };
        (self.segment.healed || !self.case.loads.is_empty()) && self.first.iter().all(well)
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
