//! Indexing: documents that changed are written, those that are gone are removed, the rest is left as it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    BadFile, Collection, Filter, Memory, MemoryError, Origin, Point, folder,
    length::Length,
    markdown::Document,
    memory::{Cleaner, Current, PAGE},
    point::hash,
    store::{Index, blocking},
};

/// Documents that are read at once.
const CHUNK: usize = 64;
/// Documents by which the length of an ordinary section is measured.
const SAMPLE: usize = 400;

/// How far indexing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Documents that were looked at.
    pub done: usize,
    /// Documents in all.
    pub all: usize,
}

/// What indexing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Documents that are in the index now.
    pub documents: usize,
    /// Of those, new ones and changed ones.
    pub written: usize,
    /// Documents that were removed, because they are gone.
    pub removed: usize,
    /// Documents that could not be read; what the index has of them stays.
    pub bad: Vec<BadFile>,
}

/// What the index has of one document; with more than one hash it was broken off while it was written.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) hashes: BTreeSet<String>,
    pub(crate) ids: BTreeSet<u64>,
}

impl Memory {
    /// Makes a collection hold these documents and no others. Safe to do again: what did not change is not written.
    ///
    /// # Errors
    /// For incidents, which come from the journal; when a folder cannot be read (then nothing is removed), or the store or the embeddings endpoint fails.
    pub async fn index(
        &self,
        collection: Collection,
        origins: &[Origin],
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Ingested, MemoryError> {
        if collection == Collection::Incidents {
            let why = "incidents are not indexed from files: they come from the journal, or from an export";
            return Err(MemoryError::Wrong(why.to_owned()));
        }
        let _writing = self.writing.lock().await;
        self.clear(collection).await?;
        let origins = origins.to_vec();
        let documents = blocking(move || folder::list(&origins)).await??;
        let average = self.average(collection, &documents).await?;
        let index = self.ready(collection, average).await?;
        let mut kept = self.kept(&index).await?;
        let all = documents.len();
        let (mut ingested, mut waiting, mut done) = (Ingested::default(), Vec::new(), 0);
        let clean = self.clean;
        for chunk in documents.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            let read =
                blocking(move || chunk.iter().map(|document| points(collection, document, clean)).collect::<Vec<_>>());
            for document in read.await? {
                done += 1;
                match document {
                    Err(bad) => {
                        kept.remove(&bad.file);
                        ingested.bad.push(bad);
                    }
                    Ok((source, None)) => ingested.documents += usize::from(kept.remove(&source).is_some()),
                    Ok((source, Some(points))) => {
                        ingested.documents += 1;
                        let old = kept.remove(&source).unwrap_or_default();
                        let new: BTreeSet<u64> = points.iter().map(|point| point.id).collect();
                        if old.ids == new && points.first().is_some_and(|point| old.hashes.iter().eq([&point.hash])) {
                            continue;
                        }
                        ingested.written += 1;
                        // A document is written at once: of one that is cut in two, the first half would count as all of it.
                        if waiting.len() + points.len() > PAGE {
                            self.add(&index, std::mem::take(&mut waiting)).await?;
                        }
                        self.take(&index, old.ids.difference(&new).copied().collect()).await?;
                        waiting.extend(points);
                    }
                }
            }
            progress(Progress { done, all });
        }
        self.add(&index, waiting).await?;
        ingested.removed = kept.len();
        self.take(&index, kept.into_values().flat_map(|kept| kept.ids).collect()).await?;
        Ok(ingested)
    }

    /// Of every document the version that the collection has, by its name. One that was broken off while it was written has none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn versions(&self, collection: Collection) -> Result<BTreeMap<String, String>, MemoryError> {
        let _reading = self.reading.read().await;
        let Some(current) = self.current(collection).await? else { return Ok(BTreeMap::new()) };
        let kept = self.kept(&current.index).await?;
        let whole = kept.into_iter().filter(|(_, document)| document.hashes.len() == 1);
        Ok(whole.filter_map(|(source, mut document)| Some((source, document.hashes.pop_first()?))).collect())
    }

    /// Words of an ordinary section of these documents; `None` where there is none. Those whose text is not at hand are measured
    /// by what the index has.
    async fn average(&self, collection: Collection, documents: &[Origin]) -> Result<Option<u32>, MemoryError> {
        let step = documents.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<_> = documents.iter().step_by(step).cloned().collect();
        let mut length = blocking(move || Length::of(&sample)).await?.times(step);
        if documents.iter().any(|document| matches!(document, Origin::Versioned { text: None, .. }))
            && let Some(Current { index, .. }) = self.current(collection).await?
        {
            // Ids are hashes: the first ones are a sample.
            let (points, _) = self.store.page(&index, Filter::default(), None, PAGE, false).await?;
            let mut stored = Length::default();
            points.iter().for_each(|indexed| stored.add(&indexed.point.text));
            let all = self.store.count(&index).await?;
            length = length.and(stored.times(all / points.len().max(1)));
        }
        Ok(length.mean())
    }

    pub(crate) async fn kept(&self, index: &Index) -> Result<BTreeMap<String, Kept>, MemoryError> {
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        let mut after = None;
        loop {
            let (points, next) = self.store.page(index, Filter::default(), after, PAGE, false).await?;
            for indexed in points {
                let document = kept.entry(indexed.point.source).or_default();
                document.ids.insert(indexed.point.id);
                document.hashes.insert(indexed.point.hash);
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(kept),
            }
        }
    }
}

/// A document's name and its sections as points; none where those of the index stay.
fn points(collection: Collection, document: &Origin, clean: Cleaner) -> Result<(String, Option<Vec<Point>>), BadFile> {
    let (source, text) = folder::read(document)?;
    let Some(text) = text else { return Ok((source, None)) };
    let read =
        Document::parse(&text).map_err(|wrong| BadFile { file: source.clone(), line: wrong.line, what: wrong.what })?;
    let stem = source.rsplit('/').next().unwrap_or(&source);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let title = clean(read.title.as_deref().unwrap_or(stem));
    let kind = read.front.kind.clone().unwrap_or_else(|| kind_of(collection).to_owned());
    let keywords = clean(&read.front.keywords.join("\n"));
    let sections: Vec<_> =
        read.sections.iter().map(|section| (clean(&section.headings.join(" / ")), clean(&section.text))).collect();
    // A document of headings alone is still found by its title.
    let sections = if sections.is_empty() { vec![(String::new(), String::new())] } else { sections };
    let at = read.front.at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let (service, environment) =
        (read.front.service.map(|name| clean(&name)), read.front.environment.map(|name| clean(&name)));
    let mut parts = vec![title.as_str(), &kind, &keywords, &at];
    parts.extend([service.as_deref().unwrap_or_default(), environment.as_deref().unwrap_or_default()]);
    parts.extend(sections.iter().flat_map(|(headings, text)| [headings.as_str(), text.as_str()]));
    let hash = match document {
        Origin::Versioned { version, .. } => version.clone(),
        Origin::Text { .. } | Origin::Folder(_) => hash(&parts),
    };
    let points = sections.iter().enumerate().map(|(ordinal, (headings, text))| Point {
        id: Point::id_of(collection, &source, ordinal),
        source: source.clone(),
        title: title.clone(),
        section: headings.clone(),
        keywords: keywords.clone(),
        service: service.clone(),
        environment: environment.clone(),
        kind: kind.clone(),
        at: read.front.at,
        hash: hash.clone(),
        text: text.clone(),
        data: None,
    });
    Ok((source.clone(), Some(points.collect())))
}

fn kind_of(collection: Collection) -> &'static str {
    match collection {
        Collection::Runbooks => "runbook",
        Collection::Incidents => "incident",
        Collection::Documents => "document",
    }
}
