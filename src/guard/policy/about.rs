//! Which rules are about a tool and a service by their names: asked for each verdict, and the same for as long as the policy holds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::Rule;

/// Services whose rules are remembered for one tool; beyond it all are looked for anew.
const SERVICES: usize = 4_096;

/// Places of rules by tool and service.
type ByName = HashMap<String, HashMap<String, Arc<[usize]>>>;

/// What was found so far. Says nothing of its own: two policies are the same whatever was asked of them.
#[derive(Debug, Default)]
pub(super) struct About(Mutex<ByName>);

impl Clone for About {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for About {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl About {
    /// The places of the rules that are about both names, in their order.
    pub(super) fn places(&self, rules: &[Rule], tool: &str, service: &str) -> Arc<[usize]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = known.get(tool).and_then(|services| services.get(service)) {
            return Arc::clone(places);
        }
        // One about memory says nothing about calls.
        let about = rules.iter().enumerate().filter(|(_, rule)| rule.remember && rule.is_about(tool, service));
        let places: Arc<[usize]> = about.map(|(place, _)| place).collect();
        let services = known.entry(tool.to_owned()).or_default();
        if services.len() >= SERVICES {
            services.clear();
        }
        services.insert(service.to_owned(), Arc::clone(&places));
        places
    }
}
