//! Services read off the labels of containers: Compose's, Swarm's, and our own `devops-agent.*`.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use bollard::models::ContainerSummary;

use crate::{Autonomy, Catalogue, Failure, Origin, Service, Slo, catalogue::SWARM_SERVICE, reach::Docker};

const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const COMPOSE_DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// On a container of `docker compose run`, beside the labels of the service that it is of.
const COMPOSE_ONE_OFF: &str = "com.docker.compose.oneoff";
const OWN: &str = "devops-agent.";

/// The services that the containers' labels tell of, and labels that are not understood. A service without labels of its own is not
/// known by them; [`merge`] hears what holds the agent back from it.
///
/// # Errors
/// When Docker cannot be asked.
pub async fn discover(docker: &Docker) -> Result<(Vec<Service>, Vec<String>), Failure> {
    Ok(collected(docker.list().await?))
}

/// The services of these containers by name; in whatever order they come, the newest one tells what its service is like.
fn collected(mut containers: Vec<ContainerSummary>) -> (Vec<Service>, Vec<String>) {
    containers.sort_by_key(|container| (Reverse(container.created), container.id.clone()));
    let mut found: BTreeMap<String, Vec<Service>> = BTreeMap::new();
    let mut problems = Vec::new();
    for labels in containers.into_iter().filter_map(|container| container.labels) {
        if !is_one_off(&labels)
            && let Some(service) = service(&labels, &mut problems)
        {
            found.entry(service.name.clone()).or_default().push(service);
        }
    }
    let services = found.into_values().filter_map(|containers| one(containers, &mut problems)).collect();
    problems.sort();
    problems.dedup();
    (services, problems)
}

/// The service of which all of these containers tell. Whichever of them holds the agent back most is heard. Where they are not told
/// by the same labels nobody knows which are meant: then there is only what holds the agent back.
fn one(containers: Vec<Service>, problems: &mut Vec<String>) -> Option<Service> {
    let protected = containers.iter().any(|service| service.protected);
    let autonomy = containers.iter().filter_map(|service| service.autonomy).min();
    let selectors: BTreeSet<_> = containers.iter().map(|service| service.labels.clone()).collect();
    let newest = containers.into_iter().next()?;
    if selectors.len() < 2 {
        return Some(Service { autonomy, protected, ..newest });
    }
    let name = newest.name;
    let selectors: Vec<_> = selectors.iter().map(|labels| format!("{labels:?}")).collect();
    problems.push(format!(
        "{name}: containers of several services have this name, by the labels {}; left out; right would be `container` or `labels` in [services.{name}], which say the one that is meant",
        selectors.join(" and ")
    ));
    Some(Service { autonomy, protected, ..Service::named(&name, Origin::Containers) })
}

/// Whether a container was started by hand for one task: it has its service's labels, and serves nobody.
pub(crate) fn is_one_off(labels: &HashMap<String, String>) -> bool {
    labels.get(COMPOSE_ONE_OFF).is_some_and(|value| value.eq_ignore_ascii_case("true"))
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
/// Autonomy only ever comes down by a label: a container cannot give itself more than the settings say. A service that has no labels
/// to be found by is none of its own.
pub fn merge(configured: Vec<Service>, discovered: Vec<Service>) -> Catalogue {
    let mut merged: BTreeMap<String, Service> =
        configured.into_iter().map(|service| (service.name.clone(), service)).collect();
    for found in discovered {
        let Some(known) = merged.get_mut(&found.name) else {
            if !found.labels.is_empty() {
                merged.insert(found.name.clone(), found);
            }
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
        let new = Service {
            labels: BTreeMap::from([(COMPOSE_SERVICE.into(), "new".into())]),
            ..Service::named("new", Origin::Containers)
        };
        let merged = merge(vec![set], vec![label, new]);
        let web = merged.get("web").unwrap();
        assert_eq!((web.health_url.as_deref(), web.logs.as_deref()), (Some("http://set/"), Some("{a=\"b\"}")));
        assert_eq!(web.autonomy, Some(Autonomy::Propose));
        assert_eq!(merged.names(), ["new", "web"]);
    }

    fn container(created: i64, pairs: &[(&str, &str)]) -> ContainerSummary {
        let (id, created) = (Some(format!("id-{created}")), Some(created));
        ContainerSummary { id, created, labels: Some(labels(pairs)), ..Default::default() }
    }

    /// What is collected, which must be the same whatever the order.
    fn collect(containers: &[ContainerSummary]) -> (Vec<Service>, Vec<String>) {
        let found = collected(containers.to_vec());
        assert_eq!(collected(containers.iter().rev().cloned().collect()), found);
        found
    }

    const SHOP: &[(&str, &str)] = &[(COMPOSE_SERVICE, "web"), ("com.docker.compose.project", "shop")];
    const BLOG: &[(&str, &str)] = &[(COMPOSE_SERVICE, "web"), ("com.docker.compose.project", "blog")];

    #[test]
    fn a_container_of_one_task_makes_no_service_and_says_nothing_of_one() {
        let one_off = [SHOP, &[("devops-agent.protected", "true"), (COMPOSE_ONE_OFF, "True")]].concat();
        assert_eq!(collect(&[container(2, &one_off)]), (Vec::new(), Vec::new()));
        let (found, _) = collect(&[container(1, SHOP), container(2, &one_off)]);
        assert_eq!((found.len(), found[0].protected), (1, false));
    }

    #[test]
    fn of_one_service_the_newest_container_tells_and_the_one_that_holds_back_most_is_heard() {
        let with = |created, more: &[(&str, &str)]| container(created, &[SHOP, more].concat());
        let (found, problems) = collect(&[
            with(1, &[("devops-agent.autonomy", "observe"), ("devops-agent.health-url", "http://old/")]),
            with(2, &[("devops-agent.protected", "true")]),
            with(3, &[("devops-agent.autonomy", "act"), ("devops-agent.health-url", "http://new/")]),
        ]);
        assert_eq!((found.len(), problems), (1, Vec::new()));
        assert_eq!((found[0].autonomy, found[0].protected), (Some(Autonomy::Observe), true));
        assert_eq!((found[0].health_url.as_deref(), found[0].labels.len()), (Some("http://new/"), 2));
    }

    #[test]
    fn one_name_of_two_projects_is_told_and_no_service_and_still_protects() {
        let protected = [BLOG, &[("devops-agent.protected", "true")]].concat();
        let (found, problems) = collect(&[container(1, SHOP), container(2, &protected), container(3, SHOP)]);
        assert!(
            problems.len() == 1 && problems[0].contains("`container` or `labels` in [services.web]"),
            "{problems:?}"
        );
        assert!(problems[0].contains("shop") && problems[0].contains("blog"), "{problems:?}");
        assert!(merge(Vec::new(), found.clone()).names().is_empty());
        let set = Service { container: Some("shop-web-1".into()), ..Service::named("web", Origin::Settings) };
        let merged = merge(vec![set], found);
        let web = merged.get("web").unwrap();
        assert!(web.protected && web.labels.is_empty(), "{web:?}");
    }
}
