//! The indexes on a server: made beside the current one, switched to, found.

use std::sync::PoisonError;

use qdrant_client::qdrant::{
    CreateAliasBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType, Modifier,
    SparseVectorParamsBuilder, SparseVectorsConfigBuilder, VectorParamsBuilder, VectorsConfigBuilder,
};

use super::Server;
use crate::{
    Collection, MemoryError,
    payload::{AT, KEYWORDS, MEANING, WORDS},
    store::{Index, IndexName, next_generation},
};

impl Server {
    /// The collections on the server that are indexes of this one.
    async fn all_of(&self, collection: Collection) -> Result<Vec<(String, IndexName)>, MemoryError> {
        let prefix = format!("{}-", self.alias(collection));
        let all = self.client.list_collections().await.map_err(|error| self.failed(error))?;
        let named = all.collections.into_iter().filter_map(|described| {
            let name = described.name.strip_prefix(&prefix)?.parse().ok()?;
            Some((described.name, name))
        });
        Ok(named.collect())
    }

    /// A name that no other process has: of two that make an index at once, one takes the place of the other, which then fails and
    /// finds that there is one. What this process broke off is removed.
    async fn vacant(&self, index: &Index) -> Result<Index, MemoryError> {
        let current = self.target(index.collection).await?;
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let there = self.all_of(index.collection).await?.into_iter();
        let (left, others): (Vec<_>, Vec<_>) =
            there.partition(|(name, _)| made.contains(name) && current.as_ref() != Some(name));
        for (name, _) in left {
            self.client.delete_collection(&name).await.map_err(|error| self.failed(error))?;
        }
        let name = self.name(index);
        if others.iter().all(|(other, _)| *other != name) {
            return Ok(index.clone());
        }
        let last = others.iter().map(|(_, other)| other).max_by_key(|other| other.generation);
        let name = IndexName { generation: next_generation(last), ..index.name.clone() };
        Ok(Index { collection: index.collection, name })
    }

    pub(super) async fn make(&self, index: &Index, dimensions: Option<usize>) -> Result<Index, MemoryError> {
        let index = self.vacant(index).await?;
        let name = self.name(&index);
        let mut words = SparseVectorsConfigBuilder::default();
        words.add_named_vector_params(WORDS, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
        let mut create = CreateCollectionBuilder::new(&name).sparse_vectors_config(words);
        if let Some(dimensions) = dimensions {
            let mut meaning = VectorsConfigBuilder::default();
            meaning.add_named_vector_params(MEANING, VectorParamsBuilder::new(dimensions as u64, Distance::Cosine));
            create = create.vectors_config(meaning);
        }
        self.client.create_collection(create).await.map_err(|error| self.failed(error))?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        let fields = KEYWORDS.iter().map(|field| (*field, FieldType::Keyword)).chain([(AT, FieldType::Integer)]);
        for (field, kind) in fields {
            let create = CreateFieldIndexCollectionBuilder::new(&name, field, kind).wait(true);
            self.client.create_field_index(create).await.map_err(|error| self.failed(error))?;
        }
        Ok(index)
    }

    pub(super) async fn point_at(&self, index: &Index) -> Result<(), MemoryError> {
        let (name, alias) = (self.name(index), self.alias(index.collection));
        // Making an alias that is there moves it, in one step.
        let create = CreateAliasBuilder::new(&name, &alias);
        self.client.create_alias(create).await.map_err(|error| self.failed(error))?;
        for (other, _) in self.all_of(index.collection).await? {
            // Another process may have switched since; then it removes this one.
            if other != name && self.target(index.collection).await?.as_ref() == Some(&name) {
                self.client.delete_collection(&other).await.map_err(|error| self.failed(error))?;
            }
        }
        Ok(())
    }

    /// The collection that the alias leads to.
    pub(super) async fn target(&self, collection: Collection) -> Result<Option<String>, MemoryError> {
        let alias = self.alias(collection);
        let aliases = self.client.list_aliases().await.map_err(|error| self.failed(error))?.aliases;
        Ok(aliases.into_iter().find(|found| found.alias_name == alias).map(|found| found.collection_name))
    }
}
