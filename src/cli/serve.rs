//! `serve`: alerts and questions in, work going on, until a signal.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures::FutureExt;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tools::SystemClock;

use super::Found;
use crate::{
    config::Loaded,
    guard::{announce, reload},
    http,
    incident::Who,
    parts::{Parts, told_of_runbooks},
    worker,
};

/// What is under way gets this long to end after the signal.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn run(loaded: Loaded) -> Result<Found> {
    for warning in &loaded.warnings {
        tracing::warn!(warning, "settings");
    }
    let server = Server::start(Parts::build(loaded.settings, Arc::new(SystemClock))?).await?;
    tracing::info!(address = %server.address, "ready");
    signal().await?;
    tracing::info!("stopping: what is under way stands in the journal and is taken up at the next start");
    server.stop().await;
    Ok(Found::Well)
}

/// A running server with its workers.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) parts: Arc<Parts>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    working: JoinHandle<()>,
    discovering: JoinHandle<()>,
    reloading: JoinHandle<()>,
    /// One reads runbooks again, one learns them, one keeps memory in step.
    keeping: [JoinHandle<()>; 3],
}

impl Server {
    /// Listens; when this returns, alerts are taken in.
    pub(super) async fn start(parts: Parts) -> Result<Self> {
        let parts = Arc::new(parts);
        let listen = parts.settings.http.listen;
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen} ([http] listen)"))?;
        let address = listener.local_addr()?;
        let started = Who { by: "start".to_owned(), from: String::new(), because: String::new() };
        announce(&parts.policy.load(), &parts.settings.guard.policy, &parts.journal, started).await?;
        let (stop, stopped) = watch::channel(false);
        let router = http::router(parts.http(parts.clock.now()));
        let mut ending = stopped.clone();
        let serving = tokio::spawn(async move {
            let end = async move {
                // An error means that the sender is gone, which is an end as well.
                let _ = ending.wait_for(|stop| *stop).await;
            };
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).with_graceful_shutdown(end).await
        });
        let working = tokio::spawn(worker::run(
            Arc::clone(&parts.agent),
            parts.journal.clone(),
            Arc::clone(&parts.clock),
            parts.worker(),
            stopped.clone(),
        ));
        let (shelf, learner, keeper) = (Arc::clone(&parts), parts.learner(None), parts.keeper());
        // Whether something may be kept hangs on which services there are.
        let discovering = Arc::clone(&parts);
        let catalogue = async move { discovering.discover().await }.boxed().shared();
        let known = catalogue.clone();
        let stopping = stopped.clone();
        let keeping = [
            tokio::spawn(async move { shelf.keep_reloading_runbooks().await }),
            tokio::spawn(async move {
                known.await;
                learner.run(stopping).await;
            }),
            tokio::spawn(async move {
                if let Some(keeper) = keeper {
                    catalogue.await;
                    keeper.run(stopped).await;
                }
            }),
        ];
        let discoverer = Arc::clone(&parts);
        let discovering = tokio::spawn(async move { discoverer.keep_discovering().await });
        let reloading = tokio::spawn(reload_on_hangup(Arc::clone(&parts)));
        Ok(Self { address, parts, stop, serving, working, discovering, reloading, keeping })
    }

    /// Takes nothing more in, lets go of the work, writes what waits, and closes the journal.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        self.discovering.abort();
        self.reloading.abort();
        self.keeping.iter().for_each(JoinHandle::abort);
        if tokio::time::timeout(GRACE, self.working).await.is_err() {
            tracing::warn!("a worker did not stop in time");
        }
        // Streams end with the journal; requests under way are answered first, as the journal writes what waits.
        self.parts.journal.close().await;
        if tokio::time::timeout(GRACE, self.serving).await.is_err() {
            tracing::warn!("a connection did not end in time");
        }
        for task in self.keeping {
            // It was told to end; what it was doing to the store may still be under way.
            let _ended = task.await;
        }
        if let Some(memory) = &self.parts.memory {
            match tokio::time::timeout(GRACE, memory.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "memory could not be closed"),
                Err(_) => tracing::warn!("memory was not closed in time"),
            }
        }
    }
}

/// Reads policy and runbooks again on each SIGHUP; what is wrong is said, and what was before goes on holding.
async fn reload_on_hangup(parts: Arc<Parts>) {
    let mut hangups = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            return tracing::warn!(%error, "SIGHUP cannot be followed; POST /policy/reload and /runbooks/reload read again");
        }
    };
    while hangups.recv().await.is_some() {
        let who = Who { by: "SIGHUP".to_owned(), from: String::new(), because: String::new() };
        match reload(&parts.policy, &parts.settings.guard.policy, &parts.journal, who).await {
            Ok(policy) => tracing::info!(hash = policy.hash, "the policy was read again"),
            Err(error) => tracing::error!(%error, "the policy is as before"),
        }
        told_of_runbooks(parts.reload_runbooks());
    }
}

/// Resolves on SIGINT or SIGTERM.
pub(super) async fn signal() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
