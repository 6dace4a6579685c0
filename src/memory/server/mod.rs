//! A Qdrant server or cluster, over gRPC: a collection an index, an alias for the one that is searched.
//!
//! Invariant: a server that is down ends no investigation: every failure is an error that says so; none holds the key.

mod convert;
mod failure;
mod indexes;

use std::{collections::HashSet, sync::Mutex, time::Duration};

use qdrant_client::{
    Qdrant,
    config::QdrantConfig,
    qdrant::{
        CountPointsBuilder, DeletePointsBuilder, GetPointsBuilder, PointId, PointsIdsList, QueryBatchPointsBuilder,
        ScrollPointsBuilder, UpsertPointsBuilder,
    },
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use self::failure::Failed;
use crate::{
    Collection, Filter, Indexed, MemoryError, Point, Scored,
    store::{Given, Index, IndexName, Page, Store, Wanted},
};

/// Words whose rarity is asked for in one request.
const WORDS_AT_ONCE: usize = 64;

/// How a Qdrant server is reached.
#[derive(Clone)]
pub struct ServerOptions {
    /// Its gRPC address, such as `https://qdrant:6334`; `https` for TLS.
    pub url: Url,
    /// Its API key; empty for a server that wants none.
    pub api_key: SecretString,
    /// What the names of its collections begin with, so that several houses can share it.
    pub prefix: String,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

/// A Qdrant server.
pub struct Server {
    client: Qdrant,
    options: ServerOptions,
    /// Collections that this process made: all others may be another's, which is still writing to them.
    made: Mutex<HashSet<String>>,
}

impl Server {
    /// Asks nothing yet: a server that is down is no error here.
    ///
    /// # Errors
    /// When the address is none, or the prefix no name.
    pub fn new(options: ServerOptions) -> Result<Self, MemoryError> {
        if !matches!(options.url.scheme(), "http" | "https") || options.url.host_str().is_none() {
            let why = "[memory] url is not http:// or https://; right would be \"http://host:6334\", its gRPC port";
            return Err(MemoryError::Wrong(why.to_owned()));
        }
        let sound = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if options.prefix.is_empty() || !options.prefix.chars().all(sound) {
            let why = format!("[memory] prefix is {:?}; right would be letters, digits, - and _", options.prefix);
            return Err(MemoryError::Wrong(why));
        }
        let mut config = QdrantConfig::from_url(options.url.as_str());
        config.timeout = options.timeout;
        config.connect_timeout = options.connect_timeout;
        // It would ask at once, and print to the terminal.
        config.check_compatibility = false;
        let key = options.api_key.expose_secret().trim();
        config.api_key = (!key.is_empty()).then(|| key.to_owned());
        let client = Qdrant::new(config).map_err(|error| Failed::told(&options.api_key, error))?;
        Ok(Self { client, options, made: Mutex::default() })
    }

    fn alias(&self, collection: Collection) -> String {
        format!("{}-{}", self.options.prefix, collection.name())
    }

    fn name(&self, index: &Index) -> String {
        format!("{}-{}", self.alias(index.collection), index.name)
    }

    fn failed(&self, error: qdrant_client::QdrantError) -> MemoryError {
        Failed::told(&self.options.api_key, error)
    }

    async fn rarities(&self, index: &Index, words: &[u32]) -> Result<Vec<Option<f32>>, MemoryError> {
        let name = self.name(index);
        let mut found = Vec::with_capacity(words.len());
        for batch in words.chunks(WORDS_AT_ONCE) {
            let queries: Vec<_> = batch.iter().map(|word| convert::one_word(&name, *word)).collect();
            let query = QueryBatchPointsBuilder::new(&name, queries);
            let answer = self.client.query_batch(query).await.map_err(|error| self.failed(error))?;
            if answer.result.len() != batch.len() {
                return Err(failure::malformed(format!(
                    "{} answers to {} questions",
                    answer.result.len(),
                    batch.len()
                )));
            }
            for (word, answer) in batch.iter().zip(answer.result) {
                let best = answer.result.into_iter().next().map(convert::scored);
                found.push(best.and_then(|best| best.found.words.get(*word).map(|value| best.score / value)));
            }
        }
        Ok(found)
    }
}

impl Store for Server {
    fn current(&self, collection: Collection) -> Given<'_, Option<IndexName>> {
        Box::pin(async move {
            let alias = self.alias(collection);
            let Some(target) = self.target(collection).await? else { return Ok(None) };
            let name = target.strip_prefix(&format!("{alias}-")).unwrap_or(&target).parse();
            name.map(Some).map_err(|why| failure::malformed(format!("the alias {alias} leads elsewhere: {why}")))
        })
    }

    fn create<'a>(&'a self, index: &'a Index, dimensions: Option<usize>) -> Given<'a, Index> {
        Box::pin(self.make(index, dimensions))
    }

    fn switch<'a>(&'a self, index: &'a Index) -> Given<'a, ()> {
        Box::pin(self.point_at(index))
    }

    fn write<'a>(&'a self, index: &'a Index, points: Vec<Indexed>) -> Given<'a, ()> {
        Box::pin(async move {
            let points = points.into_iter().map(convert::to_stored).collect::<Vec<_>>();
            let upsert = UpsertPointsBuilder::new(self.name(index), points).wait(true);
            self.client.upsert_points(upsert).await.map_err(|error| self.failed(error))?;
            Ok(())
        })
    }

    fn remove<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()> {
        Box::pin(async move {
            let ids = PointsIdsList { ids: ids.into_iter().map(PointId::from).collect() };
            let delete = DeletePointsBuilder::new(self.name(index)).points(ids).wait(true);
            self.client.delete_points(delete).await.map_err(|error| self.failed(error))?;
            Ok(())
        })
    }

    fn purge<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, ()> {
        self.remove(index, ids)
    }

    /// When a server takes removed bytes off its disk is its own business.
    fn has_remains(&self, _: Collection) -> Given<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn search<'a>(&'a self, index: &'a Index, wanted: Wanted) -> Given<'a, Vec<Scored>> {
        Box::pin(async move {
            let query = convert::query(&self.name(index), wanted);
            let answer = self.client.query(query).await.map_err(|error| self.failed(error))?;
            Ok(answer.result.into_iter().map(convert::scored).collect())
        })
    }

    fn rarity<'a>(&'a self, index: &'a Index, words: &'a [u32]) -> Given<'a, Vec<Option<f32>>> {
        Box::pin(self.rarities(index, words))
    }

    fn page<'a>(
        &'a self,
        index: &'a Index,
        filter: Filter,
        after: Option<u64>,
        limit: usize,
        vectors: bool,
    ) -> Given<'a, Page> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let mut scroll =
                ScrollPointsBuilder::new(self.name(index)).limit(limit).with_payload(true).with_vectors(vectors);
            if let Some(filter) = convert::filter(&filter) {
                scroll = scroll.filter(filter);
            }
            if let Some(after) = after {
                scroll = scroll.offset(PointId::from(after));
            }
            let answer = self.client.scroll(scroll).await.map_err(|error| self.failed(error))?;
            let next = answer.next_page_offset.map(|id| convert::number(Some(id)));
            let points =
                answer.result.into_iter().map(|point| convert::from_stored(point.id, point.payload, point.vectors));
            Ok((points.collect(), next))
        })
    }

    fn get<'a>(&'a self, index: &'a Index, ids: Vec<u64>) -> Given<'a, Vec<Point>> {
        Box::pin(async move {
            let ids: Vec<PointId> = ids.into_iter().map(PointId::from).collect();
            let get = GetPointsBuilder::new(self.name(index), ids).with_payload(true);
            let answer = self.client.get_points(get).await.map_err(|error| self.failed(error))?;
            let points =
                answer.result.into_iter().map(|point| convert::from_stored(point.id, point.payload, None).point);
            Ok(points.collect())
        })
    }

    fn dimensions<'a>(&'a self, index: &'a Index) -> Given<'a, Option<usize>> {
        Box::pin(async move {
            let (points, _) = self.page(index, Filter::default(), None, 1, true).await?;
            Ok(points.into_iter().find_map(|indexed| indexed.meaning).map(|meaning| meaning.len()))
        })
    }

    fn count<'a>(&'a self, index: &'a Index) -> Given<'a, usize> {
        Box::pin(async move {
            let count = CountPointsBuilder::new(self.name(index)).exact(true);
            let answer = self.client.count(count).await.map_err(|error| self.failed(error))?;
            Ok(answer.result.map_or(0, |result| usize::try_from(result.count).unwrap_or(usize::MAX)))
        })
    }

    fn keeps_remains(&self) -> bool {
        false
    }

    fn close(&self) -> Given<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn place(&self) -> String {
        let host = self.options.url.host_str().unwrap_or("?");
        format!("Qdrant server {host}:{}", self.options.url.port_or_known_default().unwrap_or(6334))
    }
}
