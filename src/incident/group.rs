//! Where an alert belongs: to which service, and to which open incident, each with its reason.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use tools::{Catalogue, Led, SERVICE_LABELS, service_of};

use super::{IncidentId, JoinReason, ServiceMatch};
use crate::alert::Alert;

/// The open incidents, found by what an alert can share with them.
#[derive(Debug, Default)]
pub struct OpenIncidents {
    by_fingerprint: HashMap<String, IncidentId>,
    by_group_key: HashMap<String, IncidentId>,
    by_service: HashMap<String, (IncidentId, DateTime<Utc>)>,
    count: HashSet<IncidentId>,
}

impl OpenIncidents {
    /// Takes an alert of an open incident into account.
    pub fn add(&mut self, id: IncidentId, alert: &Alert, group_key: &str, service: Option<&str>, at: DateTime<Utc>) {
        self.count.insert(id);
        self.by_fingerprint.insert(alert.fingerprint.clone(), id);
        if !group_key.is_empty() {
            self.by_group_key.insert(group_key.to_owned(), id);
        }
        if let Some(service) = service {
            self.by_service.insert(service.to_owned(), (id, at));
        }
    }

    /// Counts an incident that has no alert yet, or never will: a question.
    pub fn begin(&mut self, id: IncidentId) {
        self.count.insert(id);
    }

    /// Forgets an incident that is over.
    pub fn remove(&mut self, id: IncidentId) {
        if self.count.remove(&id) {
            self.by_fingerprint.retain(|_, of| *of != id);
            self.by_group_key.retain(|_, of| *of != id);
            self.by_service.retain(|_, (of, _)| *of != id);
        }
    }

    /// How many incidents are open.
    pub fn len(&self) -> usize {
        self.count.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.count.is_empty()
    }

    /// The incident that has this alert.
    pub fn with_fingerprint(&self, fingerprint: &str) -> Option<IncidentId> {
        self.by_fingerprint.get(fingerprint).copied()
    }
}

/// Finds an alert's service: the first label, in the order service, job, container, instance, that leads to one.
pub fn match_service(alert: &Alert, catalogue: &Catalogue) -> ServiceMatch {
    if let Some(Led { service, label, value, with }) = service_of(&alert.labels, catalogue) {
        return ServiceMatch::Label { service, label: label.to_owned(), value, with: with.to_owned() };
    }
    let tried = SERVICE_LABELS.into_iter().filter_map(|label| Some(format!("{label}={}", alert.labels.get(label)?)));
    ServiceMatch::Nothing { tried: tried.filter(|tried| !tried.ends_with('=')).collect() }
}

/// Which open incident an alert joins, and why; `None` when it opens one.
pub fn join(
    alert: &Alert,
    group_key: &str,
    service: Option<&str>,
    open: &OpenIncidents,
    catalogue: &Catalogue,
    since: DateTime<Utc>,
) -> Option<(IncidentId, JoinReason)> {
    if let Some(id) = open.with_fingerprint(&alert.fingerprint) {
        return Some((id, JoinReason::SameFingerprint));
    }
    if let Some(id) = open.by_group_key.get(group_key) {
        return Some((*id, JoinReason::SameGroupKey));
    }
    let service = service?;
    let recent = |name: &str| open.by_service.get(name).filter(|(_, at)| *at >= since).map(|(id, _)| *id);
    if let Some(id) = recent(service) {
        return Some((id, JoinReason::SameService { service: service.to_owned() }));
    }
    let reason = |service: &str, depends_on: &str| JoinReason::Dependency {
        service: service.to_owned(),
        depends_on: depends_on.to_owned(),
    };
    let needed = catalogue.dependencies(service);
    let by_need = needed.iter().find_map(|other| recent(other).map(|id| (id, reason(service, other))));
    by_need.or_else(|| {
        let needing = catalogue.dependants(service);
        needing.iter().find_map(|other| recent(other).map(|id| (id, reason(other, service))))
    })
}
