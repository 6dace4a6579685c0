//! Workers: lease an incident, investigate it, let go. HTTP and work meet only in the journal.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::watch, task::JoinSet};
use tools::SharedClock;

use crate::{
    agent::Agent,
    journal::{Case, Journal, JournalError, Lease},
};

/// After a failing journal, how long until it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// How incidents are worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Incidents investigated at once.
    pub concurrency: usize,
    /// How long a lease holds without renewal; another process takes over after it.
    pub lease: Duration,
}

/// Works until `stop` says so, then finishes nothing more: what is unfinished stands in the journal and is taken up later.
pub async fn run(
    agent: Arc<Agent>,
    journal: Journal,
    clock: SharedClock,
    options: WorkerOptions,
    mut stop: watch::Receiver<bool>,
) {
    let mut running: JoinSet<()> = JoinSet::new();
    let mut changes = journal.changes();
    loop {
        while running.len() < options.concurrency.max(1) {
            changes.mark_unchanged();
            match journal.lease(options.lease).await {
                Ok(Some(lease)) => {
                    let (agent, journal, clock) = (Arc::clone(&agent), journal.clone(), Arc::clone(&clock));
                    running.spawn(async move { hold(&agent, &journal, &clock, lease, options.lease).await });
                }
                Ok(None) => break,
                Err(JournalError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "no incident could be leased");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let due = journal.next_due().await.ok().flatten();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            changed = changes.changed() => if changed.is_err() { break },
            _ = running.join_next(), if !running.is_empty() => {}
            () = until(due, &clock) => {}
        }
    }
    // Dropping a task between two entries is safe: every step is on disk before the next one begins.
    running.shutdown().await;
}

/// Investigates one incident while renewing its lease.
async fn hold(agent: &Agent, journal: &Journal, clock: &SharedClock, lease: Lease, length: Duration) {
    let work = async {
        let mut case = Case::open(journal, lease).await?;
        agent.investigate(&mut case).await
    };
    let renew = async {
        loop {
            tokio::time::sleep(length / 3).await;
            if let Err(error) = journal.renew(lease, length).await {
                return error;
            }
        }
    };
    let started = clock.now();
    let ended: Result<(), JournalError> = tokio::select! {
        done = work => done,
        lost = renew => Err(lost),
    };
    let incident = lease.incident();
    match ended {
        Ok(()) => {
            let seconds = (clock.now() - started).as_seconds_f64();
            tracing::info!(incident, seconds, "taken as far as it goes");
            if let Err(error) = journal.release(lease).await {
                tracing::warn!(incident, %error, "the lease could not be given back");
            }
        }
        // The lease is left to run out: a pause before anybody tries again.
        Err(error) => tracing::error!(incident, %error, "the investigation stopped; it is taken up again later"),
    }
}

/// Resolves when `due` has come; never without one. Waits in real time: a worker that is idle must not move a virtual clock.
async fn until(due: Option<DateTime<Utc>>, clock: &SharedClock) {
    match due {
        None => std::future::pending().await,
        Some(due) => {
            let wait = (due - clock.now()).to_std().unwrap_or_default();
            // Capacity may be used up while something is due: do not spin.
            tokio::time::sleep(wait.max(Duration::from_millis(50))).await;
        }
    }
}
