//! The world: servers on loopback that answer as the real parts did, on one virtual clock.
//!
//! A call goes `docker` → `change` → another segment; a query reads the stores, which `track` fills up to the virtual now.

mod alter;
mod call_fault;
mod change;
mod consequence;
pub(crate) mod container;
mod create;
mod document;
pub(crate) mod event;
pub(crate) mod fault;
pub(crate) mod health;
mod images;
mod limits;
mod line;
mod load;
mod network;
mod observe;
mod passing;
mod playback;
mod ran;
mod refusal;
mod scraping;
mod server;
mod state;
mod swarm;
mod track;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::sync::watch;

pub use call_fault::BrokenCall;
pub use change::WorldChange;

use fault::Broken;
pub use fault::{Fault, Part};
pub(crate) use limits::{Limits, PROCESSORS};
pub(crate) use network::Network;
pub use observe::{Observed, ObservedService};
pub(crate) use refusal::Refusal;
use server::Server;
pub(crate) use state::State;
pub(crate) use swarm::{Service, Swarm, Task};
pub(crate) use track::Written;

use crate::{
    alertmanager::{self, SilenceChange, Silences, WorldSilence},
    case::Case,
    docker,
    github::{self, GitHubRepository, Hub, NewRepository},
    loki::{self, LogStore},
    notifications::{self, Notification},
    prometheus::{self, Engine, SeriesStore},
    services, time,
};

/// Why a world could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// A server could not listen on loopback.
    #[error("a server of the world cannot listen on 127.0.0.1: {0}")]
    Listen(#[from] io::Error),
    /// The case has no segment to begin with; [`Case::load`] never gives such a one.
    #[error("the case has no segment `fault`, in which every world begins")]
    NoSegment,
}

/// The state, shared by all servers.
#[derive(Clone)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    silences: Arc<Mutex<Silences>>,
    notifications: Arc<Mutex<Vec<Notification>>>,
    pub(crate) engine: Engine,
    pub(crate) closing: watch::Receiver<bool>,
}

impl Shared {
    /// The state at this moment; never held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The virtual now, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.state().now()
    }

    /// Alertmanager's silences; never held across an await.
    pub(crate) fn silences(&self) -> MutexGuard<'_, Silences> {
        self.silences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What people were told; never held across an await.
    pub(crate) fn notifications(&self) -> MutexGuard<'_, Vec<Notification>> {
        self.notifications.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// PromQL over a case's metrics as they are when the world begins.
pub(crate) fn engine_at_first(case: &Case) -> Option<Engine> {
    let store = Arc::new(SeriesStore::default());
    let first = state::first(case)?;
    State::new(Arc::new(case.clone()), first, Arc::clone(&store), Arc::new(RwLock::new(LogStore::new())));
    Some(Engine::new(store))
}

/// A recorded incident that answers again; a clone is the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    shared: Shared,
    hub: Hub,
    closing: watch::Sender<bool>,
    broken: BTreeMap<Part, Broken>,
    servers: BTreeMap<&'static str, Server>,
}

impl World {
    /// Starts the servers of a world, each on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When a server cannot listen.
    pub async fn start(case: Case) -> Result<Self, StartError> {
        let case = Arc::new(case);
        let first = state::first(&case).ok_or(StartError::NoSegment)?;
        let store = Arc::new(SeriesStore::default());
        let logs = Arc::new(RwLock::new(LogStore::new()));
        let state = State::new(case, first, Arc::clone(&store), Arc::clone(&logs));
        let (closing, closed) = watch::channel(false);
        let shared = Shared {
            state: Arc::new(Mutex::new(state)),
            silences: Arc::default(),
            notifications: Arc::default(),
            engine: Engine::new(store),
            closing: closed,
        };
        let clock = shared.clone();
        let nanoseconds = Arc::new(move || clock.now().saturating_mul(1_000_000));
        let hub = Hub::default();
        let parts = [
            (Part::Prometheus, "prometheus", prometheus::router(shared.clone())),
            (Part::Loki, "loki", loki::router(logs, nanoseconds)),
            (Part::Docker, "docker", docker::router(shared.clone())),
            (Part::Alertmanager, "alertmanager", alertmanager::router(shared.clone())),
            (Part::Notifications, "notifications", notifications::router(shared.clone())),
            (Part::GitHub, "github", github::router(hub.clone(), shared.clone())),
        ];
        let mut servers = BTreeMap::new();
        let mut broken = BTreeMap::new();
        for (part, name, router) in parts {
            let fault = Broken::default();
            servers.insert(name, Server::start(router, Arc::clone(&fault), shared.closing.clone()).await?);
            broken.insert(part, fault);
        }
        let services = services::router(shared.clone());
        servers.insert("world", Server::start(services, Broken::default(), shared.closing.clone()).await?);
        Ok(Self(Arc::new(Inner { shared, hub, closing, broken, servers })))
    }

    fn url(&self, name: &str) -> String {
        self.0.servers.get(name).map(Server::url).unwrap_or_default()
    }

    /// Where Prometheus answers, such as `http://127.0.0.1:40001`.
    pub fn prometheus_url(&self) -> String {
        self.url("prometheus")
    }

    /// Where Loki answers.
    pub fn loki_url(&self) -> String {
        self.url("loki")
    }

    /// Where Docker Engine answers.
    pub fn docker_url(&self) -> String {
        self.url("docker")
    }

    /// Where Alertmanager answers.
    pub fn alertmanager_url(&self) -> String {
        self.url("alertmanager")
    }

    /// Where people are told: what is posted there, below any path, is kept.
    pub fn notifications_url(&self) -> String {
        self.url("notifications")
    }

    /// Where GitHub's REST API answers.
    pub fn github_url(&self) -> String {
        self.url("github")
    }

    /// Adds a repository, whose first commit was made a day before now.
    pub fn add_repository(&self, new: NewRepository) {
        self.0.hub.add(new, self.0.shared.now().div_euclid(1000) - 86_400);
    }

    /// A repository by "owner/name".
    pub fn repository(&self, full_name: &str) -> Option<GitHubRepository> {
        GitHubRepository::new(self.0.hub.clone(), self.0.shared.clone(), full_name)
    }

    /// Where the services themselves answer, below `/services/<name>/`.
    pub fn services_url(&self) -> String {
        self.url("world")
    }

    /// The case's `[services.*]` with this world's addresses filled in.
    pub fn services(&self) -> toml::Table {
        let mut services = self.0.shared.state().case().services.clone();
        let addresses: Vec<(String, String)> =
            self.0.servers.iter().map(|(name, server)| (format!("{{{{{name}}}}}"), server.url())).collect();
        services.iter_mut().for_each(|(_, value)| fill(value, &addresses));
        services
    }

    /// The virtual now.
    pub fn now(&self) -> DateTime<Utc> {
        time::from_milliseconds(self.0.shared.now())
    }

    /// Moves the virtual clock on; no real time passes.
    pub fn advance(&self, duration: Duration) {
        self.0.shared.state().advance(duration);
    }

    /// What was done to the world so far, by time.
    pub fn changes(&self) -> Vec<WorldChange> {
        self.changes_after(0)
    }

    /// Alertmanager's silences, those that are over too, in the order in which they were made.
    pub fn silences(&self) -> Vec<WorldSilence> {
        let now = self.0.shared.now();
        self.0.shared.silences().seen(now)
    }

    /// What was done to silences so far.
    pub fn silence_changes(&self) -> Vec<SilenceChange> {
        self.0.shared.silences().changes()
    }

    /// What people were told so far.
    pub fn notifications(&self) -> Vec<Notification> {
        self.0.shared.notifications().clone()
    }

    /// What was done after the change of that number, as far as it is kept; what is asked after each call costs little.
    pub fn changes_after(&self, number: u64) -> Vec<WorldChange> {
        self.0.shared.state().changes(number).cloned().collect()
    }

    /// All containers as they are now, by name.
    pub fn containers(&self) -> Vec<Observed> {
        self.0.shared.state().observed()
    }

    /// All services of the Swarm as they are now, by name; none where there is no Swarm.
    pub fn services_swarm(&self) -> Vec<ObservedService> {
        self.0.shared.state().observed_services()
    }

    /// Whether the incident is over: the segment is a healed one and nothing that should run does not; in a made-up case,
    /// every service has as many good containers as it needs.
    pub fn healed(&self) -> bool {
        self.0.shared.state().healed()
    }

    /// The name of the current segment.
    pub fn segment(&self) -> String {
        self.0.shared.state().segment_name()
    }

    /// Makes a part fail from now on.
    pub fn break_part(&self, part: Part, fault: Fault) {
        self.set_fault(part, Some(fault));
    }

    /// Makes a part answer again.
    pub fn mend_part(&self, part: Part) {
        self.set_fault(part, None);
    }

    /// Makes a part fail on certain calls, such as the second start of a container, before or after it is done.
    pub fn break_call(&self, part: Part, call: BrokenCall) {
        if let Some(broken) = self.0.broken.get(&part) {
            broken.arm(call);
        }
    }

    /// Makes a part answer all calls again, as far as [`World::break_call`] had broken them.
    pub fn mend_calls(&self, part: Part) {
        if let Some(broken) = self.0.broken.get(&part) {
            broken.disarm();
        }
    }

    /// How many calls of a part were struck by [`World::break_call`] so far.
    pub fn struck_calls(&self, part: Part) -> u64 {
        self.0.broken.get(&part).map_or(0, |broken| broken.struck())
    }

    fn set_fault(&self, part: Part, fault: Option<Fault>) {
        if let Some(broken) = self.0.broken.get(&part) {
            broken.set(fault);
        }
    }

    /// Stops all servers; waiting requests are cut off.
    pub async fn shutdown(&self) {
        let _ = self.0.closing.send(true);
        for server in self.0.servers.values() {
            server.ended().await;
        }
    }
}

fn fill(value: &mut toml::Value, addresses: &[(String, String)]) {
    match value {
        toml::Value::String(text) => addresses.iter().for_each(|(name, url)| *text = text.replace(name, url)),
        toml::Value::Array(all) => all.iter_mut().for_each(|value| fill(value, addresses)),
        toml::Value::Table(all) => all.iter_mut().for_each(|(_, value)| fill(value, addresses)),
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => (),
    }
}
