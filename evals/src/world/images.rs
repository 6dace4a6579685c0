//! The images that the engine has, and those that it can pull.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{event::Event, refusal::Refusal, state::State};
use crate::case::{Action, Case, Effect, ImageBehaviour, containers::text, id_of, image_document};

/// The images that are there, and what is known of those that could be.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// Inspect documents.
    all: Vec<Value>,
    /// By the image's id.
    behaviours: BTreeMap<String, ImageBehaviour>,
    /// References that a registry would give.
    offered: Vec<String>,
}

/// A reference with its tag: `latest` where none is written.
fn whole(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or_default();
    if last.contains(':') || reference.contains('@') { reference.to_owned() } else { format!("{reference}:latest") }
}

impl Images {
    pub(super) fn new(case: &Case) -> Self {
        let mut images = Self { all: case.containers.images.clone(), behaviours: BTreeMap::new(), offered: Vec::new() };
        for (reference, behaviour) in &case.images {
            images.behaviours.insert(images.id_of(reference), behaviour.clone());
            images.offered.push(whole(reference));
        }
        images
    }

    /// All images, as inspected.
    pub(crate) fn all(&self) -> &[Value] {
        &self.all
    }

    /// The image of that id, of an id that begins so, of that tag or digest.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        let tagged = whole(name);
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        let is_id = digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let holds = |image: &Value, list: &str| {
            let list = image.get(list).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).any(|found| found == name || found == tagged)
        };
        self.all.iter().find(|image| {
            let id = text(image, "/Id");
            id == name
                || holds(image, "RepoTags")
                || holds(image, "RepoDigests")
                || (is_id && id.strip_prefix("sha256:").is_some_and(|id| id.starts_with(digits)))
        })
    }

    /// The id of an image that is there, or that it would have once it is pulled.
    pub(super) fn id_of(&self, reference: &str) -> String {
        self.find(reference)
            .map_or_else(|| format!("sha256:{}", id_of(&whole(reference))), |image| text(image, "/Id").to_owned())
    }

    pub(super) fn behaviour(&self, id: &str) -> Option<&ImageBehaviour> {
        self.behaviours.get(id)
    }

    /// Whether a registry would give it.
    pub(crate) fn is_offered(&self, reference: &str) -> bool {
        let reference = whole(reference);
        self.offered.contains(&reference)
    }
}

impl State {
    /// The images of the engine.
    pub(crate) fn images(&self) -> &Images {
        &self.images
    }

    /// Pulls an image; whether it is a new one.
    pub(crate) fn pull(&mut self, reference: &str) -> Result<bool, Refusal> {
        let reference = whole(reference);
        if !self.images.is_offered(&reference) {
            let repository = reference.rsplit_once(':').map_or(reference.as_str(), |(repository, _)| repository);
            return Err(Refusal::new(
                404,
                format!(
                    "pull access denied for {repository}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
                ),
            ));
        }
        let is_new = self.fetch(&reference);
        let deed = super::change::Deed {
            action: Action::Pull,
            container: String::new(),
            service: String::new(),
            image: Some(reference),
            memory: None,
            nano_cpus: None,
            replicas: None,
            with: None,
        };
        self.note(deed, Effect::Nothing);
        Ok(is_new)
    }

    /// Takes an image in that a registry gives; whether it was not there.
    pub(super) fn fetch(&mut self, reference: &str) -> bool {
        if self.images.find(reference).is_some() {
            return false;
        }
        let image = image_document(reference, self.now());
        let id = text(&image, "/Id").to_owned();
        self.images.all.push(image);
        let event = Event::other("image", reference, self.now(), "pull", &[("name", reference), ("id", &id)]);
        self.tell(event);
        true
    }
}
