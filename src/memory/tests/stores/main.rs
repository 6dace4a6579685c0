//! Memory at its door, over both stores: one set of tests, and for each store the ways in which it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod both;
mod double;
mod embedded;
mod embeddings;
mod endpoint;
mod engine;
mod incidents;
mod ingest;
mod server;
mod transfer;

use std::{any::Any, path::Path};

use memory::{Collection, Indexed, Memory, MemoryOptions, Origin, Place, Point, Weights};

use crate::double::Double;

/// Stands for the house's cleaner.
pub(crate) fn clean(text: &str) -> String {
    text.replace("hunter2", "[secret]")
}

pub(crate) fn text(source: &str, text: &str) -> Origin {
    Origin::Text { source: source.to_owned(), text: text.to_owned() }
}

pub(crate) fn embedded(folder: &Path) -> MemoryOptions {
    MemoryOptions::at(Place::Embedded { folder: folder.to_owned(), reserve: 0 })
}

pub(crate) fn open(options: MemoryOptions) -> Memory {
    Memory::open(options, clean).unwrap()
}

/// Memory over each store, behind what must outlive it.
pub(crate) async fn both() -> Vec<(Box<dyn Any>, &'static str, Memory)> {
    both_at(MemoryOptions::THRESHOLD).await
}

/// Memory over each store that answers from this likeness on.
pub(crate) async fn both_at(threshold: f32) -> Vec<(Box<dyn Any>, &'static str, Memory)> {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::start().await;
    let server = open(MemoryOptions { threshold, ..MemoryOptions::at(Place::Server(double.options())) });
    let in_process = open(MemoryOptions { threshold, ..embedded(folder.path()) });
    vec![(Box::new(folder) as Box<dyn Any>, "embedded", in_process), (Box::new(double), "server", server)]
}

pub(crate) async fn index(memory: &Memory, collection: Collection, origins: &[Origin]) -> memory::Ingested {
    memory.index(collection, origins, &|_| {}).await.unwrap()
}

/// A point as an index without meanings has it.
pub(crate) fn indexed(number: usize) -> Indexed {
    let source = format!("{number}.md");
    let (title, text) = (format!("Disk {number}"), "rotate the logs of the volume".to_owned());
    let words = Weights::default().document(&title, "", &text);
    let id = Point::id_of(Collection::Documents, &source, 0);
    let (section, keywords, kind, hash) = (String::new(), String::new(), "document".to_owned(), String::new());
    let (service, environment, at, data) = (None, None, None, None);
    let point = Point { id, source, title, section, keywords, service, environment, kind, at, hash, text, data };
    Indexed { point, words, meaning: None }
}
