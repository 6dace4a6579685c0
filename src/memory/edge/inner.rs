//! The folders of the embedded store, and the indexes that are open.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::shard::Shard;
use crate::{
    Collection, MemoryError,
    store::{FORMAT, Index, IndexName},
};

/// The file that names the current index.
const CURRENT: &str = "current";
/// The file that says that purged text still lies in the current index.
const REMAINS: &str = "remains";

/// What has the folder.
pub(super) struct Inner {
    folder: PathBuf,
    /// Bytes that must be free before anything is written.
    reserve: u64,
    open: Mutex<HashMap<Index, Arc<Shard>>>,
    /// Held as long as the store is.
    _lock: File,
}

impl Inner {
    pub(super) fn new(folder: &Path, reserve: u64, lock: File) -> Self {
        Self { folder: folder.to_owned(), reserve, open: Mutex::default(), _lock: lock }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets go of every index.
    pub(super) fn close(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn folder_of(&self, collection: Collection) -> PathBuf {
        self.folder.join(collection.name())
    }

    fn path_of(&self, index: &Index) -> PathBuf {
        self.folder_of(index.collection).join(index.name.to_string())
    }

    /// One whose folder was deleted, as the errors of a damaged one advise, is none: the next to write makes one anew.
    pub(super) fn current(&self, collection: Collection) -> Result<Option<IndexName>, MemoryError> {
        let path = self.folder_of(collection).join(CURRENT);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MemoryError::Disk { path, source }),
        };
        let name = text.trim().parse().map_err(|why| MemoryError::Damaged { path, why })?;
        let index = Index { collection, name };
        Ok(self.path_of(&index).exists().then_some(index.name))
    }

    /// An index, opened when it is first needed.
    pub(super) fn shard(&self, index: &Index) -> Result<Arc<Shard>, MemoryError> {
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
    pub(super) fn room_for(&self, bytes: u64) -> Result<(), MemoryError> {
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

    pub(super) fn create(&self, index: &Index, dimensions: Option<usize>) -> Result<(), MemoryError> {
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
    pub(super) fn purge(&self, index: &Index, ids: Vec<u64>) -> Result<(), MemoryError> {
        self.free(self.reserve / 2)?;
        let path = self.folder_of(index.collection).join(REMAINS);
        File::create(&path).and_then(|file| file.sync_all()).map_err(MemoryError::disk(&path))?;
        self.shard(index)?.remove(ids)
    }

    pub(super) fn has_remains(&self, collection: Collection) -> bool {
        self.folder_of(collection).join(REMAINS).exists()
    }

    /// The pointer is exchanged in one step, so that a crash leaves the old index or the new one.
    pub(super) fn switch(&self, index: &Index) -> Result<(), MemoryError> {
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
    pub(super) fn sweep(&self, collection: Collection) -> Result<(), MemoryError> {
        // Where it cannot be told which is the current one, whoever asks for it is told so, and nothing is touched.
        let Ok(Some(name)) = self.current(collection) else { return Ok(()) };
        let current = self.path_of(&Index { collection, name });
        remove_others(&self.folder_of(collection), &[current])
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
