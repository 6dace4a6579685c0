//! What a store must do. Two do it: Qdrant in the process ([`Edge`](crate::edge::Edge)) and a Qdrant server
//! ([`Server`](crate::server::Server)); the same tests hold for both.

use std::{fmt, str::FromStr};

use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::{Collection, Filter, Indexed, MemoryError, Point, Sparse, Weights, words};

/// The form of what is stored; an index of another one is not read.
pub const FORMAT: u32 = 1;

/// What a store gives back, some time.
pub type Given<'a, T> = BoxFuture<'a, Result<T, MemoryError>>;

/// The name of an index, which says what it was made with. Beside it another may be made, and then switched to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IndexName {
    /// The form of its points.
    pub format: u32,
    /// Words of an ordinary body, as they were when it was begun.
    pub average: u32,
    /// The hash of everything else that its vectors depend on.
    pub making: String,
    /// Its place in the row of indexes.
    pub generation: u32,
}

impl IndexName {
    /// The name of an index made with these weights and this model.
    pub fn of(weights: &Weights, model: Option<&str>, generation: u32) -> Self {
        let Weights { k1, b, b_short, title, heading, pair, average } = weights;
        let making = format!("{} {k1} {b} {b_short} {title} {heading} {pair} {model:?}", words::VERSION);
        let making = hex::encode(Sha256::digest(making.as_bytes())).chars().take(10).collect();
        Self { format: FORMAT, average: *average, making, generation }
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "v{}-{}-{}-{}", self.format, self.average, self.making, self.generation)
    }
}

impl FromStr for IndexName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = text.strip_prefix('v')?.split('-');
            let format = parts.next()?.parse().ok()?;
            let average = parts.next()?.parse().ok()?;
            let making = parts.next()?.to_owned();
            let generation = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { format, average, making, generation })
        };
        read().ok_or_else(|| format!("{text:?} is no name of an index"))
    }
}

/// One index of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Index {
    /// Of which collection.
    pub collection: Collection,
    /// Which one.
    pub name: IndexName,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// By words.
    pub words: Sparse,
    /// By meaning too: the two orders are then fused by reciprocal ranks.
    pub meaning: Option<Vec<f32>>,
    /// Among which points.
    pub filter: Filter,
    /// How many at most.
    pub limit: usize,
    /// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009); 60 is usual.
    pub fusion: u32,
}

/// A point that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The point with its vectors.
    pub found: Indexed,
    /// The store's own score: BM25, or fused ranks.
    pub score: f32,
}

/// A page of points.
pub type Page = (Vec<Indexed>, Option<u64>);

/// Keeps points and finds them.
pub trait Store: Send + Sync {
    /// The index that is searched; `None` before the first. Its format may be another version's.
    fn current(&self, collection: Collection) -> Given<'_, Option<IndexName>>;

    /// Makes an empty index beside the current one, and says which: where another process may be making one by that name, it is of a
    /// later generation. What this process left of one by that name is removed first.
    fn create<'a>(&'a self, index: &'a Index, dimensions: Option<usize>) -> Given<'a, Index>;

    /// From now on this index is searched; all others of the collection are removed.
    fn switch<'a>(&'a self, index: &'a Index) -> Given<'a, ()>;

    /// Writes points, in place of those with the same id; they are safe when it returns.
    fn write<'a>(&'a self, index: &'a Index, points: Vec<Indexed>) -> Given<'a, ()>;

    /// Removes points; they are gone when it returns.
    fn remove<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()>;

    /// Removes points whose text is to lie in the store's files no longer either; where it still does, `has_remains` holds until an
    /// index is made anew.
    fn purge<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()>;

    /// Whether text that was purged still lies in the store's files.
    fn has_remains(&self, collection: Collection) -> Given<'_, bool>;

    /// The points that are most like what is wanted, best first.
    fn search<'a>(&'a self, index: &'a Index, wanted: Wanted) -> Given<'a, Vec<Scored>>;

    /// How rare each word is (its IDF), `None` for one that no point has.
    fn rarity<'a>(&'a self, index: &'a Index, words: &'a [u32]) -> Given<'a, Vec<Option<f32>>>;

    /// Points by their ids, those after `after` first; with vectors only if `vectors`.
    fn page<'a>(
        &'a self,
        index: &'a Index,
        filter: Filter,
        after: Option<u64>,
        limit: usize,
        vectors: bool,
    ) -> Given<'a, Page>;

    /// The points with these ids, those that are there.
    fn get<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, Vec<Point>>;

    /// How long the meanings of an index are; `None` where it has none, or none yet.
    fn dimensions<'a>(&'a self, index: &'a Index) -> Given<'a, Option<usize>>;

    /// How many points there are.
    fn count<'a>(&'a self, index: &'a Index) -> Given<'a, usize>;

    /// Whether removed text may still lie in the store's files until an index is made anew.
    fn keeps_remains(&self) -> bool;

    /// Waits for what is under way, whether somebody waits for it or not, and lets go of every file. Opened again when it is needed.
    fn close(&self) -> Given<'_, ()>;

    /// Where the points are, for people.
    fn place(&self) -> String;
}

/// Where in a collection's row of indexes the next one stands.
pub(crate) fn next_generation(current: Option<&IndexName>) -> u32 {
    current.map_or(1, |current| current.generation.saturating_add(1))
}

/// Does what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, MemoryError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| MemoryError::Store(format!("it broke off: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_an_index_was_made_with_and_reads_back() {
        let name = IndexName::of(&Weights::default(), None, 3);
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let other = Weights { pair: 0.5, ..Weights::default() };
        assert_ne!(name.making, IndexName::of(&other, None, 3).making);
        assert_ne!(name.making, IndexName::of(&Weights::default(), Some("m"), 3).making);
        for wrong in ["", "v1", "1-2-a-3", "v1-2-a-3-4", "vx-2-a-3"] {
            assert!(wrong.parse::<IndexName>().is_err(), "{wrong}");
        }
    }
}
