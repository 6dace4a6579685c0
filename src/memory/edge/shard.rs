//! One index of the embedded store.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use qdrant_edge::{
    CountRequest, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams, EdgeVectorParams,
    FieldIndexOperations, Modifier, OperationError, PayloadFieldSchema, PayloadSchemaType, PointId,
    PointInsertOperations, PointOperations, ScrollRequest, UpdateOperation, WalOptions, WithPayloadInterface,
    WithVector,
};

use super::request;
use crate::{
    Filter, Indexed, MemoryError, Point, Scored,
    payload::{AT, KEYWORDS, MEANING, WORDS},
    store::{Page, Wanted},
};

/// Bytes of one file of the log; small, since writes are few.
const LOG: usize = 4 << 20;

/// One index.
pub(super) struct Shard {
    /// `None` only while it is dropped.
    shard: Option<EdgeShard>,
    /// Held while something is written: a flush beside a write would panic.
    writing: Mutex<()>,
    path: PathBuf,
    /// Whether its folder goes with it: a search may still be at it when another index takes its place.
    retired: AtomicBool,
}

impl Shard {
    pub(super) fn create(path: &Path, dimensions: Option<usize>) -> Result<Self, MemoryError> {
        let words = EdgeSparseVectorParams { modifier: Some(Modifier::Idf), ..EdgeSparseVectorParams::default() };
        let mut config = EdgeConfig::builder().sparse_vector(WORDS, words).wal_options(log());
        if let Some(dimensions) = dimensions {
            config = config.vector(MEANING, EdgeVectorParams::builder(dimensions, Distance::Cosine).build());
        }
        let shard = caught(|| EdgeShard::new(path, config.build()))?.map_err(failed)?;
        let shard = Self::of(shard, path);
        for field in KEYWORDS {
            shard.index_field(field, PayloadSchemaType::Keyword)?;
        }
        shard.index_field(AT, PayloadSchemaType::Integer)?;
        shard.flush()?;
        Ok(shard)
    }

    pub(super) fn load(path: &Path) -> Result<Self, MemoryError> {
        let damaged = |why: String| MemoryError::Damaged { path: path.to_owned(), why };
        if !path.is_dir() {
            return Err(damaged("it is not there".to_owned()));
        }
        let shard = caught(|| EdgeShard::load(path, None)).map_err(|error| damaged(error.to_string()))?;
        let shard = shard.map_err(|error| damaged(error.to_string()))?;
        Ok(Self::of(shard, path))
    }

    fn of(shard: EdgeShard, path: &Path) -> Self {
        let (writing, retired) = (Mutex::default(), AtomicBool::default());
        Self { shard: Some(shard), writing, path: path.to_owned(), retired }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on its folder is removed when nobody uses it any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    fn shard(&self) -> Result<&EdgeShard, MemoryError> {
        self.shard.as_ref().ok_or_else(|| MemoryError::Store("it is being closed".to_owned()))
    }

    /// Writes and makes safe; one at a time.
    fn update(&self, operation: UpdateOperation) -> Result<(), MemoryError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = self.shard()?;
        caught(|| shard.update(operation))?.map_err(failed)?;
        // It has no way to fail but to panic.
        caught(|| shard.flush())
    }

    fn flush(&self) -> Result<(), MemoryError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let shard = self.shard()?;
        caught(|| shard.flush())
    }

    fn index_field(&self, field: &str, kind: PayloadSchemaType) -> Result<(), MemoryError> {
        let field_name = request::path(field)?;
        let create = CreateIndex { field_name, field_schema: Some(PayloadFieldSchema::FieldType(kind)) };
        let shard = self.shard()?;
        let operation = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(create));
        caught(|| shard.update(operation))?.map_err(failed)
    }

    pub(super) fn write(&self, points: Vec<Indexed>) -> Result<(), MemoryError> {
        let expected = self.dimensions()?;
        // A vector of a wrong length would stay in the log.
        for point in &points {
            let found = point.meaning.as_ref().map(Vec::len);
            if found != expected {
                let (found, expected) = (found.unwrap_or(0), expected.unwrap_or(0));
                return Err(MemoryError::Dimensions { found, expected });
            }
        }
        let points = points.into_iter().map(request::to_stored).collect::<Result<Vec<_>, _>>()?;
        let upsert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(points));
        self.update(UpdateOperation::PointOperation(upsert))
    }

    pub(super) fn dimensions(&self) -> Result<Option<usize>, MemoryError> {
        Ok(self.shard()?.config().vectors.get(MEANING).map(|vector| vector.size))
    }

    pub(super) fn remove(&self, ids: Vec<u64>) -> Result<(), MemoryError> {
        let ids = ids.into_iter().map(PointId::NumId).collect();
        self.update(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))
    }

    pub(super) fn search(&self, wanted: Wanted) -> Result<Vec<Scored>, MemoryError> {
        let shard = self.shard()?;
        let hybrid = wanted.meaning.is_some() && shard.config().vectors.contains_key(MEANING);
        let request = request::query(wanted, hybrid)?;
        let found = caught(|| shard.query(request))?.map_err(failed)?;
        Ok(found.into_iter().map(request::scored).collect())
    }

    /// What a point scores for one word, without what the word counts in that point.
    pub(super) fn rarity(&self, word: u32) -> Result<Option<f32>, MemoryError> {
        let shard = self.shard()?;
        let request = request::one_word(word)?;
        let found = caught(|| shard.query(request))?.map_err(failed)?;
        let best = found.into_iter().next().map(request::scored);
        Ok(best.and_then(|best| best.found.words.get(word).map(|value| best.score / value)))
    }

    pub(super) fn page(
        &self,
        filter: &Filter,
        after: Option<u64>,
        limit: usize,
        vectors: bool,
    ) -> Result<Page, MemoryError> {
        let request = ScrollRequest {
            offset: after.map(PointId::NumId),
            limit: Some(limit),
            filter: request::filter(filter)?,
            with_payload: Some(WithPayloadInterface::Bool(true)),
            with_vector: WithVector::Bool(vectors),
            order_by: None,
        };
        let shard = self.shard()?;
        let (records, next) = caught(|| shard.scroll(request))?.map_err(failed)?;
        let points = records.into_iter().map(|record| request::from_stored(record.id, record.payload, record.vector));
        let next = next.map(|id| request::number(&id));
        Ok((points.collect(), next))
    }

    pub(super) fn get(&self, ids: &[u64]) -> Result<Vec<Point>, MemoryError> {
        let ids: Vec<_> = ids.iter().copied().map(PointId::NumId).collect();
        let shard = self.shard()?;
        let records = caught(|| shard.retrieve(&ids, None, None))?.map_err(failed)?;
        Ok(records.into_iter().map(|record| request::from_stored(record.id, record.payload, None).point).collect())
    }

    pub(super) fn count(&self) -> Result<usize, MemoryError> {
        let shard = self.shard()?;
        caught(|| shard.count(CountRequest { filter: None, exact: true }))?.map_err(failed)
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        if !self.path.is_dir() {
            // Somebody removed its folder, as those of demonstrations and tests are: there is nothing to flush to, at which it would panic.
            std::mem::forget(self.shard.take());
            return;
        }
        // It flushes when it is dropped, and panics if it cannot.
        if let Err(error) = caught(|| drop(self.shard.take())) {
            tracing::error!(%error, "an index of the embedded store could not be closed");
        }
        if self.retired.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::error!(%error, path = %self.path.display(), "an old index could not be removed");
        }
    }
}

fn log() -> WalOptions {
    WalOptions { segment_capacity: LOG, ..WalOptions::default() }
}

fn failed(error: OperationError) -> MemoryError {
    MemoryError::Store(error.to_string())
}

/// What the embedded store panics at is an error here.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, MemoryError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        // What it says may hold a whole backtrace.
        let said: String = said.unwrap_or("it did not say why").chars().take(300).collect();
        MemoryError::Store(format!("it panicked: {said}"))
    })
}
