//! Memory as the rest of the house holds it: one handle, over one of two stores.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{
    Collection, Edge, EmbeddingOptions, Indexed, MemoryError, Point, Server, ServerOptions, Store, Weights,
    embeddings::Embedder,
    store::{FORMAT, Index},
};

/// Makes text fit to be kept: control characters out, secrets masked.
pub type Cleaner = fn(&str) -> String;

/// Where memory is kept.
#[derive(Clone)]
pub enum Place {
    /// Qdrant in the process.
    Embedded {
        /// Its folder.
        folder: PathBuf,
        /// Bytes of the disk that must be free before anything is written; half of it where something is only forgotten.
        reserve: u64,
    },
    /// A Qdrant server or cluster.
    Server(ServerOptions),
}

/// How memory is set up.
#[derive(Clone)]
pub struct MemoryOptions {
    /// Where it is kept.
    pub place: Place,
    /// Where meanings come from; `None`: words alone are compared.
    pub embeddings: Option<EmbeddingOptions>,
    /// How alike the best document must be, from 0 to 1; below that memory says nothing.
    pub threshold: f32,
    /// How near its meaning must be where its words are not alike (a cosine); it depends on the model.
    pub nearness: f32,
    /// The constant of reciprocal rank fusion.
    pub fusion: u32,
}

impl MemoryOptions {
    /// Measured over three collections of runbooks: of right answers 3 in 100 are less alike, of the best answers to alerts of
    /// another field 93 in 100.
    pub const THRESHOLD: f32 = 0.33;
    /// A cosine below which texts of most models have little to do with each other.
    pub const NEARNESS: f32 = 0.6;
    /// The usual constant of reciprocal rank fusion.
    pub const FUSION: u32 = 60;

    /// The usual settings for a place, without embeddings.
    pub fn at(place: Place) -> Self {
        Self { place, embeddings: None, threshold: Self::THRESHOLD, nearness: Self::NEARNESS, fusion: Self::FUSION }
    }
}

/// What was learnt last time.
pub struct Memory {
    pub(crate) store: Box<dyn Store>,
    pub(crate) embedder: Option<Embedder>,
    pub(crate) clean: Cleaner,
    pub(crate) threshold: f32,
    pub(crate) nearness: f32,
    pub(crate) fusion: u32,
    /// One change at a time.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// Held by who reads an index, so that it is not exchanged meanwhile.
    pub(crate) reading: tokio::sync::RwLock<()>,
    /// How rare words are, as far as somebody asked; emptied when something is written.
    rarities: RwLock<HashMap<Collection, Arc<Rarities>>>,
}

/// How rare words are in one index.
#[derive(Debug, Default)]
struct Rarities {
    /// Points of the index.
    points: usize,
    /// IDF of words that were asked for; `None` for one that no point has.
    words: HashMap<u32, Option<f32>>,
}

/// Words whose rarity is kept at hand.
const MOST_RARITIES: usize = 20_000;

/// The index that is searched.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Current {
    pub(crate) index: Index,
    /// Whether its vectors are such as would be made now.
    pub(crate) fresh: bool,
}

impl Memory {
    /// Memory at this place. Opens no index and asks nobody yet, but has the embedded store's folder from now on.
    ///
    /// # Errors
    /// When another process has the folder, it cannot be made, or an address is none.
    pub fn open(options: MemoryOptions, clean: Cleaner) -> Result<Self, MemoryError> {
        let store: Box<dyn Store> = match options.place {
            Place::Embedded { folder, reserve } => Box::new(Edge::open(&folder, reserve)?),
            Place::Server(options) => Box::new(Server::new(options)?),
        };
        let embedder = options.embeddings.map(Embedder::new).transpose()?;
        Ok(Self {
            store,
            embedder,
            clean,
            threshold: options.threshold,
            nearness: options.nearness,
            fusion: options.fusion,
            writing: tokio::sync::Mutex::default(),
            reading: tokio::sync::RwLock::default(),
            rarities: RwLock::default(),
        })
    }

    /// Waits for what the store is at, and closes its files; the next to ask opens them again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close(&self) -> Result<(), MemoryError> {
        self.store.close().await
    }

    /// The index of a collection, if there is one.
    pub(crate) async fn current(&self, collection: Collection) -> Result<Option<Current>, MemoryError> {
        let Some(name) = self.store.current(collection).await? else { return Ok(None) };
        if name.format != FORMAT {
            let (found, index) = (name.format, format!("{name} of {}", collection.name()));
            return Err(MemoryError::Version { index, found, expected: FORMAT });
        }
        let fresh = self.name(name.average, name.generation) == name;
        Ok(Some(Current { index: Index { collection, name }, fresh }))
    }

    /// Writes points with the vectors of this index; meanings that they have are kept if `fresh`.
    pub(crate) async fn write(&self, index: &Index, mut points: Vec<Indexed>, fresh: bool) -> Result<(), MemoryError> {
        let weights = Weights { average: index.name.average, ..Weights::default() };
        for indexed in &mut points {
            let Point { title, section, keywords, text, .. } = &indexed.point;
            indexed.words = weights.document(title, &format!("{section}\n{keywords}"), text);
        }
        match &self.embedder {
            Some(embedder) if !(fresh && points.iter().all(|indexed| indexed.meaning.is_some())) => {
                let texts: Vec<String> = points.iter().map(|indexed| telling(&indexed.point)).collect();
                for (indexed, meaning) in points.iter_mut().zip(embedder.embed(&texts).await?) {
                    indexed.meaning = Some(meaning);
                }
            }
            Some(_) => {}
            None => points.iter_mut().for_each(|indexed| indexed.meaning = None),
        }
        if points.is_empty() {
            return Ok(());
        }
        self.store.write(index, points).await
    }

    /// Writes new points.
    pub(crate) async fn add(&self, index: &Index, points: Vec<Point>) -> Result<(), MemoryError> {
        let points: Vec<_> =
            points.into_iter().map(|point| Indexed { point, words: Default::default(), meaning: None }).collect();
        self.write(index, points, false).await?;
        self.forget_rarities(index.collection);
        Ok(())
    }

    /// Removes points.
    pub(crate) async fn take(&self, index: &Index, ids: Vec<u64>) -> Result<(), MemoryError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.store.remove(index, ids).await?;
        self.forget_rarities(index.collection);
        Ok(())
    }

    /// How rare each of these words is. A word that no point has is the rarest of all.
    pub(crate) async fn rarity(&self, index: &Index, words: &[u32]) -> Result<HashMap<u32, f32>, MemoryError> {
        let known = self.rarities.read().unwrap_or_else(PoisonError::into_inner).get(&index.collection).cloned();
        let known = match known {
            Some(known) if known.words.len() < MOST_RARITIES => known,
            Some(_) | None => Arc::new(Rarities { points: self.store.count(index).await?, words: HashMap::new() }),
        };
        let missing: Vec<u32> = words.iter().copied().filter(|word| !known.words.contains_key(word)).collect();
        let known = if missing.is_empty() {
            known
        } else {
            let found = self.store.rarity(index, &missing).await?;
            let mut more = Rarities { points: known.points, words: known.words.clone() };
            more.words.extend(missing.into_iter().zip(found));
            let more = Arc::new(more);
            self.rarities.write().unwrap_or_else(PoisonError::into_inner).insert(index.collection, Arc::clone(&more));
            more
        };
        // Qdrant's own formula for a word of no point.
        let rarest = (1.0 + (known.points as f32 + 0.5) / 0.5).ln();
        let rarity = |word: &u32| known.words.get(word).copied().flatten().unwrap_or(rarest);
        Ok(words.iter().map(|word| (*word, rarity(word))).collect())
    }

    pub(crate) fn forget_rarities(&self, collection: Collection) {
        self.rarities.write().unwrap_or_else(PoisonError::into_inner).remove(&collection);
    }
}

/// Points that are read or written at once.
pub(crate) const PAGE: usize = 256;

/// The text whose meaning a point has.
fn telling(point: &Point) -> String {
    format!("{}\n{}\n{}", point.title, point.section, point.text)
}
