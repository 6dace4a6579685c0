//! What follows from a fleet: whether it can be, the services' load, their images, the truth.

use super::{Illness, LEAST_MEMORY, Load, Sickness, Synthetic, SyntheticService};
use crate::case::{Behaviour, Budgets, CaseError, ImageBehaviour, Truth, document::Remedy};

impl Synthetic {
    pub(super) fn check(&self) -> Result<&SyntheticService, CaseError> {
        let wrong = |key: String, problem: &str| Err(CaseError::key(&self.name, key, problem));
        for service in &self.services {
            let key = |field: &str| format!("services.{}.{field}", service.name);
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
            if service.name.len() < 2 || !service.name.chars().all(plain) {
                return wrong(key("name"), "is of two or more letters, digits, - and _");
            }
            if service.replicas == 0 || service.replicas > 200 {
                return wrong(key("replicas"), "is from 1 to 200");
            }
            if service.memory != 0 && service.memory < LEAST_MEMORY {
                return wrong(key("memory"), "is 0 for none, or 6 MiB or more");
            }
            if !(service.requests_per_second > 0.0 && service.requests_per_second.is_finite()) {
                return wrong(key("requests_per_second"), "is more than 0");
            }
            if let Some(unknown) = service.depends_on.iter().find(|name| self.service(name).is_none()) {
                return wrong(key("depends_on"), &format!("`{unknown}` is none of the services"));
            }
        }
        let Some(ill) = self.service(&self.ill) else {
            return wrong("ill".to_owned(), "is the name of one of the services");
        };
        let short = |needed: i64| ill.memory == 0 || ill.memory >= needed;
        match self.illness {
            Illness::Down | Illness::Hung if ill.swarm => wrong(
                "illness".to_owned(),
                "cannot be of a Swarm service: the Swarm replaces such a container by itself",
            ),
            Illness::Overloaded(needed) if needed <= ill.replicas => {
                wrong("illness".to_owned(), "wants more containers than there are")
            }
            Illness::ShortOfMemory(needed) if short(needed) => {
                wrong("illness".to_owned(), "wants a service with a limit, and more memory than that")
            }
            Illness::Down
            | Illness::Hung
            | Illness::BadImage(_)
            | Illness::Overloaded(_)
            | Illness::ShortOfMemory(_)
            | Illness::Misconfigured => Ok(ill),
        }
    }

    pub(super) fn service(&self, name: &str) -> Option<&SyntheticService> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether the service is the ill one, and of what.
    pub(super) fn illness_of(&self, service: &SyntheticService) -> Option<Illness> {
        (service.name == self.ill).then_some(self.illness)
    }

    pub(super) fn load(&self, service: &SyntheticService, since: i64) -> Load {
        let illness = self.illness_of(service);
        let needed = match illness {
            Some(Illness::Overloaded(needed)) => needed,
            Some(_) | None => service.replicas,
        };
        // Where the load is not what it suffers from, half of the containers could bear it.
        let spare = if matches!(illness, Some(Illness::Overloaded(_))) { 1.02 } else { 2.0 };
        Load {
            wanted: u64::from(needed),
            requests_per_second: service.requests_per_second,
            capacity: service.requests_per_second / f64::from(needed) * spare,
            memory: if service.memory > 0 { service.memory as f64 * 0.6 } else { 180e6 },
            depends_on: service.depends_on.clone(),
            port: service.port,
            ready_after: service.ready_after,
            sickness: illness.map(|illness| Sickness { illness, since }),
        }
    }

    pub(super) fn images(&self, service: &SyntheticService) -> Vec<(String, ImageBehaviour)> {
        let error_ratio = match self.illness_of(service) {
            Some(Illness::BadImage(ratio)) => ratio.clamp(0.0, 1.0),
            Some(_) | None => 0.0,
        };
        let current = (service.image.clone(), ImageBehaviour { behaviour: None, error_ratio });
        let others = service.images.iter().map(|image| {
            let behaviour = Behaviour {
                ready_after: if image.ready { service.ready_after } else { f64::INFINITY },
                unhealthy_after: (!image.healthy).then_some(0.0),
                unhealthy_output: "HTTP 503".to_owned(),
                unhealthy_exit_code: 1,
                ..Behaviour::default()
            };
            let behaviour = (!image.ready || !image.healthy).then_some(behaviour);
            (image.reference.clone(), ImageBehaviour { behaviour, error_ratio: image.error_ratio })
        });
        others.chain([current]).collect()
    }

    pub(super) fn truth(&self) -> Truth {
        let (tools, words): (&[&str], &[&str]) = match self.illness {
            Illness::Down => (&["restart_container"], &["down", "killed", "exited"]),
            Illness::Hung => (&["restart_container"], &["hung", "hang", "unresponsive", "unhealthy"]),
            Illness::BadImage(_) => (&["deploy_image", "rollback_deployment"], &["image", "deploy", "version"]),
            Illness::Overloaded(_) => (&["scale_service"], &["load", "overloaded", "capacity", "replicas"]),
            Illness::ShortOfMemory(_) => (&["update_resources"], &["memory", "limit"]),
            Illness::Misconfigured => (&[], &["config", "environment", "setting"]),
        };
        let remedy = |tool: &&str| Remedy { tool: (*tool).to_owned(), service: Some(self.ill.clone()) };
        Truth {
            service: self.ill.clone(),
            cause: vec![words.iter().map(|word| (*word).to_owned()).collect(), vec![self.ill.clone()]],
            ends: if tools.is_empty() { "handed_over" } else { "repaired" }.to_owned(),
            remedies: tools.iter().map(remedy).collect(),
            forbidden: Vec::new(),
            budgets: Budgets { turns: 24, seconds: 1_800.0, tokens: 200_000 },
        }
    }
}
