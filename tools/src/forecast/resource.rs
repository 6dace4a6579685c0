//! Something that can run full: by which queries it is measured.

use crate::{Failure, Service, catalogue::SWARM_SERVICE};

/// Something that can run full.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    /// In words, such as "open files".
    pub(super) what: String,
    /// PromQL of what is used.
    pub(super) used: String,
    /// What there is.
    pub(super) limit: Limit,
    /// In which unit people read it.
    pub(super) unit: Unit,
}

/// What there is of something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limit {
    /// PromQL.
    Query(String),
    /// A number.
    Number(f64),
    /// What is used is the negative of what is free; how much there is in all is not known.
    AllFree,
    /// The memory limit of the service's containers, which Docker knows.
    ContainerMemory,
}

/// In which unit people read a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// KiB, MiB, GiB.
    Bytes,
    /// As it is.
    Count,
}

/// Label matchers that select series of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Select(String);

impl Select {
    /// The selector of all series.
    pub(crate) fn whole(&self) -> String {
        format!("{{{}}}", self.0)
    }

    /// The selector of one metric, with further matchers.
    pub(crate) fn metric(&self, name: &str, more: &str) -> String {
        let matchers: Vec<_> = [self.0.as_str(), more].into_iter().filter(|part| !part.is_empty()).collect();
        format!("{name}{{{}}}", matchers.join(","))
    }
}

/// By which labels a service's series are found: the catalogue's own, and cAdvisor's for its containers.
///
/// # Errors
/// `Tell` when the catalogue has none, or one that names a metric.
pub(crate) fn selects(service: &Service) -> Result<Vec<Select>, Failure> {
    let name = &service.name;
    let Some(selector) = &service.prometheus else {
        return Err(Failure::Tell(format!(
            "{name} has no selector for Prometheus: set `prometheus` in [services.{name}], or ask with `query`"
        )));
    };
    let inner = selector.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let Some(inner) = inner else {
        return Err(Failure::Tell(format!(
            "the selector of {name} for Prometheus is {selector:?}, which other metrics cannot be asked with; right would be '{{job=\"{name}\"}}'"
        )));
    };
    let own = Select(inner.trim().trim_end_matches(',').to_owned());
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let by_name = service.container.as_ref().map(|name| format!("name=\"{}\"", quoted(name.trim_start_matches('/'))));
    let by_label = service.labels.iter().find_map(|(key, value)| {
        let known = ["com.docker.compose.service", SWARM_SERVICE].contains(&key.as_str());
        known.then(|| format!("container_label_{}=\"{}\"", key.replace('.', "_"), quoted(value)))
    });
    Ok([Some(own), by_name.or(by_label).map(Select)].into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn series_are_found_by_the_catalogue_s_labels_and_by_cadvisor_s() {
        let service = |selector: &str| Service {
            prometheus: Some(selector.to_owned()),
            container: Some("web\"1".to_owned()),
            ..Service::named("web", Origin::Settings)
        };
        let found = selects(&service("{job=\"web\",}")).unwrap();
        let told: Vec<_> = found.iter().map(|select| select.metric("up", "a!=\"\"")).collect();
        assert_eq!(told, ["up{job=\"web\",a!=\"\"}", "up{name=\"web\\\"1\",a!=\"\"}"]);
        for wrong in ["up{job=\"web\"}", "up"] {
            let told = selects(&service(wrong)).unwrap_err().to_string();
            assert!(told.contains("right would be '{job=\"web\"}'"), "{told}");
        }
    }
}
