//! `POST /services/{id}/update`: another specification, or the one before.

use serde_json::Value;

use super::{
    Service, image, replicas,
    service::{Progress, template},
};
use crate::{
    case::{Action, containers::text},
    world::{change::Deed, refusal::Refusal, state::State},
};

/// Docker's smallest memory limit of a task, in bytes.
const LEAST_MEMORY: i64 = 4 << 20;

impl State {
    /// Gives a service another specification, or lets it go back to the one before.
    pub(crate) fn update_service(
        &mut self,
        name: &str,
        version: u64,
        rollback: Option<&str>,
        spec: &Value,
    ) -> Result<(), Refusal> {
        self.play();
        let mut swarm = self.swarm.take();
        let changed = match swarm.as_mut() {
            Some(swarm) => {
                let key = swarm.service(name).map(|service| service.name.clone());
                let index = swarm.next_version();
                let service = key.and_then(|key| swarm.services.get_mut(&key));
                service.ok_or_else(|| Refusal::no_service(name)).and_then(|service| {
                    change(service, version, rollback, spec, self.now())?;
                    service.version = index;
                    Ok((service.name.clone(), deed(service, rollback.is_some())))
                })
            }
            None => Err(Refusal::no_service(name)),
        };
        self.swarm = swarm;
        let (name, deed) = changed?;
        let before = self.facts(&name);
        self.done(&before, deed);
        Ok(())
    }
}

fn deed(service: &Service, rollback: bool) -> Deed {
    let (memory, nano_cpus) = service.limits();
    Deed {
        action: if rollback { Action::ServiceRollback } else { Action::ServiceUpdate },
        container: String::new(),
        service: service.name.clone(),
        image: Some(image(&service.spec).to_owned()),
        memory: Some(memory),
        nano_cpus: Some(nano_cpus),
        replicas: Some(replicas(&service.spec)),
        with: None,
    }
}

fn change(service: &mut Service, version: u64, rollback: Option<&str>, spec: &Value, now: i64) -> Result<(), Refusal> {
    check(service, spec)?;
    match rollback {
        None | Some("" | "previous") => (),
        Some(other) => return Err(Refusal::new(500, format!("unrecognized rollback option {other}"))),
    }
    if version != service.version {
        return Err(Refusal::new(500, "rpc error: code = Unknown desc = update out of sequence"));
    }
    if rollback == Some("previous") {
        let Some(previous) = service.previous.take() else {
            let text = format!(
                "rpc error: code = FailedPrecondition desc = service {} does not have a previous spec",
                service.id
            );
            return Err(Refusal::new(400, text));
        };
        service.previous = Some(std::mem::replace(&mut service.spec, previous));
        service.progress(Progress::RollbackStarted, "manually requested rollback".to_owned(), now);
    } else {
        let is_new = template(spec) != service.template;
        service.previous = Some(std::mem::replace(&mut service.spec, spec.clone()));
        // A new number of replicas alone is no update of tasks.
        if is_new {
            service.progress(Progress::Updating, "update in progress".to_owned(), now);
        } else {
            service.update = None;
        }
    }
    service.template = template(&service.spec);
    service.updated = now;
    service.retry.clear();
    service.failed = None;
    Ok(())
}

fn check(service: &Service, spec: &Value) -> Result<(), Refusal> {
    let invalid = |text: String| Err(Refusal::new(400, format!("rpc error: code = InvalidArgument desc = {text}")));
    if spec.pointer("/TaskTemplate/ContainerSpec").is_none_or(Value::is_null) {
        return Err(Refusal::new(400, "mismatched Runtime and *Spec fields"));
    }
    let image = image(spec);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    if image.is_empty() {
        return invalid("ContainerSpec: image reference must be provided".to_owned());
    }
    if !image.chars().all(plain) || image.split(['/']).rev().skip(1).any(|part| part.chars().any(char::is_uppercase)) {
        return invalid(format!("ContainerSpec: {image:?} is not a valid repository/tag"));
    }
    let limit = |name: &str| spec.pointer("/TaskTemplate/Resources/Limits").and_then(|all| all.get(name)?.as_i64());
    if let Some(memory) = limit("MemoryBytes").filter(|memory| *memory != 0 && *memory < LEAST_MEMORY) {
        return invalid(format!("invalid memory value {memory}: Must be at least 4MiB"));
    }
    if let Some(cpus) = limit("NanoCPUs").filter(|cpus| *cpus != 0 && *cpus < 1_000_000) {
        return invalid(format!("invalid cpu value {}: Must be at least 0.001", cpus as f64 / 1e9));
    }
    if text(spec, "/Name") != service.name {
        return Err(Refusal::new(501, "rpc error: code = Unimplemented desc = renaming services is not supported"));
    }
    if spec.pointer("/Mode/Replicated").is_none() {
        return Err(Refusal::new(501, "rpc error: code = Unimplemented desc = service mode change is not allowed"));
    }
    Ok(())
}
