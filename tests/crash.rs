//! Stopped after any entry and started again: the same end, and no change run twice.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, Utc};
use devops_agent::{
    config::Settings,
    eval::WorldClock,
    incident::Outcome,
    journal::{Case as Held, JournalError},
    parts::Parts,
};
use evals::{Case, World};
use futures::future::BoxFuture;
use tools::Clock;

use crate::stage::story;

/// Works on the incident until `entries` stand in its journal, then drops everything as a crash would.
async fn work(world: &World, path: &std::path::Path, stop_at: Option<u64>) -> Option<Outcome> {
    let mut settings = Settings::from_toml(&settings(world)).unwrap();
    settings.journal.path = path.to_owned();
    let parts = Parts::build(settings, Arc::new(WorldClock::new(world.clone()))).unwrap();
    let journal = parts.journal.clone();
    let lease = journal.lease(std::time::Duration::from_secs(30)).await.unwrap();
    let outcome = match lease {
        None => None,
        Some(lease) => {
            let mut case = Held::open(&journal, lease).await.unwrap();
            let watched = journal.clone();
            let reached = async {
                let mut changes = watched.changes();
                loop {
                    let entries = watched.entries(1, 0, 1_000).await.unwrap();
                    if stop_at.is_some_and(|stop_at| entries.len() as u64 >= stop_at) {
                        return;
                    }
                    changes.changed().await.unwrap();
                }
            };
            tokio::select! {
                biased;
                () = reached => None,
                done = parts.agent.investigate(&mut case) => {
                    done.unwrap();
                    case.incident().outcome
                }
            }
        }
    };
    journal.close().await;
    outcome
}

fn settings(world: &World) -> String {
    let services =
        toml::to_string(&toml::Table::from_iter([("services".to_owned(), world.services().into())])).unwrap();
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[prometheus]\nurl = \"{}\"\n[docker]\nhost = \"{}\"\n[health]\ntimeout = \"300ms\"\n\
         [discovery]\nenabled = false\n{services}",
        world.prometheus_url(),
        world.docker_url()
    )
}

async fn opened(world: &World, path: &std::path::Path, alert: &serde_json::Value) {
    let mut settings = Settings::from_toml(&settings(world)).unwrap();
    settings.journal.path = path.to_owned();
    let parts = Parts::build(settings, Arc::new(WorldClock::new(world.clone()))).unwrap();
    let limits = devops_agent::alert::Limits { alerts: 10, labels: 64, value_bytes: 4_096 };
    let notification = devops_agent::alert::Notification::parse(alert.to_string().as_bytes(), &limits).unwrap();
    parts.journal.take(notification, parts.catalogue.load(), parts.intake()).await.unwrap();
    parts.journal.close().await;
}

#[tokio::test]
async fn stopped_after_every_entry_it_ends_the_same_and_changes_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut after = 2;
    loop {
        let case = Case::from_embedded("container-killed").unwrap();
        let alert = case.alert.clone();
        let world = World::start(case).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        opened(&world, &path, &alert).await;
        let first = work(&world, &path, Some(after)).await;
        if first.is_none() {
            work(&world, &path, None).await;
        }
        let restarts = world.changes().iter().filter(|change| change.action == evals::Action::Restart).count();
        let journal = devops_agent::journal::Journal::inspect(path);
        let (incident, entries) = journal.incident(1).await.unwrap();
        let told = story(&entries);
        assert!(restarts <= 1, "stopped after {after}: {restarts} restarts\n{told:?}");
        // Stopped between the beginning of the change and its end, the dropped request may or may not have reached Docker; either
        // way it ends, and says so.
        assert!(incident.outcome.is_some(), "stopped after {after}: it never ended\n{told:?}");
        if restarts == 1 {
            assert_eq!(incident.outcome, Some(Outcome::Repaired), "stopped after {after}\n{told:?}");
        }
        assert_eq!(told.iter().filter(|name| *name == "closed").count(), 1, "{told:?}");
        world.shutdown().await;
        if first.is_some() {
            break;
        }
        after += 1;
    }
    assert!(after > 20, "the story has only {after} entries: the test stops too early");
}

/// A clock that fails the test when an idle worker moves it.
struct Frozen(DateTime<Utc>, AtomicUsize);

impl Clock for Frozen {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn sleep(&self, _: std::time::Duration) -> BoxFuture<'_, ()> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn an_idle_worker_neither_spins_nor_moves_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::from_toml("[docker]\nhost = \"none\"").unwrap();
    settings.journal.path = folder.path().join("journal.db");
    let clock = Arc::new(Frozen(DateTime::UNIX_EPOCH, AtomicUsize::new(0)));
    let parts = Parts::build(settings, clock.clone()).unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let working = tokio::spawn(devops_agent::worker::run(
        parts.agent.clone(),
        parts.journal.clone(),
        clock.clone(),
        parts.worker(),
        stopped,
    ));
    stop.send_replace(true);
    working.await.unwrap();
    assert_eq!(clock.1.load(Ordering::SeqCst), 0);
    parts.journal.close().await;
    assert!(matches!(parts.journal.lease(std::time::Duration::from_secs(1)).await, Err(JournalError::Closed)));
}
