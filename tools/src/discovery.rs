//! Services read off the labels of containers: Compose's, Swarm's, and our own `devops-agent.*`.

use std::collections::{BTreeMap, HashMap};

use crate::{Autonomy, Catalogue, Failure, Origin, Service, Slo, catalogue::SWARM_SERVICE, reach::Docker};

const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const COMPOSE_DEPENDS_ON: &str = "com.docker.compose.depends_on";
const OWN: &str = "devops-agent.";

/// The services that the containers' labels tell of, and labels that are not understood.
///
/// # Errors
/// When Docker cannot be asked.
pub async fn discover(docker: &Docker) -> Result<(Vec<Service>, Vec<String>), Failure> {
    let mut found: BTreeMap<String, Service> = BTreeMap::new();
    let mut problems = Vec::new();
    for container in docker.list().await? {
        let labels = container.labels.unwrap_or_default();
        if let Some(service) = service(&labels, &mut problems) {
            found.entry(service.name.clone()).or_insert(service);
        }
    }
    Ok((found.into_values().collect(), problems))
}

fn service(labels: &HashMap<String, String>, problems: &mut Vec<String>) -> Option<Service> {
    let own = |key: &str| {
        labels.get(&format!("{OWN}{key}")).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let (key, name) = [&format!("{OWN}service"), SWARM_SERVICE, COMPOSE_SERVICE]
        .into_iter()
        .find_map(|key| labels.get(key).map(|name| (key.to_owned(), name.clone())))?;
    let mut service = Service::named(&name, Origin::Containers);
    service.labels.insert(key.clone(), name.clone());
    if key == COMPOSE_SERVICE
        && let Some(project) = labels.get("com.docker.compose.project")
    {
        // Two projects may each have a service `web`.
        service.labels.insert("com.docker.compose.project".to_owned(), project.clone());
    }
    service.health_url = own("health-url");
    service.prometheus = own("prometheus");
    service.logs = own("logs");
    service.environment = own("environment");
    service.error_rate = own("error-rate");
    service.latency = own("latency");
    service.slo = slo(&name, own, problems);
    service.repository = own("repository");
    service.depends_on = own("depends-on")
        .map(|list| names(&list))
        .or_else(|| labels.get(COMPOSE_DEPENDS_ON).map(|list| names(list)))
        .unwrap_or_default();
    service.autonomy = own("autonomy").map(|word| match word.as_str() {
        "observe" => Autonomy::Observe,
        "propose" => Autonomy::Propose,
        "act" => Autonomy::Act,
        other => {
            problems.push(format!(
                "{name}: label {OWN}autonomy is {other:?}; right would be observe, propose or act; taken as observe"
            ));
            Autonomy::Observe
        }
    });
    service.protected = own("protected").is_some_and(|word| {
        if !matches!(word.as_str(), "true" | "false") {
            problems
                .push(format!("{name}: label {OWN}protected is {word:?}; right would be true or false; taken as true"));
        }
        word != "false"
    });
    Some(service)
}

/// The SLO of `devops-agent.slo-objective`, `slo-window`, `slo-errors` and `slo-total`; one that is wrong is told and left out.
fn slo(name: &str, own: impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Option<Slo> {
    let (objective, window) = (own("slo-objective"), own("slo-window"));
    let (errors, total) = (own("slo-errors"), own("slo-total"));
    let Some(objective) = objective else {
        if window.is_some() || errors.is_some() || total.is_some() {
            problems.push(format!(
                "{name}: there are labels {OWN}slo-… without {OWN}slo-objective; right would be \"0.999\""
            ));
        }
        return None;
    };
    // What is no number is told as the wrong objective that it is.
    let number = objective.parse().unwrap_or(f64::NAN);
    let slo = Slo::new(number, window.as_deref().unwrap_or(Slo::WINDOW), errors, total);
    slo.map_err(|why| problems.push(format!("{name}: labels {OWN}slo-…: {why}; left out"))).ok()
}

/// Names out of `a, b` or Compose's `a:service_started:true,b:service_healthy:false`.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').filter_map(|entry| entry.split(':').next()).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// One catalogue of both; where both know a service, what the settings say stands, and labels fill what they leave open.
/// Autonomy only ever comes down by a label: a container cannot give itself more than the settings say.
pub fn merge(configured: Vec<Service>, discovered: Vec<Service>) -> Catalogue {
    let mut merged: BTreeMap<String, Service> =
        configured.into_iter().map(|service| (service.name.clone(), service)).collect();
    for found in discovered {
        let Some(known) = merged.get_mut(&found.name) else {
            merged.insert(found.name.clone(), found);
            continue;
        };
        if known.container.is_none() && known.labels.is_empty() {
            known.labels = found.labels;
        }
        known.health_url = known.health_url.take().or(found.health_url);
        known.prometheus = known.prometheus.take().or(found.prometheus);
        known.logs = known.logs.take().or(found.logs);
        known.environment = known.environment.take().or(found.environment);
        known.error_rate = known.error_rate.take().or(found.error_rate);
        known.latency = known.latency.take().or(found.latency);
        known.slo = known.slo.take().or(found.slo);
        known.repository = known.repository.take().or(found.repository);
        if known.depends_on.is_empty() {
            known.depends_on = found.depends_on;
        }
        known.autonomy = match (known.autonomy, found.autonomy) {
            (Some(settings), Some(label)) => Some(settings.min(label)),
            (settings, label) => settings.or(label),
        };
        known.protected |= found.protected;
    }
    Catalogue::new(merged.into_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_become_services_and_bad_ones_are_told() {
        let mut problems = Vec::new();
        let compose = labels(&[
            (COMPOSE_SERVICE, "web"),
            ("com.docker.compose.project", "shop"),
            (COMPOSE_DEPENDS_ON, "db:service_healthy:true,cache:service_started:false"),
            ("devops-agent.autonomy", "everything"),
            ("devops-agent.protected", "yes"),
        ]);
        let web = service(&compose, &mut problems).unwrap();
        assert_eq!(web.depends_on, ["db", "cache"]);
        assert_eq!((web.autonomy, web.protected, web.labels.len()), (Some(Autonomy::Observe), true, 2));
        assert_eq!(problems.len(), 2);
        assert_eq!(service(&labels(&[("other", "x")]), &mut problems), None);
    }

    #[test]
    fn an_slo_is_read_off_labels_and_a_wrong_one_is_told() {
        let of = |pairs: &[(&str, &str)]| {
            let mut problems = Vec::new();
            let all: Vec<_> = [("devops-agent.service", "web")].iter().chain(pairs).copied().collect();
            (service(&labels(&all), &mut problems).unwrap().slo, problems)
        };
        let (slo, problems) = of(&[("devops-agent.slo-objective", "0.995"), ("devops-agent.slo-window", "7d")]);
        assert_eq!((slo, problems), (Some(Slo::new(0.995, "7d", None, None).unwrap()), Vec::new()));
        for wrong in [
            &[("devops-agent.slo-objective", "99.5 %")][..],
            &[("devops-agent.slo-objective", "0.99"), ("devops-agent.slo-window", "a month")],
            &[("devops-agent.slo-objective", "0.99"), ("devops-agent.slo-errors", "sum(x)")],
            &[("devops-agent.slo-window", "7d")],
        ] {
            let (slo, problems) = of(wrong);
            assert!(slo.is_none() && problems.len() == 1 && problems[0].contains("right would be"), "{problems:?}");
        }
    }

    #[test]
    fn settings_stand_and_labels_fill_what_they_leave_open() {
        let set = Service {
            health_url: Some("http://set/".into()),
            autonomy: Some(Autonomy::Propose),
            ..Service::named("web", Origin::Settings)
        };
        let label = Service {
            health_url: Some("http://label/".into()),
            logs: Some("{a=\"b\"}".into()),
            autonomy: Some(Autonomy::Act),
            ..Service::named("web", Origin::Containers)
        };
        let merged = merge(vec![set], vec![label, Service::named("new", Origin::Containers)]);
        let web = merged.get("web").unwrap();
        assert_eq!((web.health_url.as_deref(), web.logs.as_deref()), (Some("http://set/"), Some("{a=\"b\"}")));
        assert_eq!(web.autonomy, Some(Autonomy::Propose));
        assert_eq!(merged.names(), ["new", "web"]);
    }
}
