//! Single verdicts, each with the reason that a person reads.

use chrono::TimeDelta;
use serde_json::json;
use tools::{Origin, Replicas};

use super::*;
use crate::{
    alert::Alert,
    guard::policy::{Bytes, Policy},
    incident::{Call, Entry, Event, JoinReason, ServiceMatch, Usage, Who},
};

pub(super) const ACT: &str = "version = 1\nautonomy = \"act\"\n";

/// One call and all that is known around it; a test changes what it is about.
#[derive(Debug, Clone)]
pub(super) struct Docket {
    pub(super) policy: Policy,
    pub(super) tool: &'static str,
    pub(super) touches: Touches,
    pub(super) args: Value,
    pub(super) service: Option<Service>,
    pub(super) needs: BTreeSet<String>,
    pub(super) scope: Vec<String>,
    pub(super) incident: Incident,
    pub(super) history: History,
    pub(super) effect: Effect,
    pub(super) pages: bool,
    pub(super) untrusted: Option<Reason>,
    pub(super) now: DateTime<Utc>,
}

impl Docket {
    pub(super) fn new(more: &str) -> Self {
        Self {
            policy: Policy::parse("test", &format!("{ACT}{more}")).unwrap(),
            tool: "restart_container",
            touches: Touches::Service,
            args: json!({ "service": "payments" }),
            service: Some(Service::named("payments", Origin::Settings)),
            needs: BTreeSet::from(["orders-db".to_owned()]),
            scope: vec!["payments".to_owned(), "orders-db".to_owned()],
            incident: incident(),
            history: History::default(),
            effect: Effect::default(),
            pages: false,
            untrusted: None,
            now: "2026-11-20T12:00:00Z".parse().unwrap(),
        }
    }

    pub(super) fn judgement(&self) -> Judgement {
        judge(
            &self.policy,
            &Facts {
                tool: self.tool,
                touches: self.touches,
                args: &self.args,
                named: "payments",
                service: self.service.as_ref(),
                needs: &self.needs,
                scope: &self.scope,
                incident: &self.incident,
                history: &self.history,
                effect: Some(&self.effect),
                pages: self.pages,
                untrusted: self.untrusted.as_ref(),
                now: self.now,
            },
        )
    }

    /// The verdict as a person reads it.
    fn says(&self) -> String {
        match self.judgement().verdict {
            Verdict::Allow(reason) => format!("allow: {reason}"),
            Verdict::Ask(reason) => format!("ask: {reason}"),
            Verdict::Refuse(reason) => format!("refuse: {reason}"),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

fn entry(seq: u64, event: Event) -> Entry {
    Entry { seq, at: DateTime::UNIX_EPOCH, incident: 7, event }
}

fn alert() -> Alert {
    let alert = json!({ "fingerprint": "f", "status": "firing", "labels": { "alertname": "Down" }, "startsAt": "2026-11-20T11:59:00Z" });
    serde_json::from_value(alert).unwrap()
}

/// An incident about one alert that fires.
pub(super) fn incident() -> Incident {
    let service = ServiceMatch::Named { service: "payments".into() };
    let joined = Event::AlertJoined {
        alert: alert(),
        group_key: String::new(),
        receiver: String::new(),
        because: JoinReason::Opens,
        truncated: 0,
        instructs: None,
    };
    let opened = Event::Opened { source: Source::Alert, title: String::new(), service };
    Incident::replay(7, &[entry(1, opened), entry(2, joined)])
}

/// The incident after it began a change of this kind to each of these.
fn changed(touches: Touches, services: &[&str]) -> Incident {
    let mut incident = incident();
    for (index, service) in services.iter().enumerate() {
        let call = Call { id: format!("c{index}"), tool: "silence_alert".into(), args: json!({ "n": index }) };
        let turned = Event::Turned {
            model: "m".into(),
            thought: String::new(),
            calls: vec![call.clone()],
            usage: Usage::default(),
        };
        let begun = Event::ChangeBegun {
            call,
            service: (*service).to_owned(),
            touches,
            effect: Effect::default(),
            before: Value::Null,
            around: Vec::new(),
            hold_seconds: 0,
        };
        incident.apply(&entry(10 + 2 * index as u64, turned));
        incident.apply(&entry(11 + 2 * index as u64, begun));
    }
    incident
}

fn replicas(all: u64, well: u64, taken_at_once: u64) -> impl FnOnce(&mut Docket) {
    move |docket| docket.effect.replicas = Some(Replicas { all, well, taken_at_once })
}

#[test]
fn each_cap_is_told_with_its_numbers() {
    let docket = || Docket::new("");
    let who = || Some(Who { by: "jo".into(), from: String::new(), because: "the exchange is closed".into() });
    let told = [
        docket(),
        docket().with(|d| d.service = None),
        docket().with(|d| d.scope = vec!["orders-db".into()]),
        docket().with(|d| d.incident = changed(Touches::Service, &["payments", "payments", "payments"])),
        docket().with(|d| d.incident = changed(Touches::Service, &["a", "b"])),
        docket().with(|d| d.history.service_in_hour = 4),
        docket().with(|d| d.history.fleet_in_hour = 12),
        docket().with(|d| d.history.last_change = Some(d.now - TimeDelta::seconds(17))),
        docket().with(|d| d.history.last_change = Some(d.now + TimeDelta::seconds(17))),
        docket().with(|d| d.history.running = vec![("x".into(), 1), ("y".into(), 2)]),
        docket().with(|d| d.history.running = vec![("orders-db".into(), 3)]),
        docket().with(|d| d.history.open = vec![("orders-db".into(), 3)]),
        docket().with(|d| d.history.service_failed = (2, false)),
        docket().with(|d| d.history.fleet_failed = (1, true)),
        docket().with(|d| d.history.halted = who()),
        docket().with(|d| d.effect.deploying = Some("Swarm says updating".into())),
        docket().with(|d| {
            d.untrusted = Some(Reason::Untrusted { argument: "image".into(), value: "evil:1".into(), seq: 9 })
        }),
    ];
    insta::assert_snapshot!(told.map(|docket| docket.says()).join("\n"), @r#"
    allow: payments is in mode act, and every cap holds
    refuse: "payments" is not in the service catalogue
    refuse: payments is not part of this incident, which may touch: orders-db
    refuse: 3 of at most 3 changes of this incident are made
    refuse: it would be service 3 of at most 2 that this incident may touch
    refuse: 4 of at most 4 changes to payments in this hour are made
    refuse: 12 of at most 12 changes to all services in this hour are made
    refuse: payments was changed 17 s ago; 300 s have to pass
    refuse: payments was changed 0 s ago; 300 s have to pass
    refuse: 2 of at most 2 changes at the same time are under way
    refuse: incident 3 is changing orders-db, and that is not proven yet
    refuse: payments depends on orders-db, which has the open incident 3: it may be only a victim
    ask: 2 changes to payments in a row did not help (2 are too many): a person decides until somebody raises it
    ask: 1 changes in the fleet in a row did not help (4 are too many): a person decides until somebody raises it
    refuse: jo has stopped every change: the exchange is closed
    refuse: a deployment of payments is under way: Swarm says updating
    ask: image = "evil:1" stands in telemetry ([9]) and in no trusted place
    "#);
}

#[test]
fn replicas_that_stay_untouched_and_well_are_counted() {
    let says = |all, well, taken| Docket::new("").with(replicas(all, well, taken)).says();
    insta::assert_snapshot!([
        says(4, 4, 1),
        says(4, 4, 2),
        // One is ill already: taking a well one leaves two.
        says(4, 3, 1),
        // The ill one itself takes nothing out.
        says(4, 3, 0),
        says(8, 8, 2),
        // A pair can be restarted one after another, though a half is more than a quarter.
        says(2, 2, 1),
        says(1, 1, 1),
    ].join("\n"), @"
    allow: payments is in mode act, and every cap holds
    refuse: 2 of 4 replicas would stay untouched and well; 3 have to
    refuse: 2 of 4 replicas would stay untouched and well; 3 have to
    allow: payments is in mode act, and every cap holds
    allow: payments is in mode act, and every cap holds
    allow: payments is in mode act, and every cap holds
    allow: payments is in mode act, and every cap holds
    ");
    let asks = Docket::new("[caps]\nsingle_replica = \"ask\"").with(replicas(1, 1, 1)).says();
    assert_eq!(asks, "ask: its only replica would be out of service for a moment");
}

#[test]
fn what_a_call_would_do_is_bounded() {
    let says = |change: fn(&mut Docket)| {
        let policy =
            "[images]\nallowed = \"ghcr.io/team/*\"\nnever = \"*:latest\"\n[caps]\npull_request_never = [\"*.pem\"]";
        Docket::new(policy).with(change).says()
    };
    insta::assert_snapshot!([
        says(|d| d.effect.scale = Some((4, 8))),
        says(|d| d.effect.scale = Some((4, 9))),
        says(|d| d.effect.scale = Some((4, 1))),
        says(|d| d.effect.scale = Some((4, 0))),
        says(|d| d.effect.scale = Some((8, 11))),
        says(|d| d.effect.scale = Some((0, 2))),
        says(|d| d.effect.memory = Some(8 << 30)),
        says(|d| d.effect.memory = Some(1 << 20)),
        says(|d| d.effect.memory = Some(Bytes(512 << 20).0)),
        says(|d| d.effect.millicpus = Some(8_000)),
        says(|d| d.effect.image = Some("ghcr.io/team/app".into())),
        says(|d| d.effect.image = Some("evil.example/team/app:1".into())),
        says(|d| d.effect.silence_seconds = Some(3 * 3_600)),
        says(|d| d.effect.silence_seconds = Some(0)),
        says(|d| d.effect.files = Some((vec!["deploy/app.yml".into()], 401))),
        says(|d| d.effect.files = Some((vec!["certs/Server.PEM".into()], 1))),
    ].join("\n"), @"
    allow: payments is in mode act, and every cap holds
    refuse: from 4 to 9 replicas: 1 to 10 are allowed, 2 times a step at most
    refuse: from 4 to 1 replicas: 1 to 10 are allowed, 2 times a step at most
    refuse: from 4 to 0 replicas: 1 to 10 are allowed, 2 times a step at most
    refuse: from 8 to 11 replicas: 1 to 10 are allowed, 2 times a step at most
    allow: payments is in mode act, and every cap holds
    refuse: a memory limit of 8192 MiB: 16 MiB to 4096 MiB are allowed
    refuse: a memory limit of 1 MiB: 16 MiB to 4096 MiB are allowed
    allow: payments is in mode act, and every cap holds
    refuse: a CPU limit of 8 cores: 0.1 cores to 4 cores are allowed
    refuse: ghcr.io/team/app:latest is one of the images that are never started: *:latest
    refuse: evil.example/team/app:1 is none of the allowed images: ghcr.io/team/*
    refuse: a silence of 10800 s; 7200 s are allowed
    refuse: a silence of 0 s; 7200 s are allowed
    refuse: a pull request of 1 files and 401 lines: 10 files and 400 lines are allowed
    refuse: a pull request never touches *.pem (certs/Server.PEM)
    ");
}

#[test]
fn modes_say_what_needs_a_person() {
    let says = |mode: &str, touches: Touches| {
        let mut docket = Docket::new("");
        docket.touches = touches;
        docket.policy.autonomy = serde_json::from_value(json!(mode)).unwrap();
        docket.judgement().verdict.rank()
    };
    let all = [Touches::Service, Touches::Alerts, Touches::Repository, Touches::People];
    // 0 runs, 1 asks, 2 does not run.
    assert_eq!(all.map(|touches| says("observe", touches)), [2, 2, 2, 0]);
    assert_eq!(all.map(|touches| says("propose", touches)), [1, 1, 0, 0]);
    assert_eq!(all.map(|touches| says("act", touches)), [0, 0, 0, 0]);
}

#[test]
fn people_can_be_told_while_all_is_halted_and_of_what_is_protected() {
    let docket = Docket::new("protected = [\"payments\"]").with(|d| {
        d.touches = Touches::People;
        d.history.halted = Some(Who { by: "jo".into(), from: String::new(), because: String::new() });
        d.scope.clear();
    });
    assert_eq!(docket.says(), "allow: it only tells people");
}

/// What a rule says of every tool is about the tools of models.
#[test]
fn the_agents_own_page_is_kept_back_by_no_rule() {
    for verdict in ["ask", "refuse"] {
        let rule = format!(
            "[[rules]]\nname = \"all\"\nservice = \"pay*\"\nverdict = \"{verdict}\"\nbecause = \"x\"\n\
             examples = [{{ tool = \"notify\", service = \"payments\" }}]"
        );
        let tells = |pages: bool| {
            Docket::new(&rule).with(|d| {
                d.tool = "notify";
                d.touches = Touches::People;
                d.pages = pages;
            })
        };
        assert_eq!(tells(true).says(), "allow: it only tells people");
        assert!(tells(false).says().starts_with(verdict), "{}", tells(false).says());
    }
}

#[test]
fn where_two_rules_leave_no_role_that_may_say_yes_nobody_is_asked() {
    let rule = |name: &str, role: &str| {
        format!(
            "[[rules]]\nname = \"{name}\"\nservice = \"payments\"\nverdict = \"ask\"\nbecause = \"x\"\napproval = {{ roles = [\"{role}\"] }}\n\
             examples = [{{ tool = \"restart_container\", service = \"payments\" }}]\n"
        )
    };
    let one = Docket::new(&rule("one", "approver"));
    assert_eq!(one.says(), "ask: x (one)");
    let both = Docket::new(&[rule("one", "approver"), rule("two", "operator")].concat());
    let told = both.says();
    assert!(told.starts_with("refuse: ") && told.contains("leave no role that may say yes"), "{told}");
}

#[test]
fn silences_pull_requests_and_messages_have_caps_of_their_own_and_none_is_made_twice() {
    let says = |touches, services: &[&str]| {
        let incident = changed(touches, services);
        Docket::new("").with(|d| (d.touches, d.incident) = (touches, incident)).says()
    };
    insta::assert_snapshot!([
        says(Touches::Alerts, &["payments"]),
        says(Touches::Alerts, &["payments", "payments"]),
        says(Touches::Repository, &["payments"]),
        says(Touches::People, &["payments"; 6]),
    ].join("\n"), @"
    allow: payments is in mode act, and every cap holds
    refuse: 2 of at most 2 silences of this incident are made
    refuse: 1 of at most 1 pull requests of this incident are made
    refuse: 6 of at most 6 messages of this incident are made
    ");
    let again = Docket::new("").with(|d| {
        (d.touches, d.incident) = (Touches::Alerts, changed(Touches::Alerts, &["payments"]));
        (d.tool, d.args) = ("silence_alert", json!({ "n": 0 }));
    });
    assert_eq!(again.says(), "refuse: the very same was done already, see [11]");
}

#[test]
fn what_is_protected_is_so_by_any_of_its_names() {
    for name in ["payments", "PAYMENTS", "the-container", "swarm-name"] {
        let mut docket = Docket::new(&format!("protected = [{name:?}]"));
        if let Some(service) = &mut docket.service {
            service.container = Some("/the-container".into());
            service.labels.insert("com.docker.swarm.service.name".into(), "swarm-name".into());
        }
        assert!(docket.says().starts_with("refuse: payments is protected"), "{name}: {}", docket.says());
    }
    for own in ["prometheus", "devops-agent", "alertmanager", "loki", "docker"] {
        let docket = Docket::new("").with(|d| {
            d.service = Some(Service::named(own, Origin::Settings));
            d.scope.push(own.to_owned());
        });
        assert!(docket.says().contains("is protected"), "{own}: {}", docket.says());
    }
}

#[test]
fn a_rule_can_ask_refuse_narrow_and_name_who_approves() {
    let rules = r#"
        [[rules]]
        name = "four eyes"
        service = "payments*"
        caps = { changes_a_service_an_hour = 1, hold = "1m" }
        approval = { people = 2, roles = ["approver"], expires = "15m" }
        because = "it moves money"
        examples = [{ tool = "scale_service", service = "payments-api" }]
        [[rules]]
        name = "weekend"
        environment = "production"
        when = { cron = "0 18 * * FRI", for = "62h", zone = "Europe/Berlin" }
        verdict = "refuse"
        because = "nobody is there"
        examples = [{ tool = "restart_container", service = "a", environment = "production", at = "2026-11-20T19:00:00Z" }]
    "#;
    let without = Docket::new(rules);
    // The rule about environments cannot be told for a service that names none: doubt is a no.
    assert!(without.says().starts_with("refuse: it cannot be told whether this is allowed"), "{}", without.says());
    let in_production = |at: &str| {
        Docket::new(rules).with(|d| {
            d.now = at.parse().unwrap();
            if let Some(service) = &mut d.service {
                service.environment = Some("production".into());
            }
        })
    };
    let judgement = in_production("2026-11-20T16:00:00Z").judgement();
    assert_eq!(judgement.verdict.rank(), 0);
    assert_eq!((judgement.caps.changes_a_service_an_hour, judgement.caps.hold.seconds()), (1, 60));
    assert_eq!(
        (judgement.approval.people, judgement.approval.to_string()),
        (2, "2 different people, each approver".into())
    );
    assert_eq!(in_production("2026-11-20T17:00:00Z").says(), "refuse: nobody is there (weekend)");
    let once = in_production("2026-11-20T16:00:00Z").with(|d| d.history.service_in_hour = 1);
    assert_eq!(once.says(), "refuse: 1 of at most 1 changes to payments in this hour are made");
}
