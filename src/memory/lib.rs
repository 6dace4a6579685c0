//! Memory: runbooks by section, past incidents, and any Markdown, found again by what their words and figures have in common
//! with what is seen now; remedies weighted by whether they helped.
//!
//! Invariant: an index, never the truth: that is the journal and the files, from which everything here can be made again; what was
//! imported, from the export.

mod edge;
mod embeddings;
mod error;
mod find;
mod folder;
mod incidents;
mod ingest;
mod length;
mod making;
mod markdown;
mod memory;
mod payload;
mod point;
mod ranking;
mod recall;
mod remembered;
mod server;
mod sparse;
mod store;
mod symptoms;
mod transfer;
mod words;

pub use edge::Edge;
pub use embeddings::{EmbeddingOptions, Now, Pause};
pub use error::MemoryError;
pub use find::{Ask, Found, Hit};
pub use folder::{BadFile, Origin};
pub use incidents::{Forget, Recalled};
pub use ingest::{Ingested, Progress};
pub use memory::{Cleaner, Memory, MemoryOptions, Place};
pub use point::{Collection, Filter, Indexed, Point};
pub use recall::{Advice, Past, advise};
pub use remembered::{Ended, Remedy, Remembered, Said, Word};
pub use server::{Server, ServerOptions};
pub use sparse::{Sparse, Weights, question, word_id};
pub use store::{FORMAT, Given, Index, IndexName, Page, Scored, Store, Wanted};
pub use symptoms::Symptoms;
pub use transfer::{CollectionStats, Imported};
