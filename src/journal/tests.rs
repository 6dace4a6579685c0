use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use chrono::TimeDelta;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tools::{Autonomy, Catalogue, Clock, Origin, Service};

use super::*;
use crate::{
    alert::{Limits, Notification},
    incident::{Call, Phase},
};

/// A clock that moves only when it is told to.
struct HandClock(AtomicI64);

impl HandClock {
    fn shared() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_790_000_000)))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }

    fn sleep(&self, _: std::time::Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

struct Desk {
    folder: tempfile::TempDir,
    clock: Arc<HandClock>,
    journal: Mutex<Option<Journal>>,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), clock: HandClock::shared(), journal: Mutex::new(None) };
        desk.open().unwrap();
        desk
    }

    fn options(&self) -> JournalOptions {
        JournalOptions { path: self.folder.path().join("journal.db"), queue: 64 }
    }

    fn open(&self) -> Result<(), JournalError> {
        let journal = Journal::open(&self.options(), self.clock.clone())?;
        *self.journal.lock().unwrap() = Some(journal);
        Ok(())
    }

    fn journal(&self) -> Journal {
        self.journal.lock().unwrap().clone().unwrap()
    }

    async fn reopen(&self) {
        self.journal().close().await;
        self.open().unwrap();
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.options().path).unwrap().execute_batch(sql).unwrap();
    }

    async fn take(&self, alerts: Value) -> Result<Taken, JournalError> {
        let body = json!({ "receiver": "r", "groupKey": alerts[0]["group"], "alerts": alerts });
        let limits = Limits { alerts: 100, labels: 64, value_bytes: 4096 };
        let notification = Notification::parse(body.to_string().as_bytes(), &limits).unwrap();
        let service = |name: &str, needs: &[&str]| Service {
            depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
            autonomy: Some(Autonomy::Act),
            ..Service::named(name, Origin::Settings)
        };
        let catalogue = Catalogue::new([service("gateway", &["api"]), service("api", &["db"]), service("db", &[])]);
        let options = IntakeOptions { queue: 3, join_window: std::time::Duration::from_secs(300) };
        self.journal().take(notification, Arc::new(catalogue), options).await
    }
}

fn alert(name: &str, service: &str, status: &str, start: &str) -> Value {
    json!({
        "fingerprint": format!("{name}-{service}"), "status": status, "group": format!("{name}-{service}"),
        "labels": { "alertname": name, "service": service },
        "startsAt": format!("2026-09-21T{start}Z"),
        "endsAt": if status == "resolved" { "2026-09-21T13:00:00Z" } else { "0001-01-01T00:00:00Z" },
    })
}

async fn story(journal: &Journal, id: IncidentId) -> Vec<&'static str> {
    journal.entries(id, 0, 1000).await.unwrap().iter().map(|entry| entry.event.name()).collect()
}

#[tokio::test]
async fn retries_and_repeats_of_alertmanager_change_nothing() {
    let desk = Desk::new();
    let firing = json!([alert("Down", "api", "firing", "12:00:00")]);
    assert_eq!(desk.take(firing.clone()).await.unwrap(), Taken { opened: vec![1], ..Taken::default() });
    assert_eq!(desk.take(firing.clone()).await.unwrap(), Taken { repeated: 1, ..Taken::default() });
    desk.reopen().await;
    assert_eq!(desk.take(firing).await.unwrap(), Taken { repeated: 1, ..Taken::default() });

    let resolved = json!([alert("Down", "api", "resolved", "12:00:00")]);
    assert_eq!(desk.take(resolved.clone()).await.unwrap(), Taken { resolved: vec![1], ..Taken::default() });
    assert_eq!(desk.take(resolved).await.unwrap(), Taken { repeated: 1, ..Taken::default() });
    let stranger = json!([alert("Up", "db", "resolved", "12:00:00")]);
    assert_eq!(desk.take(stranger).await.unwrap(), Taken { unknown: 1, ..Taken::default() });
    assert_eq!(story(&desk.journal(), 1).await, ["opened", "alert_joined", "alert_resolved"]);
}

#[tokio::test]
async fn alerts_join_with_a_reason() {
    let desk = Desk::new();
    desk.take(json!([alert("Down", "api", "firing", "12:00:00")])).await.unwrap();
    desk.take(json!([alert("Down", "api", "firing", "12:01:00")])).await.unwrap();
    desk.take(json!([alert("Slow", "api", "firing", "12:01:00")])).await.unwrap();
    desk.take(json!([alert("Errors", "gateway", "firing", "12:01:00")])).await.unwrap();
    let mut grouped = alert("Other", "db", "firing", "12:01:00");
    grouped["group"] = json!("Down-api");
    grouped["labels"]["service"] = json!("elsewhere");
    desk.take(json!([grouped])).await.unwrap();
    desk.clock.pass(301);
    assert_eq!(desk.take(json!([alert("Late", "api", "firing", "12:09:00")])).await.unwrap().opened, [2]);

    let entries = desk.journal().entries(1, 0, 100).await.unwrap();
    let reasons: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            let Event::AlertJoined { because, .. } = &entry.event else {
                return None;
            };
            Some(serde_json::to_string(because).unwrap())
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    {"reason":"opens"}
    {"reason":"same_fingerprint"}
    {"reason":"same_service","service":"api"}
    {"reason":"dependency","service":"gateway","depends_on":"api"}
    {"reason":"same_group_key"}
    "#);
}

#[tokio::test]
async fn a_full_queue_refuses_the_whole_notification() {
    let desk = Desk::new();
    let lone = |name: &str| alert(name, "nowhere", "firing", "12:00:00");
    desk.take(json!([lone("A")])).await.unwrap();
    desk.take(json!([lone("B")])).await.unwrap();
    let mut two = [lone("C"), lone("D")];
    two[0]["group"] = json!("");
    let refused = desk.take(json!(two)).await.unwrap_err();
    assert_eq!(refused.to_string(), "3 incidents are open, at most 3 may wait");
    assert_eq!(desk.journal().list(Filter::default()).await.unwrap().len(), 2);
    // Nothing of the refused one is remembered: its first alert opens an incident when it comes again.
    assert_eq!(desk.take(json!([lone("C")])).await.unwrap().opened.len(), 1);
    assert_eq!(desk.journal().verify(None).await.unwrap(), (6, Vec::new()));
}

#[tokio::test]
async fn a_changed_or_missing_entry_is_found() {
    let desk = Desk::new();
    for name in ["A", "B", "C"] {
        desk.take(json!([alert(name, "nowhere", "firing", "12:00:00")])).await.unwrap();
    }
    assert_eq!(desk.journal().verify(None).await.unwrap(), (6, Vec::new()));
    desk.sql("UPDATE entries SET body = replace(body, 'Alert', 'alert') || ' ' WHERE incident = 1 AND seq = 2");
    desk.sql("DELETE FROM entries WHERE incident = 2 AND seq = 2");
    desk.sql("DELETE FROM entries WHERE incident = 3 AND seq = 1");
    let (read, broken) = desk.journal().verify(None).await.unwrap();
    let told: Vec<_> = broken.iter().map(|place| format!("{} {} {}", place.incident, place.seq, place.what)).collect();
    assert_eq!(read, 4);
    insta::assert_snapshot!(told.join("\n"), @r"
    1 2 the entry was changed after it was written
    3 1 entry 1 is missing; 2 follows
    2 2 entries 2 to 2 are missing at the end
    ");
    desk.sql("DELETE FROM entries WHERE incident = 2; DELETE FROM incidents WHERE id = 2");
    let (_, broken) = desk.journal().verify(None).await.unwrap();
    assert!(broken.iter().any(|place| place.incident == 2 && place.what == "the whole incident is missing"));
}

#[tokio::test]
async fn two_processes_cannot_write_one_journal() {
    let desk = Desk::new();
    let second = Journal::open(&desk.options(), desk.clock.clone()).err().unwrap();
    assert!(matches!(second, JournalError::InUse(_)), "{second}");
    desk.reopen().await;
}

#[tokio::test]
async fn a_journal_of_a_later_version_is_refused() {
    let desk = Desk::new();
    desk.journal().close().await;
    desk.sql("PRAGMA user_version = 9");
    let refused = desk.open().err().unwrap().to_string();
    assert!(refused.ends_with("has version 9, this program knows up to 2; use the newer program"), "{refused}");
}

#[tokio::test]
async fn a_lease_fences_off_a_worker_that_lost_it() {
    let desk = Desk::new();
    let journal = desk.journal();
    desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap();
    let length = std::time::Duration::from_secs(30);
    let first = journal.lease(length).await.unwrap().unwrap();
    assert_eq!(journal.lease(length).await.unwrap(), None);
    desk.clock.pass(29);
    journal.renew(first, length).await.unwrap();
    desk.clock.pass(31);
    let second = journal.lease(length).await.unwrap().unwrap();
    let handed = || vec![Event::HandedOver { why: "x".into() }];
    let lost = journal.append(1, handed(), Some(first)).await.unwrap_err();
    assert!(matches!(lost, JournalError::LeaseLost(1)));
    assert!(journal.renew(first, length).await.is_err());
    journal.append(1, handed(), Some(second)).await.unwrap();
    journal.release(second).await.unwrap();
    assert!(journal.lease(length).await.unwrap().is_some());
}

#[tokio::test]
async fn of_two_incidents_only_one_begins_a_change_on_a_service() {
    let desk = Desk::new();
    let journal = desk.journal();
    for name in ["A", "B"] {
        desk.take(json!([alert(name, "nowhere", "firing", "12:00:00")])).await.unwrap();
    }
    let length = std::time::Duration::from_secs(30);
    let first = journal.lease(length).await.unwrap().unwrap();
    let second = journal.lease(length).await.unwrap().unwrap();
    let begun = || Event::ChangeBegun {
        call: Call { id: "c1".into(), tool: "restart_container".into(), args: json!({}) },
        service: "api".into(),
        touches: tools::Touches::Service,
        effect: tools::Effect::default(),
        before: json!({}),
        around: Vec::new(),
        hold_seconds: 0,
    };
    let turned = Event::Turned {
        model: "m".into(),
        thought: String::new(),
        calls: vec![Call { id: "c1".into(), tool: "restart_container".into(), args: json!({}) }],
        usage: Default::default(),
    };
    for lease in [first, second] {
        journal.append(lease.incident(), vec![turned.clone()], Some(lease)).await.unwrap();
    }
    let begun = begun();
    let unless_running = move |_: &Incident, history: &History| {
        if history.running.is_empty() { vec![begun.clone()] } else { vec![Event::HandedOver { why: "late".into() }] }
    };
    let (one, other) = futures::join!(
        journal.decide_change(first, "api".into(), unless_running.clone()),
        journal.decide_change(second, "api".into(), unless_running)
    );
    let begun: Vec<_> =
        [one, other].into_iter().flat_map(|written| written.unwrap()).map(|entry| entry.event.name()).collect();
    assert_eq!(begun.iter().filter(|name| **name == "change_begun").count(), 1, "{begun:?}");
}

#[tokio::test]
async fn a_handed_over_incident_is_corrected_when_its_alerts_are_resolved() {
    let desk = Desk::new();
    let journal = desk.journal();
    desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap();
    let closed = Event::Closed { outcome: Outcome::HandedOver, why: "x".into() };
    journal.append(1, vec![closed], None).await.unwrap();
    // A repeat of the same episode opens nothing; a new episode does.
    assert_eq!(desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap().repeated, 1);
    desk.take(json!([alert("A", "api", "resolved", "12:00:00")])).await.unwrap();
    let (incident, _) = journal.incident(1).await.unwrap();
    assert_eq!((incident.phase, incident.outcome), (Phase::Closed, Some(Outcome::ResolvedByItself)));
    assert_eq!(desk.take(json!([alert("A", "api", "firing", "14:00:00")])).await.unwrap().opened, [2]);
}

#[tokio::test]
async fn due_incidents_wait_for_their_moment() {
    let desk = Desk::new();
    let journal = desk.journal();
    desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap();
    let lease = journal.lease(std::time::Duration::from_secs(30)).await.unwrap().unwrap();
    let call = Call { id: "c1".into(), tool: "restart_container".into(), args: json!({}) };
    let expires = desk.clock.now() + TimeDelta::minutes(30);
    let events = vec![
        Event::Turned {
            model: "m".into(),
            thought: String::new(),
            calls: vec![call.clone()],
            usage: Default::default(),
        },
        Event::ApprovalWanted {
            call,
            hash: "h".into(),
            verdict: crate::incident::Verdict::Ask(crate::incident::Reason::Looks),
            expires,
            effect: tools::Effect::default(),
            people: 1,
            roles: Vec::new(),
        },
    ];
    journal.append(1, events, Some(lease)).await.unwrap();
    journal.release(lease).await.unwrap();
    assert_eq!(journal.lease(std::time::Duration::from_secs(30)).await.unwrap(), None);
    assert_eq!(journal.next_due().await.unwrap(), Some(expires));
    desk.clock.pass(1_801);
    assert!(journal.lease(std::time::Duration::from_secs(30)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_failing_disk_is_told_and_nothing_is_answered_for() {
    let desk = Desk::new();
    desk.sql("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
    let failed = desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap_err().to_string();
    assert!(failed.contains("could not be written: database or disk is full"), "{failed}");
    desk.sql("DROP TRIGGER full");
    assert_eq!(desk.take(json!([alert("A", "api", "firing", "12:00:00")])).await.unwrap().opened.len(), 1);
}
