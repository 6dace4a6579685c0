//! What Docker says of made-up services: containers, images, Swarm services, in the form of its inspect documents.

use serde_json::{Value, json};

use super::{Illness, Synthetic, SyntheticService};
use crate::{case::containers::RecordedEvent, time};

/// Milliseconds since which all but the ill run.
const RUNS_FOR: i64 = 10 * 24 * 3_600_000;

/// 64 hexadecimal digits that follow from a text, so that the same world has the same ids.
pub(crate) fn id_of(text: &str) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut digits = String::with_capacity(64);
    for round in 0..4_u8 {
        for byte in text.bytes().chain([round]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        digits.push_str(&format!("{:016x}", hash ^ (hash >> 32)));
    }
    digits
}

fn docker_time(milliseconds: i64) -> String {
    time::rfc3339_nanoseconds(milliseconds.saturating_mul(1_000_000))
}

/// The containers of all services.
pub(super) fn containers(fleet: &Synthetic, since: i64) -> Vec<Value> {
    let mut address = 1;
    let mut all = Vec::new();
    for service in &fleet.services {
        for number in 1..=service.replicas {
            address += 1;
            all.push(container(fleet, service, number, address, since));
        }
    }
    all
}

fn container(fleet: &Synthetic, service: &SyntheticService, number: u32, address: u32, since: i64) -> Value {
    let illness = fleet.illness_of(service);
    let deployed = matches!(illness, Some(Illness::BadImage(_)));
    let started = if deployed { since } else { fleet.now.timestamp_millis() - RUNS_FOR };
    let down = number == 1 && matches!(illness, Some(Illness::Down));
    let (name, labels) = named(fleet, service, number);
    let id = id_of(&name);
    let network = format!("{}_default", fleet.project);
    let (subnet, host) = (address / 250, address % 250 + 2);
    json!({
        "Id": id,
        "Created": docker_time(started - 400),
        "Path": "/app",
        "Args": ["--listen", format!(":{}", service.port)],
        "State": {
            "Status": if down { "exited" } else { "running" }, "Running": !down, "Paused": false, "Restarting": false,
            "OOMKilled": false, "Dead": false, "Pid": if down { 0 } else { 2_000 + address },
            "ExitCode": if down { 137 } else { 0 }, "Error": "", "StartedAt": docker_time(started),
            "FinishedAt": if down { docker_time(since) } else { "0001-01-01T00:00:00Z".to_owned() },
        },
        "Image": format!("sha256:{}", id_of(&service.image)),
        "Name": format!("/{name}"),
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "HostConfig": {
            "NetworkMode": network, "RestartPolicy": { "Name": "unless-stopped", "MaximumRetryCount": 0 },
            "Memory": service.memory, "MemorySwap": service.memory * 2, "NanoCpus": service.nano_cpus,
        },
        "Mounts": [],
        "Config": {
            "Hostname": id.get(..12), "User": "", "Env": ["LOG_LEVEL=info", format!("API_TOKEN=token-of-{}", service.name)],
            "Cmd": ["--listen", format!(":{}", service.port)], "Image": service.image, "WorkingDir": "/",
            "Entrypoint": ["/app"], "Labels": labels,
            "Healthcheck": {
                "Test": ["CMD", "/app", "--check"], "Interval": 5_000_000_000_i64, "Timeout": 2_000_000_000_i64,
                "StartPeriod": 10_000_000_000_i64, "Retries": 3,
            },
        },
        "NetworkSettings": { "Networks": { &network: {
            "Aliases": [service.name, id.get(..12)], "NetworkID": id_of(&network), "EndpointID": id_of(&format!("{name}@{network}")),
            "Gateway": "10.0.0.1", "IPAddress": format!("10.0.{subnet}.{host}"), "IPPrefixLen": 16,
        } } },
    })
}

/// A container's name and labels.
fn named(fleet: &Synthetic, service: &SyntheticService, number: u32) -> (String, Value) {
    let name = &service.name;
    if service.swarm {
        let task = short_id(&format!("{name}.{number}"));
        let full = format!("{name}.{number}.{task}");
        let labels = json!({
            "com.docker.swarm.node.id": short_id("node-1"),
            "com.docker.swarm.service.id": short_id(name),
            "com.docker.swarm.service.name": name,
            "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": task,
            "com.docker.swarm.task.name": full,
        });
        return (full, labels);
    }
    let labels = json!({
        "com.docker.compose.project": fleet.project,
        "com.docker.compose.service": name,
        "com.docker.compose.container-number": number.to_string(),
        "com.docker.compose.oneoff": "False",
    });
    (format!("{name}-{number}"), labels)
}

/// An id as the Swarm gives them: 25 letters and digits.
pub(crate) fn short_id(text: &str) -> String {
    id_of(text).chars().take(25).collect()
}

/// The images that the engine has.
pub(super) fn images(fleet: &Synthetic, since: i64) -> Vec<Value> {
    let there = |service: &SyntheticService| {
        let others = service.images.iter().filter(|image| image.on_engine).map(|image| image.reference.clone());
        others.chain([service.image.clone()]).collect::<Vec<_>>()
    };
    let references = fleet.services.iter().flat_map(there);
    references.map(|reference| image(&reference, since - RUNS_FOR)).collect()
}

/// An image as Docker inspects it.
pub(crate) fn image(reference: &str, created: i64) -> Value {
    let id = id_of(reference);
    let repository = reference.rsplit_once(':').map_or(reference, |(repository, _)| repository);
    json!({
        "Id": format!("sha256:{id}"),
        "RepoTags": [reference],
        "RepoDigests": [format!("{repository}@sha256:{}", id_of(&format!("digest of {reference}")))],
        "Parent": "", "Comment": "", "Created": docker_time(created), "Container": "", "DockerVersion": "20.10.24+dfsg1", "Author": "",
        "Config": {
            "Env": [], "Cmd": null, "Image": "", "WorkingDir": "/", "Entrypoint": ["/app"], "Labels": {},
        },
        "Architecture": "amd64", "Os": "linux", "Size": 48_331_776, "VirtualSize": 48_331_776,
        "GraphDriver": { "Data": null, "Name": "overlay2" },
        "RootFS": { "Type": "layers", "Layers": [format!("sha256:{}", id_of(&format!("layer of {reference}")))] },
        "Metadata": { "LastTagTime": "0001-01-01T00:00:00Z" },
    })
}

/// The Swarm's services; `None` where none is of the Swarm.
pub(super) fn swarm(fleet: &Synthetic, since: i64) -> Option<Vec<Value>> {
    let services: Vec<Value> = fleet
        .services
        .iter()
        .filter(|service| service.swarm)
        .map(|service| swarm_service(fleet, service, since))
        .collect();
    (!services.is_empty()).then_some(services)
}

fn swarm_service(fleet: &Synthetic, service: &SyntheticService, since: i64) -> Value {
    let spec = |image: &str| {
        json!({
            "Name": service.name,
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": image, "Command": ["/app"], "Args": ["--listen", format!(":{}", service.port)],
                    "Env": ["LOG_LEVEL=info", format!("API_TOKEN=token-of-{}", service.name)],
                    "Healthcheck": {
                        "Test": ["CMD", "/app", "--check"], "Interval": 5_000_000_000_i64, "Timeout": 2_000_000_000_i64,
                        "StartPeriod": 10_000_000_000_i64, "Retries": 3,
                    },
                    "Isolation": "default",
                },
                "Resources": { "Limits": { "NanoCPUs": service.nano_cpus, "MemoryBytes": service.memory } },
                "RestartPolicy": { "Condition": "any", "Delay": 5_000_000_000_i64, "MaxAttempts": 0 },
                "Networks": [{ "Target": id_of(&format!("{}_default", fleet.project)) }],
                "ForceUpdate": 0,
                "Runtime": "container",
            },
            "Mode": { "Replicated": { "Replicas": service.replicas } },
            "UpdateConfig": {
                "Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000_i64, "MaxFailureRatio": 0, "Order": "start-first",
            },
        })
    };
    let begun = docker_time(fleet.now.timestamp_millis() - RUNS_FOR);
    let mut document = json!({
        "ID": short_id(&service.name),
        "Version": { "Index": 40 },
        "CreatedAt": begun,
        "UpdatedAt": begun,
        "Spec": spec(&service.image),
        "Endpoint": { "Spec": {} },
    });
    let deployed = matches!(fleet.illness_of(service), Some(Illness::BadImage(_)));
    if let (true, Some(before), Some(fields)) = (deployed, service.images.first(), document.as_object_mut()) {
        fields.insert("PreviousSpec".to_owned(), spec(&before.reference));
        fields.insert("UpdatedAt".to_owned(), docker_time(since).into());
        let status = json!({
            "State": "completed", "StartedAt": docker_time(since - 60_000), "CompletedAt": docker_time(since),
            "Message": "update completed",
        });
        fields.insert("UpdateStatus".to_owned(), status);
    }
    document
}

/// What Docker saw when the illness began.
pub(super) fn events(fleet: &Synthetic, since: i64) -> Vec<RecordedEvent> {
    let Some(service) = fleet.service(&fleet.ill) else {
        return Vec::new();
    };
    let told = |number: u32, action: &str, attributes: &[(&str, &str)]| RecordedEvent {
        at: time::from_milliseconds(since),
        container: named(fleet, service, number).0,
        action: action.to_owned(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    match fleet.illness {
        Illness::Down => vec![told(1, "kill", &[("signal", "9")]), told(1, "die", &[("exitCode", "137")])],
        Illness::BadImage(_) => (1..=service.replicas)
            .flat_map(|number| [told(number, "create", &[]), told(number, "start", &[])])
            .collect(),
        Illness::Hung | Illness::Overloaded(_) | Illness::ShortOfMemory(_) | Illness::Misconfigured => Vec::new(),
    }
}
