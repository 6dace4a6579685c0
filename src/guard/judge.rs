//! Judging: a pure function from what is known to a verdict, with the numbers that it was made from.
//!
//! Invariant: it reads no clock and no outside system. Of everything that speaks the strictest holds; what cannot be told refuses.

mod counts;
mod effects;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tools::{Autonomy, Effect, Service, Touches};

use super::policy::{Approval, Caps, Policy, Rule, Says};
use crate::{
    incident::{Incident, Reason, Source, Verdict, Weighed},
    journal::History,
};

/// Everything that a verdict on a change is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The tool.
    pub tool: &'a str,
    /// What kind of thing it touches.
    pub touches: Touches,
    /// Its arguments.
    pub args: &'a Value,
    /// The name that the call aims at.
    pub named: &'a str,
    /// What the catalogue knows under that name.
    pub service: Option<&'a Service>,
    /// Everything that the service depends on.
    pub needs: &'a BTreeSet<String>,
    /// What this incident may touch.
    pub scope: &'a [String],
    /// The incident so far.
    pub incident: &'a Incident,
    /// What was changed before, in all incidents.
    pub history: &'a History,
    /// What the call would do; `None` before the world was asked, and then what depends on it is not judged yet.
    pub effect: Option<&'a Effect>,
    /// Whether the agent itself pages a person, whatever a model has used up.
    pub pages: bool,
    /// An argument that comes from telemetry.
    pub untrusted: Option<&'a Reason>,
    /// The present moment.
    pub now: DateTime<Utc>,
}

/// A verdict and what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What the call may do.
    pub verdict: Verdict,
    /// The numbers that it was made from.
    pub weighed: Vec<Weighed>,
    /// Who has to say yes, should somebody have to.
    pub approval: Approval,
    /// The caps that hold for this call.
    pub caps: Caps,
}

/// What a change may do.
pub fn judge(policy: &Policy, facts: &Facts<'_>) -> Judgement {
    let mut bench = Bench { spoken: None, weighed: Vec::new() };
    let (mut caps, mut approval) = (policy.caps.clone(), policy.approval.clone());
    let Some(service) = facts.service else {
        let verdict = Verdict::Refuse(Reason::UnknownService { service: facts.named.to_owned() });
        return Judgement { verdict, weighed: bench.weighed, approval, caps };
    };
    // The agent itself tells people what it could not take back, whatever a rule says of the tools of models.
    for rule in policy.rules_about(facts.tool, &service.name).filter(|_| !facts.pages) {
        match rule.speaks(facts.tool, &service.name, service.environment.as_deref(), facts.now) {
            Ok(false) => {}
            Ok(true) => {
                bench.say(ruled(rule));
                caps.narrow(&rule.caps);
                approval.narrow(&rule.approval);
            }
            Err(what) => bench.refuse(Reason::Doubt { what }),
        }
    }
    bench.say(Some(mode(policy, facts, service)));
    halted(facts, &mut bench);
    never(policy, facts, service, &mut bench);
    bounds(facts, service, &mut bench);
    counts::weigh(policy, &caps, facts, service, &mut bench);
    if let Some(effect) = facts.effect {
        effects::weigh(policy, &caps, facts, service, effect, &mut bench);
    }
    if let Some(reason) = facts.untrusted {
        bench.ask(reason.clone());
    }
    if matches!(bench.spoken, Some(Verdict::Ask(_))) && approval.roles.is_empty() {
        let what = "the rules that speak leave no role that may say yes".to_owned();
        bench.refuse(Reason::Doubt { what });
    }
    // Nothing spoke: it cannot be told that this is allowed.
    let verdict = bench.spoken.unwrap_or(Verdict::Refuse(Reason::Doubt { what: "no rule speaks".to_owned() }));
    Judgement { verdict, weighed: bench.weighed, approval, caps }
}

/// The strictest that was said so far, and the numbers weighed.
struct Bench {
    spoken: Option<Verdict>,
    weighed: Vec<Weighed>,
}

impl Bench {
    fn say(&mut self, verdict: Option<Verdict>) {
        if let Some(verdict) = verdict {
            self.spoken = Some(match self.spoken.take() {
                Some(spoken) => spoken.stricter(verdict),
                None => verdict,
            });
        }
    }

    fn refuse(&mut self, reason: Reason) {
        self.say(Some(Verdict::Refuse(reason)));
    }

    fn ask(&mut self, reason: Reason) {
        self.say(Some(Verdict::Ask(reason)));
    }

    fn as_said(&mut self, says: Says, reason: Reason) {
        self.say(Some(match says {
            Says::Allow => return,
            Says::Ask => Verdict::Ask(reason),
            Says::Refuse => Verdict::Refuse(reason),
        }));
    }

    /// Notes a number and its cap; refuses when one more would be too many.
    fn count(&mut self, what: String, is: u64, most: u64, reason: impl FnOnce() -> Reason) {
        self.weighed.push(Weighed { what, is, most });
        if is >= most {
            self.refuse(reason());
        }
    }
}

fn ruled(rule: &Rule) -> Option<Verdict> {
    let reason = Reason::Rule { rule: rule.name.clone(), because: rule.because.clone() };
    Some(match rule.verdict? {
        Says::Allow => Verdict::Allow(reason),
        Says::Ask => Verdict::Ask(reason),
        Says::Refuse => Verdict::Refuse(reason),
    })
}

fn mode(policy: &Policy, facts: &Facts<'_>, service: &Service) -> Verdict {
    let autonomy = service.autonomy.unwrap_or(policy.autonomy);
    let reason = Reason::Mode { service: service.name.clone(), autonomy };
    match (facts.touches, autonomy) {
        // People can always be told.
        (Touches::People, _) => Verdict::Allow(Reason::Tells),
        (_, Autonomy::Observe) => Verdict::Refuse(reason),
        (Touches::Repository, Autonomy::Propose) => Verdict::Allow(Reason::Proposes),
        (_, Autonomy::Propose) => Verdict::Ask(reason),
        (_, Autonomy::Act) => Verdict::Allow(reason),
    }
}

fn halted(facts: &Facts<'_>, bench: &mut Bench) {
    if let Some(who) = &facts.history.halted
        && facts.touches != Touches::People
    {
        bench.refuse(Reason::Halted { by: who.by.clone(), because: who.because.clone() });
    }
}

fn never(policy: &Policy, facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    if policy.never.iter().any(|tool| tool == facts.tool) {
        bench.refuse(Reason::Never { tool: facts.tool.to_owned() });
    }
    if facts.touches == Touches::People {
        return;
    }
    let protected = |why: String| Reason::Protected { service: service.name.clone(), why };
    if service.protected {
        bench.refuse(protected("the catalogue says so".to_owned()));
    }
    let known = [Some(service.name.as_str()), service.container.as_deref(), service.swarm()];
    let same =
        |name: &&String| known.iter().flatten().any(|known| known.trim_start_matches('/').eq_ignore_ascii_case(name));
    if let Some(hit) = policy.protected.iter().find(same) {
        bench.refuse(protected(format!("the policy protects {hit:?}")));
    }
}

/// An incident touches what it is about, and repairs what is broken.
fn bounds(facts: &Facts<'_>, service: &Service, bench: &mut Bench) {
    if facts.touches == Touches::People {
        return;
    }
    if !facts.scope.contains(&service.name) {
        let allowed = facts.scope.to_vec();
        bench.refuse(Reason::OutsideIncident { service: service.name.clone(), allowed });
    }
    let over = matches!(facts.incident.source, Some(Source::Alert)) && facts.incident.all_resolved();
    if over && matches!(facts.touches, Touches::Service | Touches::Alerts) {
        bench.refuse(Reason::NothingToRepair);
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
