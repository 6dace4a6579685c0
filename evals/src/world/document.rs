//! The inspect document of a container that is made.

use serde_json::{Map, Value, json};

use super::{container::docker_time, limits::Limits};

/// What of a new container is not in the request.
pub(super) struct Made<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) at: i64,
    pub(super) command: Vec<Value>,
    pub(super) networks: Map<String, Value>,
}

/// Entrypoint and command, each from the image where the request has none; `None` when there is neither.
pub(super) fn command(config: &Value, image: &Value) -> Option<Vec<Value>> {
    let list = |of: &Value, pointer: &str| {
        let list = of.pointer(pointer).and_then(Value::as_array).cloned();
        list.filter(|list| !list.is_empty())
    };
    let own = list(config, "/Entrypoint");
    let from_image = if own.is_some() { None } else { list(image, "/Config/Cmd") };
    let arguments = list(config, "/Cmd").or(from_image).unwrap_or_default();
    let whole: Vec<Value> =
        own.or_else(|| list(image, "/Config/Entrypoint")).unwrap_or_default().into_iter().chain(arguments).collect();
    (!whole.is_empty()).then_some(whole)
}

/// The inspect document of a container that was made just now.
pub(super) fn document(made: &Made<'_>, config: &Value, host: &Value, image: &Value) -> Value {
    let limits = Limits::read(host);
    let mut host = host.clone();
    let swap = if limits.memory > 0 && limits.memory_swap == 0 { limits.memory * 2 } else { limits.memory_swap };
    let defaults = json!({
        "NetworkMode": "default", "RestartPolicy": { "Name": "", "MaximumRetryCount": 0 }, "Memory": 0, "NanoCpus": 0,
        "CpuQuota": 0, "Privileged": false, "ReadonlyRootfs": false,
    });
    fill(&mut host, &defaults);
    if let Some(fields) = host.as_object_mut() {
        fields.insert("MemorySwap".to_owned(), swap.into());
    }
    let mut own = config.clone();
    if let Some(fields) = own.as_object_mut() {
        fields.remove("HostConfig");
        fields.remove("NetworkingConfig");
        fields.insert("Env".to_owned(), environment(config, image));
    }
    let of_image =
        |name: &str| image.pointer("/Config").and_then(|config| config.get(name)).cloned().unwrap_or(Value::Null);
    let set_by_image = json!({
        "Hostname": made.id.get(..12), "Domainname": "", "User": "", "Tty": false, "OpenStdin": false, "Labels": {},
        "Entrypoint": of_image("Entrypoint"), "Cmd": of_image("Cmd"), "Healthcheck": of_image("Healthcheck"),
        "WorkingDir": of_image("WorkingDir"),
    });
    fill(&mut own, &set_by_image);
    if let (Some(labels), Some(more)) =
        (own.get_mut("Labels"), image.pointer("/Config/Labels").filter(|more| more.is_object()))
    {
        fill(labels, more);
    }
    let mut words = made.command.iter();
    json!({
        "Id": made.id, "Created": docker_time(made.at), "Path": words.next(), "Args": words.collect::<Vec<_>>(),
        "State": { "Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z" },
        "Image": image.get("Id"), "Name": format!("/{}", made.name), "RestartCount": 0, "Driver": "overlay2",
        "Platform": "linux", "LogPath": "", "HostConfig": host, "Mounts": [], "Config": own,
        "NetworkSettings": { "Networks": made.networks },
    })
}

/// Adds what is missing or null.
fn fill(document: &mut Value, defaults: &Value) {
    if !document.is_object() {
        *document = json!({});
    }
    let (Some(fields), Some(defaults)) = (document.as_object_mut(), defaults.as_object()) else {
        return;
    };
    for (name, value) in defaults {
        let there = fields.entry(name.clone()).or_insert(Value::Null);
        if there.is_null() {
            there.clone_from(value);
        }
    }
}

/// The image's environment, with the request's own over it.
fn environment(config: &Value, image: &Value) -> Value {
    let lines = |of: &Value, pointer: &str| of.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let own = lines(config, "/Env");
    let name = |line: &Value| line.as_str().and_then(|line| Some(line.split_once('=')?.0.to_owned()));
    let names: Vec<_> = own.iter().map(name).collect();
    let inherited = lines(image, "/Config/Env").into_iter().filter(|line| !names.contains(&name(line)));
    inherited.chain(own.clone()).collect::<Vec<_>>().into()
}
