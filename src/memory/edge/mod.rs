//! Qdrant in the process: a folder a collection, in it a folder an index, and a file that points to the current one.
//!
//! Invariant: one process at a time; nothing is written while the disk is nearly full (a mapped file that cannot grow ends
//! the process); what is told as written is on the disk.

mod request;
mod shard;

use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::RwLock;

use self::shard::Shard;
use crate::{
    Collection, Filter, Indexed, MemoryError, Point, Scored,
    store::{FORMAT, Given, Index, IndexName, Page, Store, Wanted, blocking},
};

/// The file that names the current index.
const CURRENT: &str = "current";
/// The file that says that purged text still lies in the current index.
const REMAINS: &str = "remains";
/// The file that is locked while a process has the store.
const LOCK: &str = "lock";

/// The embedded store.
pub struct Edge {
    inner: Arc<Inner>,
    /// Read by whatever is at the disk, which goes on when nobody waits for it any more.
    at_work: Arc<RwLock<()>>,
}

struct Inner {
    folder: PathBuf,
    /// Bytes that must be free before anything is written.
    reserve: u64,
    open: Mutex<HashMap<Index, Arc<Shard>>>,
    /// Held as long as the store is.
    _lock: File,
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
        let inner = Inner { folder: folder.to_owned(), reserve, open: Mutex::default(), _lock: lock };
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

impl Inner {
    fn folder_of(&self, collection: Collection) -> PathBuf {
        self.folder.join(collection.name())
    }

    fn path_of(&self, index: &Index) -> PathBuf {
        self.folder_of(index.collection).join(index.name.to_string())
    }

    fn current(&self, collection: Collection) -> Result<Option<IndexName>, MemoryError> {
        let path = self.folder_of(collection).join(CURRENT);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MemoryError::Disk { path, source }),
        };
        text.trim().parse().map(Some).map_err(|why| MemoryError::Damaged { path, why })
    }

    /// An index, opened when it is first needed.
    fn shard(&self, index: &Index) -> Result<Arc<Shard>, MemoryError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = open.get(index) {
            return Ok(Arc::clone(shard));
        }
        if index.name.format != FORMAT {
            let (found, index) = (index.name.format, format!("{} of {}", index.name, index.collection.name()));
            return Err(MemoryError::Version { index, found, expected: FORMAT });
        }
        let shard = Arc::new(Shard::load(&self.path_of(index))?);
        open.insert(index.clone(), Arc::clone(&shard));
        Ok(shard)
    }

    fn forget(&self, index: &Index) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(index);
    }

    /// Refuses while the disk is nearly full; `bytes` are about to be written.
    fn room_for(&self, bytes: u64) -> Result<(), MemoryError> {
        // Log and segments each hold what is written.
        self.free(self.reserve.saturating_add(bytes.saturating_mul(3)))
    }

    fn free(&self, needed: u64) -> Result<(), MemoryError> {
        let free = fs4::available_space(&self.folder).map_err(MemoryError::disk(&self.folder))?;
        if free < needed {
            return Err(MemoryError::DiskFull { folder: self.folder.clone(), free, needed });
        }
        Ok(())
    }

    fn create(&self, index: &Index, dimensions: Option<usize>) -> Result<(), MemoryError> {
        self.room_for(0)?;
        self.forget(index);
        let path = self.path_of(index);
        remove_folder(&path)?;
        fs::create_dir_all(&path).map_err(MemoryError::disk(&path))?;
        let shard = Arc::new(Shard::create(&path, dimensions)?);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(index.clone(), shard);
        Ok(())
    }

    /// It is noted first that something remains, so that a crash leaves it to be cleared. What people want forgotten may have some of the
    /// reserve: it takes little, and a full disk must not keep it.
    fn purge(&self, index: &Index, ids: Vec<u64>) -> Result<(), MemoryError> {
        self.free(self.reserve / 2)?;
        let path = self.folder_of(index.collection).join(REMAINS);
        File::create(&path).and_then(|file| file.sync_all()).map_err(MemoryError::disk(&path))?;
        self.shard(index)?.remove(ids)
    }

    /// The pointer is exchanged in one step, so that a crash leaves the old index or the new one.
    fn switch(&self, index: &Index) -> Result<(), MemoryError> {
        let folder = self.folder_of(index.collection);
        let (new, path) = (folder.join("current.new"), folder.join(CURRENT));
        fs::write(&new, index.name.to_string()).map_err(MemoryError::disk(&new))?;
        File::open(&new).and_then(|file| file.sync_all()).map_err(MemoryError::disk(&new))?;
        fs::rename(&new, &path).map_err(MemoryError::disk(&path))?;
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(MemoryError::disk(&folder))?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let old: Vec<_> =
            open.keys().filter(|open| open.collection == index.collection && *open != index).cloned().collect();
        let old: Vec<_> = old.iter().filter_map(|index| open.remove(index)).collect();
        drop(open);
        old.iter().for_each(|shard| shard.retire());
        let mut stay: Vec<_> = old.iter().map(|shard| shard.path().to_owned()).collect();
        drop(old);
        stay.push(self.path_of(index));
        remove_others(&folder, &stay)?;
        let remains = folder.join(REMAINS);
        match fs::remove_file(&remains) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(MemoryError::disk(remains)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Of an index that was being made, or that another had taken the place of, when a process died.
    fn sweep(&self, collection: Collection) -> Result<(), MemoryError> {
        // Where it cannot be told which is the current one, whoever asks for it is told so, and nothing is touched.
        let Ok(Some(name)) = self.current(collection) else { return Ok(()) };
        let current = self.path_of(&Index { collection, name });
        if current.is_dir() { remove_others(&self.folder_of(collection), &[current]) } else { Ok(()) }
    }
}

/// Removes every folder in `folder` but these.
fn remove_others(folder: &Path, stay: &[PathBuf]) -> Result<(), MemoryError> {
    for entry in fs::read_dir(folder).map_err(MemoryError::disk(folder))? {
        let path = entry.map_err(MemoryError::disk(folder))?.path();
        if path.is_dir() && !stay.contains(&path) {
            remove_folder(&path)?;
        }
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), MemoryError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(MemoryError::disk(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Store for Edge {
    fn current(&self, collection: Collection) -> Given<'_, Option<IndexName>> {
        self.run(move |inner| inner.current(collection))
    }

    fn create<'a>(&'a self, index: &'a Index, dimensions: Option<usize>) -> Given<'a, ()> {
        let index = index.clone();
        self.run(move |inner| inner.create(&index, dimensions))
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
        self.run(move |inner| Ok(inner.folder_of(collection).join(REMAINS).exists()))
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
            blocking(move || inner.open.lock().unwrap_or_else(PoisonError::into_inner).clear()).await
        })
    }

    fn place(&self) -> String {
        format!("embedded, in {}", self.inner.folder.display())
    }
}

/// About what a point takes.
fn bytes_of(indexed: &Indexed) -> u64 {
    let Indexed { point, words, meaning } = indexed;
    let data = point.data.as_ref().map_or(0, |data| data.to_string().len());
    let vectors = 8 * words.words.len() + 4 * meaning.as_ref().map_or(0, Vec::len);
    (512 + point.text.len() + point.title.len() + point.section.len() + data + vectors) as u64
}
