//! Judging: a pure function from what is known to a verdict. Tested as a table.

use chrono::{DateTime, Utc};
use tools::{Autonomy, Service};

use super::policy::{Policy, Says};
use crate::incident::{Incident, Reason, Source, Verdict};

/// Everything that a verdict on a change is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The tool.
    pub tool: &'a str,
    /// The name that the call aims at.
    pub named: &'a str,
    /// What the catalogue knows under that name.
    pub service: Option<&'a Service>,
    /// What this incident may touch.
    pub scope: &'a [String],
    /// The incident so far.
    pub incident: &'a Incident,
    /// When the service was last changed, in any incident.
    pub last_change: Option<DateTime<Utc>>,
    /// The present moment.
    pub now: DateTime<Utc>,
}

/// What a change may do. The strictest of all that speaks holds; what cannot be told refuses.
pub fn judge(policy: &Policy, facts: &Facts<'_>) -> Verdict {
    let Some(service) = facts.service else {
        return Verdict::Refuse(Reason::UnknownService { service: facts.named.to_owned() });
    };
    let spoken = [
        protected(policy, service),
        scope(facts, service),
        needed(facts),
        changes_of_incident(policy, facts),
        cool_down(policy, facts, service),
        rules(policy, facts, service),
    ];
    spoken.into_iter().flatten().fold(mode(policy, service), Verdict::stricter)
}

fn mode(policy: &Policy, service: &Service) -> Verdict {
    let autonomy = service.autonomy.unwrap_or(policy.autonomy);
    let reason = Reason::Mode { service: service.name.clone(), autonomy };
    match autonomy {
        Autonomy::Observe => Verdict::Refuse(reason),
        Autonomy::Propose => Verdict::Ask(reason),
        Autonomy::Act => Verdict::Allow(reason),
    }
}

fn protected(policy: &Policy, service: &Service) -> Option<Verdict> {
    let refuse = |why: String| Some(Verdict::Refuse(Reason::Protected { service: service.name.clone(), why }));
    if service.protected {
        return refuse("the catalogue says so".to_owned());
    }
    let names = [Some(service.name.as_str()), service.container.as_deref()];
    let hit = policy
        .protected
        .iter()
        .find(|name| names.iter().flatten().any(|known| known.trim_start_matches('/').eq_ignore_ascii_case(name)))?;
    refuse(format!("the policy protects {hit:?}"))
}

fn scope(facts: &Facts<'_>, service: &Service) -> Option<Verdict> {
    let inside = facts.scope.contains(&service.name);
    (!inside).then(|| {
        Verdict::Refuse(Reason::OutsideIncident { service: service.name.clone(), allowed: facts.scope.to_vec() })
    })
}

/// A repair needs something that is broken.
fn needed(facts: &Facts<'_>) -> Option<Verdict> {
    let over = matches!(facts.incident.source, Some(Source::Alert)) && facts.incident.all_resolved();
    over.then_some(Verdict::Refuse(Reason::NothingToRepair))
}

fn changes_of_incident(policy: &Policy, facts: &Facts<'_>) -> Option<Verdict> {
    let made = u32::try_from(facts.incident.changes().count()).unwrap_or(u32::MAX);
    let most = policy.caps.changes_an_incident;
    (made >= most).then_some(Verdict::Refuse(Reason::ChangesOfIncident { made, most }))
}

fn cool_down(policy: &Policy, facts: &Facts<'_>, service: &Service) -> Option<Verdict> {
    let since = (facts.now - facts.last_change?).num_seconds();
    let wait_seconds = policy.caps.cool_down.as_secs();
    // A change in the future is a clock that went back: doubt, and so a no.
    let since_seconds = u64::try_from(since).unwrap_or(0);
    (since_seconds < wait_seconds)
        .then(|| Verdict::Refuse(Reason::CoolDown { service: service.name.clone(), since_seconds, wait_seconds }))
}

fn rules(policy: &Policy, facts: &Facts<'_>, service: &Service) -> Option<Verdict> {
    let speaking = policy.rules.iter().filter(|rule| rule.matches(facts.tool, &service.name));
    speaking
        .map(|rule| {
            let reason = Reason::Rule { rule: rule.name.clone(), because: rule.because.clone() };
            match rule.verdict {
                Says::Allow => Verdict::Allow(reason),
                Says::Ask => Verdict::Ask(reason),
                Says::Refuse => Verdict::Refuse(reason),
            }
        })
        .reduce(Verdict::stricter)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tools::Origin;

    use super::*;
    use crate::incident::Event;

    fn policy(extra: &str) -> Policy {
        let base = r#"
            version = 1
            autonomy = "propose"
            protected = ["prometheus"]
            caps = { changes_an_incident = 2, cool_down = "5m" }
        "#;
        Policy::parse("test", &format!("{base}{extra}")).unwrap()
    }

    fn service(name: &str, autonomy: Option<Autonomy>) -> Service {
        Service { autonomy, ..Service::named(name, Origin::Settings) }
    }

    fn verdict(policy: &Policy, service: Option<&Service>, ago: Option<i64>) -> String {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let incident = Incident::new(1);
        let scope = ["payments".to_owned(), "prometheus".to_owned()];
        let facts = Facts {
            tool: "restart_container",
            named: service.map_or("nothing", |service| &service.name),
            service,
            scope: &scope,
            incident: &incident,
            last_change: ago.map(|seconds| now - TimeDelta::seconds(seconds)),
            now,
        };
        let verdict = judge(policy, &facts);
        let word = match verdict {
            Verdict::Allow(_) => "allow",
            Verdict::Ask(_) => "ask",
            Verdict::Refuse(_) => "refuse",
        };
        format!("{word}: {}", verdict.reason())
    }

    #[test]
    fn the_strictest_that_speaks_holds() {
        use Autonomy::{Act, Observe, Propose};
        let plain = policy("");
        let ruled = policy(
            r#"
            [[rules]]
            name = "by hand"
            service = "pay*"
            verdict = "ask"
            because = "money"
            examples = [{ tool = "restart_container", service = "payments" }]
            counter_examples = [{ tool = "restart_container", service = "repay" }]
            "#,
        );
        let of = |autonomy| service("payments", Some(autonomy));
        let table = [
            verdict(&plain, Some(&of(Observe)), None),
            verdict(&plain, Some(&of(Propose)), None),
            verdict(&plain, Some(&of(Act)), None),
            verdict(&plain, Some(&service("payments", None)), None),
            verdict(&plain, Some(&of(Act)), Some(299)),
            verdict(&plain, Some(&of(Act)), Some(300)),
            verdict(&plain, Some(&of(Act)), Some(-60)),
            verdict(&plain, Some(&service("Prometheus", Some(Act))), None),
            verdict(&plain, Some(&Service { container: Some("/prometheus".into()), ..of(Act) }), None),
            verdict(&plain, Some(&Service { protected: true, ..of(Act) }), None),
            verdict(&plain, Some(&service("orders", Some(Act))), None),
            verdict(&plain, None, None),
            verdict(&ruled, Some(&of(Act)), None),
            verdict(&ruled, Some(&of(Observe)), None),
        ];
        insta::assert_snapshot!(table.join("\n"), @r#"
        refuse: payments is in mode observe: it may be looked at only
        ask: payments is in mode propose: a person decides on every change
        allow: payments is in mode act, and every cap holds
        ask: payments is in mode propose: a person decides on every change
        refuse: payments was changed 299 s ago; 300 s have to pass
        allow: payments is in mode act, and every cap holds
        refuse: payments was changed 0 s ago; 300 s have to pass
        refuse: Prometheus is protected: the policy protects "prometheus"
        refuse: payments is protected: the policy protects "prometheus"
        refuse: payments is protected: the catalogue says so
        refuse: orders is not part of this incident, which may touch: payments, prometheus
        refuse: "nothing" is not in the service catalogue
        ask: money (by hand)
        refuse: payments is in mode observe: it may be looked at only
        "#);
    }

    #[test]
    fn nothing_is_repaired_when_no_alert_fires_any_more() {
        let plain = policy("");
        let entry = |seq, event| crate::incident::Entry { seq, at: DateTime::UNIX_EPOCH, incident: 1, event };
        let alert: crate::alert::Alert = serde_json::from_value(serde_json::json!({
            "fingerprint": "f", "status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2026-01-01T00:00:00Z"
        }))
        .unwrap();
        let joined = Event::AlertJoined {
            alert,
            group_key: String::new(),
            receiver: String::new(),
            because: crate::incident::JoinReason::Opens,
            truncated: 0,
        };
        let opened = Event::Opened {
            source: Source::Alert,
            title: String::new(),
            service: crate::incident::ServiceMatch::Named { service: "payments".into() },
        };
        let resolved = Event::AlertResolved { fingerprint: "f".into(), ended: DateTime::UNIX_EPOCH };
        let entries = [entry(1, opened), entry(2, joined), entry(3, resolved)];
        let incident = Incident::replay(1, &entries);
        let service = service("payments", Some(Autonomy::Act));
        let facts = Facts {
            tool: "restart_container",
            named: "payments",
            service: Some(&service),
            scope: &["payments".to_owned()],
            incident: &incident,
            last_change: None,
            now: DateTime::UNIX_EPOCH,
        };
        assert_eq!(judge(&plain, &facts), Verdict::Refuse(Reason::NothingToRepair));
    }
}
