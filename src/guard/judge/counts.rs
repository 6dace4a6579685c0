//! What is counted: changes of this incident, of this hour, of this moment, and those that did not help.

use std::collections::BTreeSet;

use tools::{Service, Touches};

use super::{
    super::policy::{Caps, Policy},
    Bench, Facts,
};
use crate::incident::{CallState, ChangeState, Reason};

pub(super) fn weigh(policy: &Policy, caps: &Caps, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    match facts.touches {
        Touches::Service => {
            of_incident(caps, facts, service, bench);
            of_hour(caps, facts, service, bench);
            of_moment(caps, facts, service, bench);
            breakers(policy, facts, service, bench);
            victim(policy, facts, service, bench);
        }
        Touches::Repository => others(facts, "pull requests", caps.pull_requests_an_incident, bench),
        Touches::Alerts => others(facts, "silences", caps.silences_an_incident, bench),
        Touches::People => others(facts, "messages", caps.messages_an_incident, bench),
    }
}

fn of_incident(caps: &Caps, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    let made = own(facts).count() as u64;
    let most = u64::from(caps.changes_an_incident);
    bench.count("changes of this incident".to_owned(), made, most, || Reason::ChangesOfIncident { made, most });
    let touched: BTreeSet<&str> = own(facts).map(|(_, change)| change.service.as_str()).collect();
    let others = touched.iter().filter(|name| **name != service.name).count() as u64;
    let most = u64::from(caps.services_an_incident);
    let reason = || Reason::ServicesOfIncident { would: others + 1, most };
    bench.count("other services touched by this incident".to_owned(), others, most, reason);
}

fn of_hour(caps: &Caps, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    let (made, most) = (facts.history.service_in_hour, u64::from(caps.changes_a_service_an_hour));
    let name = || service.name.clone();
    let reason = || Reason::ChangesOfService { service: name(), made, most };
    bench.count(format!("changes to {} in this hour", service.name), made, most, reason);
    let (made, most) = (facts.history.fleet_in_hour, u64::from(caps.changes_in_the_fleet_an_hour));
    bench
        .count("changes to all services in this hour".to_owned(), made, most, || Reason::ChangesOfFleet { made, most });
    if let Some(last) = facts.history.last_change {
        // A change in the future is a clock that went back: doubt, and so a no.
        let since_seconds = u64::try_from((facts.now - last).num_seconds()).unwrap_or(0);
        let wait_seconds = caps.cool_down.seconds();
        if since_seconds < wait_seconds {
            bench.refuse(Reason::CoolDown { service: name(), since_seconds, wait_seconds });
        }
    }
}

fn of_moment(caps: &Caps, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    let (running, most) = (facts.history.running.len() as u64, u64::from(caps.changes_at_the_same_time));
    bench.count("changes under way".to_owned(), running, most, || Reason::AtTheSameTime { running, most });
    let near = |name: &String| *name == service.name || facts.needs.contains(name);
    if let Some((of, incident)) = facts.history.running.iter().find(|(name, _)| near(name)) {
        bench.refuse(Reason::BeingChanged { service: of.clone(), incident: *incident });
    }
}

/// A tripped breaker stays tripped until a person raises it; one that a stricter policy would have tripped counts as well.
fn breakers(policy: &Policy, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    let both = [
        (service.name.as_str(), facts.history.service_failed, policy.breaker.service),
        ("", facts.history.fleet_failed, policy.breaker.fleet),
    ];
    for (of, (failed, tripped), most) in both {
        let most = u64::from(most);
        if tripped || failed >= most {
            bench.ask(Reason::Breaker { service: of.to_owned(), failed, most });
        }
    }
}

fn victim(policy: &Policy, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    let other = |(name, incident): &&(String, u64)| facts.needs.contains(name) && *incident != facts.incident.id;
    if let Some((of, incident)) = facts.history.open.iter().find(other) {
        let reason = Reason::Victim { service: service.name.clone(), of: of.clone(), incident: *incident };
        bench.as_said(policy.situations.victim, reason);
    }
}

fn others(facts: &Facts<'_>, what: &str, most: u32, bench: &mut Bench) {
    // A page is not a model's: what a model has used up must not keep it from a person.
    if facts.pages {
        return;
    }
    let (made, most) = (own(facts).count() as u64, u64::from(most));
    bench.count(format!("{what} of this incident"), made, most, || Reason::Others {
        what: what.to_owned(),
        made,
        most,
    });
    let same = |state: &CallState| state.call.tool == facts.tool && state.call.args == *facts.args;
    if let Some((_, change)) = own(facts).find(|(state, _)| same(state)) {
        bench.refuse(Reason::AlreadyDone { seq: change.seq });
    }
}

/// This incident's changes of the same kind.
fn own<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a CallState, &'a ChangeState)> {
    let touches = facts.touches;
    facts.incident.changes().filter(move |(_, change)| change.touches == touches)
}
