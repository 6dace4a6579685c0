//! `list_services`: every service of the catalogue and how it is.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Autonomy, Failure, Origin, Seen, SharedCatalogue, Tool, container::ContainerView, reach::Docker};

/// Lists the services of the catalogue with their state, replicas, dependencies, and how far the agent may go with each.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{}]))]
pub struct ListServicesArgs {}

/// Lists services.
pub struct ListServices {
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
}

/// The services.
#[derive(Debug, Serialize)]
pub struct Services {
    services: Vec<ServiceLine>,
    /// Why states are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    without_states: Option<String>,
}

#[derive(Debug, Serialize)]
struct ServiceLine {
    name: String,
    state: String,
    replicas: usize,
    well: usize,
    depends_on: Vec<String>,
    autonomy: Option<Autonomy>,
    protected: bool,
    origin: Origin,
}

impl ListServices {
    /// A tool over this catalogue; without Docker it tells no states.
    pub fn new(docker: Option<Arc<Docker>>, catalogue: SharedCatalogue) -> Self {
        Self { docker, catalogue }
    }
}

impl Tool for ListServices {
    const NAME: &'static str = "list_services";
    type Args = ListServicesArgs;
    type Output = Services;

    async fn run(&self, _: &Self::Args) -> Result<Seen<Services>, Failure> {
        let catalogue = self.catalogue.load();
        let mut without_states = self.docker.is_none().then(|| "Docker is not configured".to_owned());
        let mut services = Vec::new();
        for service in catalogue.iter() {
            let (mut state, mut replicas, mut well) = ("unknown".to_owned(), 0, 0);
            if let (Some(docker), None) = (&self.docker, &without_states) {
                match docker.of_service(service).await {
                    Ok(found) => {
                        let mut views: Vec<_> = found.iter().map(ContainerView::of).collect();
                        views.sort_by_key(ContainerView::badness);
                        replicas = views.len();
                        well = views.iter().filter(|view| view.well()).count();
                        state =
                            views.first().map(|view| format!("{}, {}", view.state, view.health)).unwrap_or_default();
                    }
                    Err(Failure::Tell(_)) => "no container".clone_into(&mut state),
                    Err(failure @ Failure::Unreachable { .. }) => without_states = Some(failure.to_string()),
                }
            }
            services.push(ServiceLine {
                name: service.name.clone(),
                state,
                replicas,
                well,
                depends_on: service.depends_on.clone(),
                autonomy: service.autonomy,
                protected: service.protected,
                origin: service.origin,
            });
        }
        Ok(Seen { output: Services { services, without_states }, raw: Value::Null })
    }
}

impl fmt::Display for Services {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            return write!(
                out,
                "the catalogue is empty: no [services.<name>] in the settings, no labels on containers"
            );
        }
        for service in &self.services {
            write!(out, "{}: {} ({} of {} well)", service.name, service.state, service.well, service.replicas)?;
            if !service.depends_on.is_empty() {
                write!(out, "; needs {}", service.depends_on.join(", "))?;
            }
            match service.autonomy {
                Some(Autonomy::Observe) => write!(out, "; observe")?,
                Some(Autonomy::Propose) => write!(out, "; propose")?,
                Some(Autonomy::Act) => write!(out, "; act")?,
                None => {}
            }
            writeln!(out, "{}", if service.protected { "; protected" } else { "" })?;
        }
        if let Some(why) = &self.without_states {
            write!(out, "states are not known: {why}")?;
        }
        Ok(())
    }
}
