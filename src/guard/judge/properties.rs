//! What must hold of every policy: more rules never allow more, stricter never allows more, doubt refuses, order is no matter.

use proptest::prelude::*;
use tools::Replicas;

use super::{tests::Docket, *};
use crate::guard::policy::Policy;

/// One rule as its author would write it, with an example that it is about.
fn rule() -> impl Strategy<Value = String> {
    let tool = prop::sample::select(vec![
        ("*", "any"),
        ("restart_container", "restart_container"),
        ("scale_*", "scale_service"),
    ]);
    let service =
        prop::sample::select(vec![("*", "any"), ("payments", "payments"), ("pay*", "pay-1"), ("*-db", "a-db")]);
    let environment = prop::sample::select(vec![None, Some("production"), Some("staging")]);
    let window = prop::sample::select(vec![
        ("", ""),
        ("when = { cron = \"0 0 * * *\", for = \"13h\" }", "2026-11-20T06:00:00Z"),
        ("outside = { cron = \"0 0 * * *\", for = \"11h\" }", "2026-11-20T18:00:00Z"),
    ]);
    let says = prop::sample::select(vec![
        "verdict = \"allow\"",
        "verdict = \"ask\"",
        "verdict = \"refuse\"",
        "caps = { changes_an_incident = 0 }",
        "caps = { changes_a_service_an_hour = 1, scale_most = 3, memory_most = \"64MiB\" }",
        "caps = { replicas_at_once = \"0%\", single_replica = \"refuse\" }",
        "approval = { people = 2 }",
    ]);
    (tool, service, environment, window, says).prop_map(|(tool, service, environment, (window, at), says)| {
        let (in_, example) = match environment {
            Some(name) => (format!("environment = {name:?}\n"), format!(", environment = {name:?}")),
            None => (String::new(), String::new()),
        };
        let at = if at.is_empty() { String::new() } else { format!(", at = {at:?}") };
        format!(
            "tool = {:?}\nservice = {:?}\n{in_}{window}\n{says}\nbecause = \"x\"\nexamples = [{{ tool = {:?}, service = {:?}{example}{at} }}]\n",
            tool.0, service.0, tool.1, service.1
        )
    })
}

fn policy(rules: &[(usize, String)]) -> Policy {
    let rules: String = rules.iter().map(|(name, rule)| format!("[[rules]]\nname = \"r{name}\"\n{rule}")).collect();
    Policy::parse("test", &format!("{}{rules}", super::tests::ACT)).unwrap()
}

fn rules() -> impl Strategy<Value = Vec<(usize, String)>> {
    prop::collection::vec(rule(), 0..5).prop_map(|rules| rules.into_iter().enumerate().collect())
}

/// A call at any moment, in any state of the world.
fn docket() -> impl Strategy<Value = Docket> {
    let tools = prop::sample::select(vec![
        ("restart_container", Touches::Service),
        ("scale_service", Touches::Service),
        ("silence_alert", Touches::Alerts),
        ("open_pr", Touches::Repository),
        ("notify", Touches::People),
    ]);
    let history = (0_u64..6, 0_u64..14, 0_u64..3, any::<bool>(), 0_usize..3);
    let effect = (0_u64..12, 0_u64..12, 0_u64..6, 0_u64..6, 0_u64..3, 0_u64..600);
    let environment = prop::sample::select(vec![None, Some("production"), Some("staging")]);
    (tools, history, effect, environment, 0_i64..86_400).prop_map(
        |((tool, touches), (in_hour, fleet, failed, tripped, running), effect, environment, second)| {
            let mut docket = Docket::new("");
            (docket.tool, docket.touches) = (tool, touches);
            docket.now += chrono::TimeDelta::seconds(second);
            docket.history.service_in_hour = in_hour;
            docket.history.fleet_in_hour = fleet;
            docket.history.service_failed = (failed, tripped);
            docket.history.running = vec![("other".to_owned(), 9); running];
            let (from, to, all, taken_at_once, ill, mebibytes) = effect;
            docket.effect.scale = Some((from, to));
            docket.effect.replicas = Some(Replicas { all, well: all.saturating_sub(ill), taken_at_once });
            docket.effect.memory = Some(mebibytes << 20);
            if let Some(service) = &mut docket.service {
                service.environment = environment.map(str::to_owned);
            }
            docket
        },
    )
}

fn rank(docket: &Docket) -> u8 {
    docket.judgement().verdict.rank()
}

proptest! {
    #[test]
    fn more_rules_never_allow_more(mut docket in docket(), rules in rules(), more in rule()) {
        docket.policy = policy(&rules);
        let before = docket.judgement();
        let mut more_rules = rules;
        // A name that sorts anywhere among the others.
        more_rules.push((100, more));
        docket.policy = policy(&more_rules);
        let after = docket.judgement();
        prop_assert!(after.verdict.rank() >= before.verdict.rank(), "{:?} became {:?}", before.verdict, after.verdict);
        prop_assert!(after.approval.people >= before.approval.people);
        prop_assert!(after.approval.roles.is_subset(&before.approval.roles));
        prop_assert!(after.caps.changes_an_incident <= before.caps.changes_an_incident);
    }

    #[test]
    fn stricter_never_allows_more(mut docket in docket(), rules in rules()) {
        docket.policy = policy(&rules);
        let before = rank(&docket);
        let strict: [fn(&mut Docket); 14] = [
            |d| d.policy.autonomy = Autonomy::Propose,
            |d| d.policy.autonomy = Autonomy::Observe,
            |d| d.policy.protected.push("payments".into()),
            |d| d.policy.never.push(d.tool.into()),
            |d| d.policy.caps.changes_an_incident = 0,
            |d| d.policy.caps.changes_a_service_an_hour = 1,
            |d| d.policy.caps.changes_at_the_same_time = 1,
            |d| d.policy.caps.scale_most = 2,
            |d| d.policy.caps.scale_factor = 1,
            |d| d.policy.caps.single_replica = Says::Refuse,
            |d| d.policy.breaker.service = 1,
            |d| d.scope.clear(),
            |d| d.history.service_in_hour += 1,
            |d| d.history.running.push(("payments".into(), 3)),
        ];
        for (index, make_stricter) in strict.iter().enumerate() {
            let mut other = docket.clone();
            make_stricter(&mut other);
            prop_assert!(rank(&other) >= before, "way {index} allows more");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_told_refuses(mut docket in docket(), rules in rules()) {
        let about = "environment = \"production\"\nverdict = \"allow\"\nbecause = \"x\"\n\
                     examples = [{ tool = \"a\", service = \"b\", environment = \"production\" }]\n";
        let mut rules = rules;
        rules.push((50, about.to_owned()));
        docket.policy = policy(&rules);
        if let Some(service) = &mut docket.service {
            service.environment = None;
        }
        prop_assert_eq!(rank(&docket), 2);
    }

    #[test]
    fn the_order_of_rules_is_no_matter(mut docket in docket(), rules in rules(), by in 0_usize..5) {
        docket.policy = policy(&rules);
        let before = docket.judgement();
        let mut turned = rules;
        let by = by % turned.len().max(1);
        turned.rotate_left(by);
        turned.reverse();
        docket.policy = policy(&turned);
        prop_assert_eq!(docket.judgement(), before);
    }
}
