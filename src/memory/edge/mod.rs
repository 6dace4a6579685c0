//! Qdrant in the process: a folder a collection, in it a folder an index, and a file that points to the current one.
//!
//! Invariant: one process at a time; nothing is written while the disk is nearly full (a mapped file that cannot grow ends
//! the process); what is told as written is on the disk.

mod inner;
mod request;
mod shard;

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    sync::Arc,
};

use tokio::sync::RwLock;

use self::inner::Inner;
use crate::{
    Collection, Filter, Indexed, MemoryError, Point, Scored,
    store::{Given, Index, IndexName, Page, Store, Wanted, blocking},
};

/// The file that is locked while a process has the store.
const LOCK: &str = "lock";

/// The embedded store.
pub struct Edge {
    inner: Arc<Inner>,
    /// Read by whatever is at the disk, which goes on when nobody waits for it any more.
    at_work: Arc<RwLock<()>>,
}

impl Edge {
    /// The store in this folder, which is made if it is not there; what a process that died left of other indexes is removed. Opens no
    /// index yet.
    ///
    /// # Errors
    /// [`MemoryError::InUse`] when another process has it; [`MemoryError::Disk`] when the folder cannot be made.
    pub fn open(folder: &Path, reserve: u64) -> Result<Self, MemoryError> {
        fs::create_dir_all(folder).map_err(MemoryError::disk(folder))?;
        let path = folder.join(LOCK);
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(MemoryError::disk(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MemoryError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(MemoryError::Disk { path, source }),
        }
        let inner = Inner::new(folder, reserve, lock);
        for collection in Collection::ALL {
            inner.sweep(collection)?;
        }
        Ok(Self { inner: Arc::new(inner), at_work: Arc::default() })
    }

    /// Does what blocks where it may; a panic of the embedded store becomes an error.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, MemoryError> + Send + 'static,
    ) -> Given<'static, T> {
        let (inner, at_work) = (Arc::clone(&self.inner), Arc::clone(&self.at_work));
        Box::pin(async move {
            let at_work = at_work.read_owned().await;
            blocking(move || {
                let _at_work = at_work;
                work(&inner)
            })
            .await?
        })
    }
}

impl Store for Edge {
    fn current(&self, collection: Collection) -> Given<'_, Option<IndexName>> {
        self.run(move |inner| inner.current(collection))
    }

    fn create<'a>(&'a self, index: &'a Index, dimensions: Option<usize>) -> Given<'a, Index> {
        let index = index.clone();
        // No other process has the folder.
        self.run(move |inner| inner.create(&index, dimensions).map(|()| index))
    }

    fn switch<'a>(&'a self, index: &'a Index) -> Given<'a, ()> {
        let index = index.clone();
        self.run(move |inner| inner.switch(&index))
    }

    fn write<'a>(&'a self, index: &'a Index, points: Vec<Indexed>) -> Given<'a, ()> {
        let index = index.clone();
        self.run(move |inner| {
            inner.room_for(points.iter().map(bytes_of).sum())?;
            inner.shard(&index)?.write(points)
        })
    }

    fn remove<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()> {
        let index = index.clone();
        self.run(move |inner| {
            inner.room_for(8 * ids.len() as u64)?;
            inner.shard(&index)?.remove(ids)
        })
    }

    fn purge<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()> {
        let index = index.clone();
        self.run(move |inner| inner.purge(&index, ids))
    }

    fn has_remains(&self, collection: Collection) -> Given<'_, bool> {
        self.run(move |inner| Ok(inner.has_remains(collection)))
    }

    fn search<'a>(&'a self, index: &'a Index, wanted: Wanted) -> Given<'a, Vec<Scored>> {
        let index = index.clone();
        self.run(move |inner| inner.shard(&index)?.search(wanted))
    }

    fn rarity<'a>(&'a self, index: &'a Index, words: &'a [u32]) -> Given<'a, Vec<Option<f32>>> {
        let (index, words) = (index.clone(), words.to_vec());
        self.run(move |inner| {
            let shard = inner.shard(&index)?;
            words.into_iter().map(|word| shard.rarity(word)).collect()
        })
    }

    fn page<'a>(
        &'a self,
        index: &'a Index,
        filter: Filter,
        after: Option<u64>,
        limit: usize,
        vectors: bool,
    ) -> Given<'a, Page> {
        let index = index.clone();
        self.run(move |inner| inner.shard(&index)?.page(&filter, after, limit, vectors))
    }

    fn get<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, Vec<Point>> {
        let index = index.clone();
        self.run(move |inner| inner.shard(&index)?.get(&ids))
    }

    fn dimensions<'a>(&'a self, index: &'a Index) -> Given<'a, Option<usize>> {
        let index = index.clone();
        self.run(move |inner| inner.shard(&index)?.dimensions())
    }

    fn count<'a>(&'a self, index: &'a Index) -> Given<'a, usize> {
        let index = index.clone();
        self.run(move |inner| inner.shard(&index)?.count())
    }

    /// The log is never cut, and a removed payload's bytes stay where they were.
    fn keeps_remains(&self) -> bool {
        true
    }

    fn close(&self) -> Given<'_, ()> {
        let (inner, at_work) = (Arc::clone(&self.inner), Arc::clone(&self.at_work));
        Box::pin(async move {
            let _alone = at_work.write_owned().await;
            blocking(move || inner.close()).await
        })
    }

    fn place(&self) -> String {
        format!("embedded, in {}", self.inner.folder().display())
    }
}

/// About what a point takes.
fn bytes_of(indexed: &Indexed) -> u64 {
    let Indexed { point, words, meaning } = indexed;
    let data = point.data.as_ref().map_or(0, |data| data.to_string().len());
    let vectors = 8 * words.words.len() + 4 * meaning.as_ref().map_or(0, Vec::len);
    (512 + point.text.len() + point.title.len() + point.section.len() + data + vectors) as u64
}
