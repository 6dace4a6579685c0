//! Pairs of metrics of which one is used and the other what there is: well-known ones, and those whose names say so.

use std::collections::{BTreeMap, BTreeSet};

use super::resource::{Limit, Resource, Select, Unit};

/// Resources of one selector.
const MOST: usize = 24;

/// Well-known pairs whose names alone do not tell. In a template `[metric|matchers]` stands for the metric's series of the
/// service. Of those with one name the first that is there is taken.
const KNOWN: [(&str, &str, &str); 14] = [
    (
        "disk space",
        "[node_filesystem_size_bytes|FS] - [node_filesystem_avail_bytes|FS]",
        "[node_filesystem_size_bytes|FS]",
    ),
    ("disk space", "-[node_filesystem_avail_bytes|FS]", FREE),
    ("inodes", "[node_filesystem_files|FS] - [node_filesystem_files_free|FS]", "[node_filesystem_files|FS] > 0"),
    ("host memory", "[node_memory_MemTotal_bytes] - [node_memory_MemAvailable_bytes]", "[node_memory_MemTotal_bytes]"),
    ("host memory", "-[node_memory_MemAvailable_bytes]", FREE),
    (
        "memory",
        "[container_memory_working_set_bytes|image!=\"\"]",
        "[container_spec_memory_limit_bytes|image!=\"\"] > 0",
    ),
    ("memory", "[container_memory_usage_bytes|image!=\"\"]", "[container_spec_memory_limit_bytes|image!=\"\"] > 0"),
    ("memory", "[container_memory_working_set_bytes]", CONTAINER),
    ("memory", "[process_resident_memory_bytes]", CONTAINER),
    ("database connections", "sum([pg_stat_activity_count])", "max([pg_settings_max_connections])"),
    ("database connections", "[mysql_global_status_threads_connected]", "[mysql_global_variables_max_connections]"),
    ("client connections", "[redis_connected_clients]", "[redis_config_maxclients]"),
    (
        "client connections",
        "sum([pgbouncer_pools_client_active_connections]) + sum([pgbouncer_pools_client_waiting_connections])",
        "max([pgbouncer_config_max_client_connections])",
    ),
    (
        "connection pool",
        "sum by (database) ([pgbouncer_pools_server_active_connections])",
        "max by (database) (label_replace([pgbouncer_databases_pool_size], \"database\", \"$1\", \"name\", \"(.*)\"))",
    ),
];

/// How much there is in all is not known, only what is free.
const FREE: &str = "free";
/// The limit is the container's, which Docker knows.
const CONTAINER: &str = "container";
/// File systems that are no disks.
const FS: &str = "fstype!~\"tmpfs|devtmpfs|ramfs|squashfs|iso9660|overlay|nsfs|fuse.lxcfs\"";

/// Words of a name that say that something is used, and those that say how much there is.
const USED: [&str; 16] = [
    "active",
    "acquired",
    "allocated",
    "borrowed",
    "busy",
    "connected",
    "current",
    "entries",
    "in",
    "leased",
    "occupied",
    "open",
    "running",
    "usage",
    "use",
    "used",
];
const MAX: [&str; 7] = ["capacity", "limit", "max", "maxfiles", "maximum", "quota", "upper"];
/// Endings of what is no amount at one moment.
const NO_AMOUNT: [&str; 9] = ["total", "bucket", "sum", "count", "created", "seconds", "ratio", "percent", "info"];

/// The resources that metrics of these names measure.
pub(super) fn found(select: &Select, names: &[String]) -> Vec<Resource> {
    let there: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut found: Vec<Resource> = Vec::new();
    for (what, used, limit) in KNOWN {
        let again = found.iter().any(|resource| resource.what == what);
        if let (false, Some(used)) = (again, filled(used, select, &there))
            && let Some(limit) = limited(limit, select, &there)
        {
            let unit = unit(&used);
            found.push(Resource { what: what.to_owned(), used, limit, unit });
        }
    }
    found.extend(by_name(select, &there));
    found.truncate(MOST);
    found
}

fn limited(template: &str, select: &Select, there: &BTreeSet<&str>) -> Option<Limit> {
    match template {
        FREE => Some(Limit::AllFree),
        CONTAINER => Some(Limit::ContainerMemory),
        template => filled(template, select, there).map(Limit::Query),
    }
}

/// A template with its metrics; `None` when one of them is not there.
fn filled(template: &str, select: &Select, there: &BTreeSet<&str>) -> Option<String> {
    let mut parts = template.split('[');
    let mut query = parts.next()?.to_owned();
    for part in parts {
        let (metric, rest) = part.split_once(']')?;
        let (name, matchers) = metric.split_once('|').unwrap_or((metric, ""));
        if !there.contains(name) {
            return None;
        }
        query.push_str(&select.metric(name, if matchers == "FS" { FS } else { matchers }));
        query.push_str(rest);
    }
    Some(query)
}

/// Pairs such as `hikaricp_connections_active` and `hikaricp_connections_max`: the same name but for the words that say which
/// of the two it is.
fn by_name(select: &Select, there: &BTreeSet<&str>) -> Vec<Resource> {
    let amounts = || there.iter().filter(|name| !NO_AMOUNT.iter().any(|end| name.rsplit('_').next() == Some(end)));
    let limits: BTreeMap<_, _> = amounts().filter(|name| has(name, &MAX)).map(|name| (stem(name), *name)).collect();
    let used = amounts().filter(|name| has(name, &USED) && !has(name, &MAX));
    let pairs = used.filter_map(|name| Some((*name, *limits.get(&stem(name))?)));
    // cAdvisor's and node_exporter's own stand in the table above.
    let pairs = pairs.filter(|(name, _)| !name.starts_with("container_memory") && !name.starts_with("node_filesystem"));
    let resource = |(used, limit): (&str, &str)| Resource {
        what: stem(used).replace('_', " "),
        used: select.metric(used, ""),
        limit: Limit::Query(format!("{} > 0", select.metric(limit, ""))),
        unit: unit(used),
    };
    pairs.map(resource).collect()
}

fn has(name: &str, words: &[&str]) -> bool {
    name.split('_').any(|part| words.contains(&part))
}

fn stem(name: &str) -> String {
    let rest = name.split('_').filter(|part| !USED.contains(part) && !MAX.contains(part));
    rest.collect::<Vec<_>>().join("_")
}

fn unit(query: &str) -> Unit {
    if query.contains("_bytes") { Unit::Bytes } else { Unit::Count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Service};

    fn told(names: &[&str]) -> String {
        let service = Service { prometheus: Some("{job=\"a\"}".to_owned()), ..Service::named("a", Origin::Settings) };
        let select = super::super::resource::selects(&service).unwrap().remove(0);
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = found(&select, &names);
        let lines = found.iter().map(|one| format!("{}: {} of {:?}", one.what, one.used, one.limit));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn pairs_are_found_by_what_is_known_and_by_their_names() {
        let told = told(&[
            "container_memory_working_set_bytes",
            "container_spec_memory_limit_bytes",
            "hikaricp_connections_active",
            "hikaricp_connections_max",
            "hikaricp_connections_usage_seconds_count",
            "go_sql_stats_connections_in_use",
            "go_sql_stats_connections_max_open",
            "node_filesystem_avail_bytes",
            "node_filesystem_size_bytes",
            "pg_stat_activity_count",
            "process_max_fds",
            "process_open_fds",
            "process_resident_memory_bytes",
            "process_virtual_memory_bytes",
            "process_virtual_memory_max_bytes",
            "http_requests_total",
        ]);
        insta::assert_snapshot!(told, @r#"
        disk space: node_filesystem_size_bytes{job="a",fstype!~"tmpfs|devtmpfs|ramfs|squashfs|iso9660|overlay|nsfs|fuse.lxcfs"} - node_filesystem_avail_bytes{job="a",fstype!~"tmpfs|devtmpfs|ramfs|squashfs|iso9660|overlay|nsfs|fuse.lxcfs"} of Query("node_filesystem_size_bytes{job=\"a\",fstype!~\"tmpfs|devtmpfs|ramfs|squashfs|iso9660|overlay|nsfs|fuse.lxcfs\"}")
        memory: container_memory_working_set_bytes{job="a",image!=""} of Query("container_spec_memory_limit_bytes{job=\"a\",image!=\"\"} > 0")
        go sql stats connections: go_sql_stats_connections_in_use{job="a"} of Query("go_sql_stats_connections_max_open{job=\"a\"} > 0")
        hikaricp connections: hikaricp_connections_active{job="a"} of Query("hikaricp_connections_max{job=\"a\"} > 0")
        process fds: process_open_fds{job="a"} of Query("process_max_fds{job=\"a\"} > 0")
        "#);
    }

    #[test]
    fn every_template_is_promql() {
        let names: Vec<_> = KNOWN.iter().flat_map(|(_, used, limit)| [*used, *limit]).flat_map(metrics).collect();
        let there: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let service = Service { prometheus: Some("{job=\"a\"}".to_owned()), ..Service::named("a", Origin::Settings) };
        let select = super::super::resource::selects(&service).unwrap().remove(0);
        for (_, used, limit) in KNOWN {
            for template in [used, limit].into_iter().filter(|template| ![FREE, CONTAINER].contains(template)) {
                let query = filled(template, &select, &there).unwrap();
                assert!(promql_parser::parser::parse(&query).is_ok(), "{query}");
            }
        }
    }

    fn metrics(template: &str) -> Vec<String> {
        let parts = template.split('[').skip(1).filter_map(|part| part.split([']', '|']).next());
        parts.map(str::to_owned).collect()
    }
}
