//! Which service an alert's labels lead to.

use std::collections::BTreeMap;

use crate::{Catalogue, Service};

/// The labels that may lead to a service, in the order in which they are tried.
pub const SERVICE_LABELS: [&str; 4] = ["service", "job", "container", "instance"];

/// A service that an alert's labels lead to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Led {
    /// Its name in the catalogue.
    pub service: String,
    /// The label that leads there.
    pub label: &'static str,
    /// The label's value.
    pub value: String,
    /// What of the service it is, such as "its container".
    pub with: &'static str,
}

/// The service that these labels lead to: by the first label, in the order service, job, container, instance, that leads to one.
pub fn service_of(labels: &BTreeMap<String, String>, catalogue: &Catalogue) -> Option<Led> {
    SERVICE_LABELS.into_iter().find_map(|label| {
        let value = labels.get(label).filter(|value| !value.is_empty())?;
        let by_name = catalogue.get(value).map(|service| (service, "its name"));
        let found = by_name
            .or_else(|| catalogue.iter().find_map(|service| leads(service, label, value).map(|with| (service, with))));
        let (service, with) = found?;
        Some(Led { service: service.name.clone(), label, value: value.clone(), with })
    })
}

fn leads(service: &Service, label: &str, value: &str) -> Option<&'static str> {
    if service.container.as_deref() == Some(value) {
        return Some("its container");
    }
    let quoted = format!("{label}=\"{value}\"");
    if service.prometheus.as_deref().is_some_and(|selector| selector.replace(' ', "").contains(&quoted)) {
        return Some("its Prometheus selector");
    }
    let authority = format!("//{value}/");
    if label == "instance" && service.health_url.as_deref().is_some_and(|url| format!("{url}/").contains(&authority)) {
        return Some("its health URL");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn the_first_label_that_leads_to_a_service_counts() {
        let payments = Service {
            container: Some("payments-1".into()),
            prometheus: Some("{job = \"pay\"}".into()),
            health_url: Some("http://10.0.0.7:8080/health".into()),
            ..Service::named("payments", Origin::Settings)
        };
        let catalogue = Catalogue::new([payments, Service::named("orders", Origin::Settings)]);
        let led = |labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            service_of(&labels, &catalogue).map(|led| format!("{} by {} ({})", led.service, led.label, led.with))
        };
        let told = [
            led(&[("service", "orders"), ("job", "pay")]),
            led(&[("service", "nobody"), ("job", "pay")]),
            led(&[("container", "payments-1")]),
            led(&[("instance", "10.0.0.7:8080")]),
            led(&[("instance", "10.0.0.7")]),
            led(&[("service", ""), ("pod", "payments")]),
        ];
        let told: Vec<_> = told.into_iter().map(|led| led.unwrap_or_else(|| "nothing".to_owned())).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        orders by service (its name)
        payments by job (its Prometheus selector)
        payments by container (its container)
        payments by instance (its health URL)
        nothing
        nothing
        ");
    }
}
