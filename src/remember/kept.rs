//! What a policy lets memory keep: whole services, and every text that names one.

use tools::Catalogue;

use crate::guard::Policy;

/// The services that memory says nothing of.
pub(super) struct Kept<'a> {
    catalogue: &'a Catalogue,
    policy: &'a Policy,
    /// Names in small letters that no text may hold.
    hidden: Vec<String>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, policy: &'a Policy) -> Self {
        let hidden =
            catalogue.iter().filter(|service| !policy.remembers(&service.name, service.environment.as_deref()));
        let hidden = hidden.map(|service| service.name.to_lowercase()).collect();
        Self { catalogue, policy, hidden }
    }

    /// Whether something about this service may be kept. Without a service it cannot be told which rule it falls under: where
    /// there is such a rule, that is a no.
    pub(super) fn service(&self, name: Option<&str>) -> bool {
        match name {
            Some(name) => {
                let environment = self.catalogue.get(name).and_then(|service| service.environment.as_deref());
                self.policy.remembers(name, environment)
            }
            None => self.policy.remembers_all(),
        }
    }

    /// Whether a text names nothing that is not to be kept.
    pub(super) fn text(&self, text: &str) -> bool {
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let lower = text.to_lowercase();
        let words = [text, &lower].into_iter().flat_map(|text| text.split(|letter: char| !is_name(letter)));
        let mut names = words.map(|word| word.trim_matches('.')).filter(|word| !word.is_empty());
        !names.any(|word| self.policy.hides(word)) && !self.hidden.iter().any(|name| lower.contains(name.as_str()))
    }
}
