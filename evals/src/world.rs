//! The world: one stage, and one server on loopback for each part of it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use tokio::{net::TcpListener, sync::watch};
use toml::{Table, Value};

use crate::{
    alertmanager,
    case::Case,
    docker,
    fault::{Fault, Part},
    loki::{self, LogStore},
    prometheus, services,
    stage::{Stage, WorldChange},
};

/// The stage, handed around.
#[derive(Clone)]
pub(crate) struct SharedStage(Arc<Mutex<Stage>>);

impl SharedStage {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a world cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No port on loopback.
    #[error("no port on loopback could be had: {0}")]
    Listen(#[from] std::io::Error),
    /// The case's data cannot be loaded.
    #[error("the case's samples cannot be loaded: {0}")]
    Data(String),
}

/// A recorded incident that answers again. Cheap to clone.
#[derive(Clone)]
pub struct World {
    stage: SharedStage,
    faults: Faults,
    addresses: Arc<BTreeMap<&'static str, SocketAddr>>,
    stop: Arc<watch::Sender<bool>>,
}

type Faults = Arc<Mutex<BTreeMap<Part, Fault>>>;

impl World {
    /// Starts the world of a case; its parts answer when this returns.
    ///
    /// # Errors
    /// [`WorldError`].
    pub async fn start(case: Case) -> Result<Self, WorldError> {
        let logs = Arc::new(RwLock::new(LogStore::new()));
        let stage = Stage::new(Arc::new(case), Arc::clone(&logs)).map_err(WorldError::Data)?;
        let stage = SharedStage(Arc::new(Mutex::new(stage)));
        let faults = Faults::default();
        let (stop, stopped) = watch::channel(false);
        let clock = stage.clone();
        // Loki's range ends before its end; a line of this very moment is seen.
        let now = Arc::new(move || clock.lock().now().timestamp_nanos_opt().unwrap_or_default());
        let parts = [
            ("prometheus", Some(Part::Prometheus), prometheus::router(stage.clone())),
            ("loki", Some(Part::Loki), loki::router(logs, now)),
            ("docker", Some(Part::Docker), docker::router(stage.clone())),
            ("alertmanager", Some(Part::Alertmanager), alertmanager::router(stage.clone())),
            ("world", None, services::router(stage.clone())),
        ];
        let mut addresses = BTreeMap::new();
        for (name, part, router) in parts {
            let router = match part {
                Some(part) => router.layer(middleware::from_fn_with_state((part, Arc::clone(&faults)), fail)),
                None => router,
            };
            addresses.insert(name, serve(router, stopped.clone()).await?);
        }
        Ok(Self { stage, faults, addresses: Arc::new(addresses), stop: Arc::new(stop) })
    }

    fn url(&self, name: &str) -> String {
        self.addresses.get(name).map(|address| format!("http://{address}")).unwrap_or_default()
    }

    /// Base URL of Prometheus's API.
    pub fn prometheus_url(&self) -> String {
        self.url("prometheus")
    }

    /// Base URL of Loki's API.
    pub fn loki_url(&self) -> String {
        self.url("loki")
    }

    /// Base URL of Docker Engine's API.
    pub fn docker_url(&self) -> String {
        self.url("docker")
    }

    /// Base URL of Alertmanager's API.
    pub fn alertmanager_url(&self) -> String {
        self.url("alertmanager")
    }

    /// The case's services as settings, with `{{world}}` and the like filled in.
    pub fn services(&self) -> Table {
        fn fill(value: &Value, world: &World) -> Value {
            match value {
                Value::String(text) => {
                    let filled = world
                        .addresses
                        .keys()
                        .fold(text.clone(), |text, name| text.replace(&format!("{{{{{name}}}}}"), &world.url(name)));
                    Value::String(filled)
                }
                Value::Table(table) => {
                    Value::Table(table.iter().map(|(key, value)| (key.clone(), fill(value, world))).collect())
                }
                Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, world)).collect()),
                Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => value.clone(),
            }
        }
        let services = self.stage.lock().case.services.clone();
        services.iter().map(|(name, service)| (name.clone(), fill(service, self))).collect()
    }

    /// The world's moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.stage.lock().now()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.stage.lock().advance(by);
    }

    /// What has been done to the world.
    pub fn changes(&self) -> Vec<WorldChange> {
        self.stage.lock().changes.clone()
    }

    /// Whether the last act that mattered helped.
    pub fn healed(&self) -> bool {
        self.stage.lock().healed()
    }

    /// The segment that plays.
    pub fn segment(&self) -> String {
        self.stage.lock().segment().to_owned()
    }

    /// A part fails from now on.
    pub fn break_part(&self, part: Part, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(part, fault);
    }

    /// A part works again.
    pub fn mend_part(&self, part: Part) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).remove(&part);
    }

    /// Stops all servers; requests under way are dropped.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        tokio::task::yield_now().await;
    }
}

async fn serve(router: Router, mut stopped: watch::Receiver<bool>) -> Result<SocketAddr, WorldError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let serving = std::future::IntoFuture::into_future(axum::serve(listener, router));
        // Dropped, not drained: a service that hangs would keep it for ever.
        tokio::select! {
            _ = serving => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
    Ok(address)
}

async fn fail(State((part, faults)): State<(Part, Faults)>, request: Request, next: Next) -> Response {
    let fault = faults.lock().unwrap_or_else(PoisonError::into_inner).get(&part).cloned();
    match fault {
        Some(fault) => fault.answer().await.into_response(),
        None => next.run(request).await,
    }
}
