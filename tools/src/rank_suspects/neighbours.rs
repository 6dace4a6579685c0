//! Which services are looked at: the one that is asked about, and those around it, the nearest first.

use std::collections::BTreeSet;

use analysis::suspects::Edge;

use crate::{Catalogue, Service};

/// Services looked at of one question.
const MOST: usize = 24;

/// Who is looked at, and who calls whom.
#[derive(Debug)]
pub(super) struct Around {
    /// The service asked about first, then the others by how far away they are.
    pub(super) services: Vec<Service>,
    pub(super) edges: BTreeSet<Edge>,
    /// Services around that are not looked at.
    pub(super) left_out: usize,
}

/// Everything that `service` needs and that needs it, directly or through others. `read` are calls that were found elsewhere than
/// in the catalogue; only what the catalogue knows is looked at.
pub(super) fn around(catalogue: &Catalogue, service: &Service, read: BTreeSet<Edge>) -> Around {
    let configured = catalogue
        .iter()
        .flat_map(|caller| caller.depends_on.iter().map(|callee| Edge::new(caller.name.as_str(), callee.as_str())));
    let edges: BTreeSet<Edge> = configured.chain(read).collect();
    let mut found: Vec<Service> = vec![service.clone()];
    let mut seen = BTreeSet::from([service.name.as_str()]);
    // What it needs first: causes are looked for there.
    for down in [true, false] {
        let mut ring = vec![service.name.as_str()];
        while !ring.is_empty() {
            let next = edges.iter().filter_map(|edge| {
                let (from, to) = if down { (&edge.caller, &edge.callee) } else { (&edge.callee, &edge.caller) };
                ring.contains(&from.as_str()).then_some(to.as_str())
            });
            ring = next.filter(|name| seen.insert(name)).collect();
            found.extend(ring.iter().filter_map(|name| catalogue.get(name)).cloned());
        }
    }
    let left_out = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    Around { services: found, edges, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn those_below_come_first_and_rings_end() {
        let service = |name: &str, needs: &[&str]| Service {
            depends_on: needs.iter().map(|name| (*name).to_owned()).collect(),
            ..Service::named(name, Origin::Settings)
        };
        let catalogue = Catalogue::new([
            service("web", &["api"]),
            service("api", &["db", "cache"]),
            service("db", &["api"]),
            service("cache", &["unlisted"]),
            service("aside", &["queue"]),
            service("queue", &[]),
        ]);
        let read = BTreeSet::from([Edge::new("db", "queue")]);
        let around = around(&catalogue, catalogue.get("api").unwrap(), read);
        let names: Vec<_> = around.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["api", "cache", "db", "queue", "web"]);
        assert_eq!(around.left_out, 0);
    }
}
