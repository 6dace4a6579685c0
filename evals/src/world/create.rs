//! Containers that are made and removed, get other names and other limits.

use serde_json::{Map, Value, json};

use super::{
    change::Deed,
    container::{Container, docker_time},
    event::Event,
    refusal::Refusal,
    state::State,
};
use crate::case::{Action, Effect, containers::text, id_of};

/// Docker's smallest memory limit, in bytes.
const LEAST_MEMORY: i64 = 6 << 20;
/// The processors that the engine says that it has.
pub(crate) const PROCESSORS: i64 = 4;

/// Limits as a request gives them; what it leaves out stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) memory: i64,
    pub(crate) memory_swap: i64,
    pub(crate) nano_cpus: i64,
    pub(crate) cpu_quota: i64,
}

impl Limits {
    /// Reads `Memory`, `MemorySwap`, `NanoCpus` and `CpuQuota` of a document.
    pub(crate) fn read(document: &Value) -> Self {
        let number = |name: &str| document.get(name).and_then(Value::as_i64).unwrap_or_default();
        Self {
            memory: number("Memory"),
            memory_swap: number("MemorySwap"),
            nano_cpus: number("NanoCpus"),
            cpu_quota: number("CpuQuota"),
        }
    }

    /// What Docker says of limits that cannot be.
    fn check(self, update: bool) -> Result<(), Refusal> {
        let bad = |text: &str| Err(Refusal::new(400, text));
        if self.memory != 0 && self.memory < LEAST_MEMORY {
            return bad("Minimum memory limit allowed is 6MB");
        }
        if self.memory > 0 && self.memory_swap > 0 && self.memory_swap < self.memory {
            return bad("Minimum memoryswap limit should be larger than memory limit, see usage");
        }
        if self.memory == 0 && self.memory_swap > 0 && !update {
            return bad("You should always set the Memory limit when using Memoryswap limit, see usage");
        }
        if self.nano_cpus > 0 && self.cpu_quota > 0 {
            return bad("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
        }
        if self.nano_cpus < 0 || self.nano_cpus > PROCESSORS * 1_000_000_000 {
            return bad(&format!(
                "Range of CPUs is from 0.01 to {PROCESSORS}.00, as there are only {PROCESSORS} CPUs available"
            ));
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    let more = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    name.len() >= 2 && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.chars().all(more)
}

fn invalid_name(name: &str) -> String {
    format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
}

fn taken(name: &str, by: &Container) -> String {
    format!(
        "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.",
        by.id()
    )
}

impl State {
    /// Makes a container, by the body of the request; gives its id.
    pub(crate) fn create(&mut self, name: Option<&str>, body: &Value) -> Result<String, Refusal> {
        let reference = text(body, "/Image");
        let image = self.images.find(reference).cloned().ok_or_else(|| Refusal::no_image(reference))?;
        let given = name.unwrap_or_default();
        if name.is_some() && !is_name(given) {
            return Err(Refusal::new(400, invalid_name(given)));
        }
        let host = body.get("HostConfig").cloned().unwrap_or_else(|| json!({}));
        Limits::read(&host).check(false)?;
        let command = command(body, &image).ok_or_else(|| Refusal::new(400, "No command specified"))?;
        let wanted = body.pointer("/NetworkingConfig/EndpointsConfig").and_then(Value::as_object);
        if let Some(wanted) = wanted.filter(|wanted| wanted.len() > 1) {
            let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
            let text = format!("Container cannot be connected to network endpoints: {}", names.join(", "));
            return Err(Refusal::new(400, text));
        }
        let id = id_of(&format!("container {}", self.serial()));
        let name = if given.is_empty() {
            format!("unnamed_{}", id.get(..8).unwrap_or("one"))
        } else {
            given.trim_start_matches('/').to_owned()
        };
        if let Some(other) = self.container(&name).filter(|other| other.name == name) {
            return Err(Refusal::new(409, taken(&name, other)));
        }
        let networks = self.first_network(&id, &host, wanted)?;
        let document = document(&Made { id: &id, name: &name, at: self.now(), command, networks }, body, &host, &image);
        self.play();
        let container = self.add_new(&document);
        self.done_plainly(Deed::on(Action::Create, &container));
        Ok(id)
    }

    /// Takes in a container that was made just now.
    pub(super) fn add_new(&mut self, document: &Value) -> Container {
        let mut container = Container::new(document);
        let others = self.containers().find(|other| other.service() == container.service());
        if let Some(behaviour) = others.map(|other| other.behaviour.clone()) {
            container.behave(behaviour, self.now());
        }
        let event = Event::new(&container, self.now(), "create", [].into());
        self.add(container.clone());
        self.tell(event);
        self.behave_anew(container.service());
        container
    }

    /// Notes what changes nothing by itself.
    fn done_plainly(&mut self, deed: Deed) {
        self.note(deed, Effect::Nothing);
    }

    fn first_network(
        &self,
        id: &str,
        host: &Value,
        wanted: Option<&Map<String, Value>>,
    ) -> Result<Map<String, Value>, Refusal> {
        let mode =
            Some(text(host, "/NetworkMode")).filter(|mode| !mode.is_empty() && *mode != "default").unwrap_or("bridge");
        if mode.starts_with("container:") {
            return Ok(Map::new());
        }
        let name = wanted.and_then(|wanted| wanted.keys().next()).map_or(mode, String::as_str);
        let endpoint = wanted.and_then(|wanted| wanted.get(name)).unwrap_or(&Value::Null);
        Ok(Map::from_iter([self.endpoint(name, id, endpoint)?]))
    }

    /// Removes a container.
    pub(crate) fn remove(&mut self, name: &str, force: bool) -> Result<(), Refusal> {
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        if container.running && !force {
            return Err(Refusal::new(
                409,
                format!(
                    "You cannot remove a running container {}. Stop the container before attempting removal or force remove",
                    container.id()
                ),
            ));
        }
        self.play();
        let before = self.facts(container.service());
        self.destroy(&container);
        self.done(&before, Deed::on(Action::Remove, &container));
        Ok(())
    }

    /// Ends a container, if it runs, and takes it out.
    pub(super) fn destroy(&mut self, container: &Container) {
        if container.running {
            self.happens(&container.name, Action::Kill, 9);
        }
        self.take_out(&container.name);
        let event = Event::new(container, self.now(), "destroy", [].into());
        self.tell(event);
    }

    /// Gives a container another name.
    pub(crate) fn name_anew(&mut self, name: &str, new: &str) -> Result<(), Refusal> {
        let new = new.trim_start_matches('/');
        if new.is_empty() {
            return Err(Refusal::new(400, "Neither old nor new names may be empty"));
        }
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        if container.name == new {
            return Err(Refusal::new(400, "Renaming a container with the same name as its current name"));
        }
        let failed =
            |status: u16, why: String| Err(Refusal::new(status, format!("Error when allocating new name: {why}")));
        if !is_name(new) {
            return failed(400, invalid_name(&format!("/{new}")));
        }
        if let Some(other) = self.container(new).filter(|other| other.name == new) {
            return failed(409, taken(new, other));
        }
        self.play();
        let deed = Deed { with: Some(new.to_owned()), ..Deed::on(Action::Rename, &container) };
        self.rename(&container.name, new);
        if let Some(renamed) = self.container(new).cloned() {
            let old = [("oldName".to_owned(), format!("/{}", container.name))].into();
            let event = Event::new(&renamed, self.now(), "rename", old);
            self.tell(event);
        }
        self.done_plainly(deed);
        Ok(())
    }

    /// Gives a container other limits.
    pub(crate) fn limit(&mut self, name: &str, limits: Limits) -> Result<(), Refusal> {
        limits.check(true)?;
        let container = self.container(name).ok_or_else(|| Refusal::no_container(name))?.clone();
        let conflict = |why: &str| Refusal::new(409, format!("Cannot update container {}: {why}", container.id()));
        if limits.memory > container.limit("MemorySwap")
            && limits.memory_swap == 0
            && container.limit("MemorySwap") != -1
        {
            return Err(conflict(
                "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
            ));
        }
        if limits.nano_cpus > 0 && container.limit("CpuQuota") > 0 {
            return Err(conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"));
        }
        if limits.cpu_quota > 0 && container.limit("NanoCpus") > 0 {
            return Err(conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set"));
        }
        self.play();
        let before = self.facts(container.service());
        let fields = [
            ("Memory", limits.memory),
            ("MemorySwap", limits.memory_swap),
            ("NanoCpus", limits.nano_cpus),
            ("CpuQuota", limits.cpu_quota),
        ];
        let Some(changed) = self.container_mut(&container.name) else {
            return Err(Refusal::no_container(name));
        };
        for (field, value) in fields.into_iter().filter(|(_, value)| *value != 0) {
            changed.set("/HostConfig", field, value.into());
        }
        let changed = changed.clone();
        let event = Event::new(&changed, self.now(), "update", [].into());
        self.tell(event);
        self.done(&before, Deed::on(Action::Update, &changed));
        Ok(())
    }
}

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
