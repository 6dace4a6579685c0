//! Containers that are made.

use serde_json::{Map, Value, json};

use super::{
    change::Deed,
    container::Container,
    document::{Made, command, document},
    event::Event,
    limits::Limits,
    refusal::Refusal,
    state::State,
};
use crate::case::{Action, Effect, containers::text, id_of};

pub(super) fn is_name(name: &str) -> bool {
    let name = name.strip_prefix('/').unwrap_or(name);
    let more = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    name.len() >= 2 && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && name.chars().all(more)
}

pub(super) fn invalid_name(name: &str) -> String {
    format!("Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
}

pub(super) fn taken(name: &str, by: &Container) -> String {
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
            let mut names: Vec<&str> = wanted.keys().map(String::as_str).collect();
            names.sort_unstable();
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
    pub(super) fn done_plainly(&mut self, deed: Deed) {
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
}
