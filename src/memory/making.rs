//! How an index comes to be: the first one, one beside another that was made with other settings, one that holds nothing of what
//! was to be forgotten.

use std::collections::BTreeSet;

use crate::{
    Collection, Filter, Memory, MemoryError, Weights,
    embeddings::Embedder,
    memory::{Current, PAGE},
    store::{Index, IndexName, next_generation},
};

impl Memory {
    /// The name of an index as it would be made now.
    pub(crate) fn name(&self, average: u32, generation: u32) -> IndexName {
        let weights = Weights { average, ..Weights::default() };
        IndexName::of(&weights, self.embedder.as_ref().map(Embedder::model), generation)
    }

    /// The index to write to: made when there is none, made anew from the old one when that was made with other settings.
    pub(crate) async fn ready(&self, collection: Collection, average: Option<u32>) -> Result<Index, MemoryError> {
        let current = self.current(collection).await?;
        match current {
            Some(Current { index, fresh: true })
                if average.is_none_or(|average| alike(average, index.name.average)) =>
            {
                Ok(index)
            }
            current => self.rebuild(collection, current, average).await,
        }
    }

    /// Makes an index beside the current one from its points, then switches to it.
    async fn rebuild(
        &self,
        collection: Collection,
        current: Option<Current>,
        average: Option<u32>,
    ) -> Result<Index, MemoryError> {
        let old = current.as_ref().map(|current| &current.index.name);
        let average = average.or(old.map(|old| old.average)).unwrap_or(Weights::default().average);
        let index = Index { collection, name: self.name(average, next_generation(old)) };
        let dimensions = self.dimensions(current.as_ref()).await?;
        let index = self.store.create(&index, dimensions).await?;
        if let Some(Current { index: old, fresh }) = current {
            tracing::info!(collection = collection.name(), from = %old.name, to = %index.name, "an index is made anew");
            let mut after = None;
            loop {
                let (points, next) = self.store.page(&old, Filter::default(), after, PAGE, fresh).await?;
                self.write(&index, points, fresh).await?;
                match next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        self.exchange(&index).await?;
        Ok(index)
    }

    /// Makes an index anew as it is but for these points, whatever it was made with, so that it needs no embeddings endpoint.
    async fn copy(&self, old: &Index, without: &BTreeSet<u64>) -> Result<(), MemoryError> {
        let name = IndexName { generation: next_generation(Some(&old.name)), ..old.name.clone() };
        let index = Index { collection: old.collection, name };
        let index = self.store.create(&index, self.store.dimensions(old).await?).await?;
        let mut after = None;
        loop {
            let (mut points, next) = self.store.page(old, Filter::default(), after, PAGE, true).await?;
            points.retain(|indexed| !without.contains(&indexed.point.id));
            if !points.is_empty() {
                self.store.write(&index, points).await?;
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.exchange(&index).await
    }

    /// From now on this index is searched.
    async fn exchange(&self, index: &Index) -> Result<(), MemoryError> {
        let reading = self.reading.write().await;
        self.store.switch(index).await?;
        drop(reading);
        self.forget_rarities(index.collection);
        Ok(())
    }

    /// The length of a meaning: as the index has them where it is fresh, so that an endpoint that is down keeps nothing from going.
    async fn dimensions(&self, current: Option<&Current>) -> Result<Option<usize>, MemoryError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        if let Some(Current { index, fresh: true }) = current
            && let Some(dimensions) = self.store.dimensions(index).await?
        {
            return Ok(Some(dimensions));
        }
        Ok(embedder.embed(&["dimensions".to_owned()]).await?.first().map(Vec::len))
    }

    /// Makes an index anew where the store keeps on the disk what was written over.
    ///
    /// # Errors
    /// When the store or the embeddings endpoint fails.
    pub async fn renew(&self, collection: Collection) -> Result<(), MemoryError> {
        let _writing = self.writing.lock().await;
        if let Some(current) = self.current(collection).await?
            && self.store.keeps_remains()
        {
            self.rebuild(collection, Some(current), None).await?;
        }
        Ok(())
    }

    /// Removes points so that nothing of them is left on the disk either. They are there until all of it is done: where the process
    /// ends halfway, whoever wants them gone still sees them and does it again. Where it fails they are at least found no more, and
    /// their text goes with the next change.
    pub(crate) async fn purge(&self, index: &Index, ids: BTreeSet<u64>) -> Result<(), MemoryError> {
        if !self.store.keeps_remains() {
            return self.take(index, ids.into_iter().collect()).await;
        }
        if ids.is_empty() && !self.store.has_remains(index.collection).await? {
            return Ok(());
        }
        let copied = self.copy(index, &ids).await;
        if copied.is_err() && !ids.is_empty() {
            self.store.purge(index, ids.into_iter().collect()).await?;
            self.forget_rarities(index.collection);
        }
        copied
    }

    /// Leaves nothing on the disk of what was to be purged when that failed.
    pub(crate) async fn clear(&self, collection: Collection) -> Result<(), MemoryError> {
        match self.current(collection).await? {
            Some(Current { index, .. }) => self.purge(&index, BTreeSet::new()).await,
            None => Ok(()),
        }
    }
}

/// Whether two averages are so near that it changes no order; else an index is made anew.
fn alike(a: u32, b: u32) -> bool {
    let (small, large) = (a.min(b), a.max(b));
    u64::from(large) * 2 <= u64::from(small.max(1)) * 3
}
