//! Who calls whom by the connections that containers have open, as the kernel of the engine's machine lists them.
//!
//! Source: proc(5), `/proc/pid/net/tcp`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    path::Path,
};

use analysis::suspects::Edge;
use procfs_core::{
    ExplicitSystemInfo, FromBufReadSI,
    net::{TcpNetEntries, TcpState},
};

use crate::{
    Catalogue, Failure, System,
    reach::{Container, Docker},
};

/// Bytes of one table that are read: some 50,000 connections.
const TABLE: u64 = 8 << 20;

/// One container's end of its connections.
#[derive(Debug)]
struct Ends {
    service: String,
    addresses: BTreeSet<IpAddr>,
    /// Ports at which it waits to be called.
    listens: BTreeSet<u16>,
    /// Its own port, and the other end.
    open: Vec<(u16, SocketAddr)>,
}

/// Calls between services whose containers run on this engine, read below `proc`, where the engine's machine has its `/proc`. What a
/// container on the machine's own network does cannot be told from what others on it do.
///
/// # Errors
/// As Docker fails; `Unreachable` when `proc` is not that of the engine's machine, or may not be read.
pub(super) async fn connections(
    docker: &Docker,
    proc: &Path,
    catalogue: &Catalogue,
) -> Result<BTreeSet<Edge>, Failure> {
    let running = docker.running(catalogue.iter()).await?;
    let proc = proc.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let all = running.iter().filter_map(|(service, container)| ends(&proc, service, container).transpose());
        all.collect::<io::Result<Vec<Ends>>>().map(|all| edges(&all))
    });
    let failed = |why: String| Failure::unreachable(System::Docker, format!("connections of its containers: {why}"));
    match read.await {
        Ok(edges) => edges.map_err(|error| failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// `None` where the container has no address of its own, or has ended meanwhile.
fn ends(proc: &Path, service: &str, container: &Container) -> io::Result<Option<Ends>> {
    let addresses = addresses(container);
    let pid = container.state.as_ref().and_then(|state| state.pid).filter(|pid| *pid > 0);
    let (Some(pid), Some(id), false) = (pid, &container.id, addresses.is_empty()) else { return Ok(None) };
    let folder = proc.join(pid.to_string());
    let Ok(groups) = text(&folder.join("cgroup")) else { return Ok(None) };
    if !groups.contains(id.as_str()) {
        let why =
            format!("process {pid} of {} is not of this container: it is another machine's /proc", folder.display());
        return Err(io::Error::other(why));
    }
    let mut ends = Ends::new(service, addresses);
    for table in ["tcp", "tcp6"] {
        // Without IPv6 there is no second table.
        if let Ok(found) = text(&folder.join("net").join(table)) {
            ends.add(&found)?;
        }
    }
    Ok(Some(ends))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(TABLE).read_to_string(&mut text)?;
    Ok(text)
}

fn addresses(container: &Container) -> BTreeSet<IpAddr> {
    let networks = container.network_settings.iter().flat_map(|settings| settings.networks.iter().flatten());
    let of_network = networks.flat_map(|(_, network)| [&network.ip_address, &network.global_ipv6_address]);
    of_network.flatten().filter_map(|address| address.parse().ok()).collect()
}

impl Ends {
    fn new(service: &str, addresses: BTreeSet<IpAddr>) -> Self {
        Self { service: service.to_owned(), addresses, listens: BTreeSet::new(), open: Vec::new() }
    }

    fn add(&mut self, table: &str) -> io::Result<()> {
        // Only the order of bytes is asked of it.
        let system = ExplicitSystemInfo {
            boot_time_secs: 0,
            ticks_per_second: 100,
            page_size: 4_096,
            is_little_endian: cfg!(target_endian = "little"),
        };
        let whole = table.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let TcpNetEntries(entries) =
            TcpNetEntries::from_buf_read(whole.as_bytes(), &system).map_err(io::Error::other)?;
        for entry in entries {
            let port = entry.local_address.port();
            if entry.state == TcpState::Listen {
                self.listens.insert(port);
            } else {
                let other = entry.remote_address;
                // An IPv4 address stands among those of IPv6 as ::ffff:10.0.0.1.
                self.open.push((port, SocketAddr::new(other.ip().to_canonical(), other.port())));
            }
        }
        Ok(())
    }
}

/// The end that listens is called by the other one.
fn edges(all: &[Ends]) -> BTreeSet<Edge> {
    let mut owners: BTreeMap<IpAddr, Option<&Ends>> = BTreeMap::new();
    for ends in all {
        for address in &ends.addresses {
            // Two networks may use the same addresses: then nobody can say whose it is.
            owners.entry(*address).and_modify(|owner| *owner = None).or_insert(Some(ends));
        }
    }
    let mut edges = BTreeSet::new();
    for ends in all {
        for (port, other) in &ends.open {
            let Some(Some(owner)) = owners.get(&other.ip()) else { continue };
            let (caller, callee) = match (ends.listens.contains(port), owner.listens.contains(&other.port())) {
                (true, false) => (owner, &ends),
                (false, true) => (&ends, owner),
                (true, true) | (false, false) => continue,
            };
            if caller.service != callee.service {
                edges.insert(Edge::new(caller.service.as_str(), callee.service.as_str()));
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    /// A line of a table: addresses as the kernel writes them, and a state.
    fn line(local: &str, remote: &str, state: &str) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
        )
    }

    fn ends(service: &str, address: &str, lines: &[String]) -> Ends {
        let mut ends = Ends::new(service, [address.parse().unwrap()].into());
        ends.add(&format!("{HEADER}{}", lines.concat())).unwrap();
        ends
    }

    #[test]
    fn the_end_that_listens_is_called_by_the_other_one() {
        // 10.0.0.2 is web, 10.0.0.3 api, 10.0.0.4 db; 0x1F90 is 8080, 0x1538 5432.
        let web = ends(
            "web",
            "10.0.0.2",
            &[line("0200000A:9C40", "0300000A:1F90", "01"), line("0200000A:9C41", "08080808:01BB", "01")],
        );
        let api = ends(
            "api",
            "10.0.0.3",
            &[
                line("00000000:1F90", "00000000:0000", "0A"),
                line("0300000A:1F90", "0200000A:9C40", "01"),
                line("0300000A:9C50", "0400000A:1538", "06"),
                line("0300000A:9C51", "0300000A:1F90", "01"),
            ],
        );
        let db = ends(
            "db",
            "10.0.0.4",
            &[line("00000000:1538", "00000000:0000", "0A"), line("0400000A:1538", "0300000A:9C50", "01")],
        );
        let wanted = BTreeSet::from([Edge::new("web", "api"), Edge::new("api", "db")]);
        assert_eq!(edges(&[web, api, db]), wanted);
    }

    #[test]
    fn by_ipv6_too_and_never_by_an_address_that_two_have() {
        let mapped = "0000000000000000FFFF00000300000A";
        let api = |address: &str| {
            ends(
                "api",
                address,
                &[
                    line("00000000000000000000000000000000:1F90", "00000000000000000000000000000000:0000", "0A"),
                    line(&format!("{mapped}:1F90"), "0000000000000000FFFF00000200000A:9C40", "01"),
                ],
            )
        };
        let web = || ends("web", "10.0.0.2", &[]);
        assert_eq!(edges(&[web(), api("10.0.0.3")]), BTreeSet::from([Edge::new("web", "api")]));
        assert_eq!(edges(&[web(), ends("other", "10.0.0.2", &[]), api("10.0.0.3")]), BTreeSet::new());
    }

    #[test]
    fn a_table_that_is_cut_or_is_none_does_no_harm() {
        let whole = format!("{HEADER}{}", line("00000000:1F90", "00000000:0000", "0A"));
        for end in 0..=whole.len() {
            let mut ends = Ends::new("x", BTreeSet::new());
            ends.add(whole.get(..end).unwrap()).unwrap();
        }
        let mut ends = Ends::new("x", BTreeSet::new());
        assert!(ends.add("one\nno table at all\n").is_err());
    }
}
