//! The tools as a model may see them for one incident: what it cannot name it does not try, and what it tries anyway is judged.

use serde_json::{Value, json};
use tools::{Spec, Touches};

use super::{Facts, Guard, judge, policy::Caps};
use crate::{
    incident::{Incident, Verdict},
    journal::{History, JournalError},
};

impl Guard {
    /// The tools' schemas for this incident: `service` lists what a call may name, bounds are the policy's, and a tool that could
    /// not be allowed for any service is left out.
    ///
    /// # Errors
    /// What the journal says.
    pub async fn specs(&self, incident: &Incident) -> Result<Vec<Spec>, JournalError> {
        let (look, touch) = (self.may_look(incident), self.may_touch(incident));
        let mut histories = Vec::new();
        for service in &touch {
            histories.push((service, self.journal.history(service, self.clock.now()).await?));
        }
        let narrowed = self.registry.specs().filter_map(|spec| match spec.touches {
            None => Some(spec.narrowed(&look)),
            Some(touches) => self.change_spec(incident, spec, touches, &touch, &histories),
        });
        Ok(narrowed.collect())
    }

    fn change_spec(
        &self,
        incident: &Incident,
        spec: &Spec,
        touches: Touches,
        scope: &[String],
        histories: &[(&String, History)],
    ) -> Option<Spec> {
        let (catalogue, policy) = (self.catalogue.load(), self.policy.load());
        let mut caps: Option<Caps> = None;
        let mut possible = Vec::new();
        for (name, history) in histories {
            let facts = Facts {
                tool: &spec.name,
                touches,
                args: &Value::Null,
                named: name,
                service: catalogue.get(name),
                needs: &catalogue.dependencies(name),
                scope,
                incident,
                history,
                effect: None,
                pages: false,
                untrusted: None,
                now: self.clock.now(),
            };
            let judgement = judge(&policy, &facts);
            if !matches!(judgement.verdict, Verdict::Refuse(_)) {
                possible.push((*name).clone());
                // Bounds in the schema are the widest of all services that are left; each call is judged by its own.
                caps = Some(caps.map_or(judgement.caps.clone(), |caps| widest(caps, &judgement.caps)));
            }
        }
        let caps = caps?;
        let mut narrowed = spec.narrowed(&possible);
        for (property, bounds) in bounds(&caps) {
            narrowed.bound(property, bounds);
        }
        Some(narrowed)
    }
}

fn widest(mut caps: Caps, other: &Caps) -> Caps {
    caps.scale_least = caps.scale_least.min(other.scale_least);
    caps.scale_most = caps.scale_most.max(other.scale_most);
    caps.memory_least = caps.memory_least.min(other.memory_least);
    caps.memory_most = caps.memory_most.max(other.memory_most);
    caps.cpus_least = caps.cpus_least.min(other.cpus_least);
    caps.cpus_most = caps.cpus_most.max(other.cpus_most);
    caps.silence_longest = caps.silence_longest.max(other.silence_longest);
    caps
}

/// The properties of the tools' schemas that a cap bounds, by the name that they have there.
fn bounds(caps: &Caps) -> [(&'static str, Value); 4] {
    #[expect(clippy::cast_precision_loss, reason = "cores have few digits")]
    let cores = |thousandths: u64| thousandths as f64 / 1_000.0;
    [
        ("replicas", json!({ "minimum": caps.scale_least, "maximum": caps.scale_most })),
        (
            "memory_mib",
            json!({ "minimum": caps.memory_least.0.div_ceil(1 << 20), "maximum": caps.memory_most.0 >> 20 }),
        ),
        ("cpus", json!({ "minimum": cores(caps.cpus_least.0), "maximum": cores(caps.cpus_most.0) })),
        ("minutes", json!({ "minimum": 1, "maximum": caps.silence_longest.seconds() / 60 })),
    ]
}
