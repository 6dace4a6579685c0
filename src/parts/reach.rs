//! The outside systems, as the settings name them.

use std::sync::Arc;

use anyhow::{Context, Result};
use tools::{
    SharedClock,
    reach::{Alertmanager, Docker, GitHub, HttpOptions, Loki, Prometheus},
};

use crate::config::{Endpoint, Settings};

/// The outside systems; `None` where none is configured.
#[derive(Clone)]
pub struct Reach {
    /// Prometheus.
    pub prometheus: Option<Arc<Prometheus>>,
    /// Loki.
    pub loki: Option<Arc<Loki>>,
    /// Alertmanager.
    pub alertmanager: Option<Arc<Alertmanager>>,
    /// Docker.
    pub docker: Option<Arc<Docker>>,
    /// GitHub.
    pub github: Option<Arc<GitHub>>,
}

pub(super) fn http_client(settings: &Settings) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(settings.prometheus.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("devops-agent/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("the HTTP client could not be built")
}

/// Asks none of them.
pub(super) fn reach(settings: &Settings, client: &reqwest::Client, clock: &SharedClock) -> Result<Reach> {
    let options = |endpoint: &Endpoint| HttpOptions {
        timeout: endpoint.timeout,
        answer_max: endpoint.answer_max,
        bearer: endpoint.bearer_token.clone(),
        basic: endpoint.basic(),
        tenant: (!endpoint.tenant.is_empty()).then(|| endpoint.tenant.clone()),
    };
    let wanted = |endpoint: &Endpoint| (!endpoint.url.is_empty()).then(|| (endpoint.url.clone(), options(endpoint)));
    let prometheus = wanted(&settings.prometheus)
        .map(|(url, options)| Prometheus::new(client.clone(), &url, options, Arc::clone(clock)).map(Arc::new))
        .transpose()
        .context("[prometheus]")?;
    let loki = wanted(&settings.loki)
        .map(|(url, options)| Loki::new(client.clone(), &url, options, Arc::clone(clock)).map(Arc::new))
        .transpose()
        .context("[loki]")?;
    let alertmanager = wanted(&settings.alertmanager)
        .map(|(url, options)| Alertmanager::new(client.clone(), &url, options, Arc::clone(clock)).map(Arc::new))
        .transpose()
        .context("[alertmanager]")?;
    let docker = (settings.docker.host != "none")
        .then(|| Docker::connect(&settings.docker.host, settings.docker.timeout).map(Arc::new))
        .transpose()
        .context("[docker]")?;
    let github = settings
        .github
        .token
        .is_some()
        .then(|| {
            GitHub::new(&settings.github.url, settings.github.token.clone(), settings.github.timeout, Arc::clone(clock))
                .map(Arc::new)
        })
        .transpose()
        .context("[github]")?;
    Ok(Reach { prometheus, loki, alertmanager, docker, github })
}
