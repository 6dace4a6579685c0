//! Past incidents: kept, corrected by people, forgotten, and asked for what helped.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Advice, Ask, Collection, Filter, Memory, MemoryError, Past, Point, Remembered, Said, advise, memory::PAGE,
    point::hash, store::Index,
};

/// Past incidents that advise.
const ADVISERS: usize = 20;

/// What past incidents tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recalled {
    /// How many are like what is seen now.
    pub alike: usize,
    /// The most alike of them, of equally alike ones the newest first.
    pub past: Vec<Past>,
    /// What they advise, best first.
    pub advice: Vec<Advice>,
    /// How alike the best was that was not alike enough.
    pub closest: Option<f32>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// What is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forget {
    /// One incident, by its number in the journal.
    Incident(u64),
    /// Everything about one service.
    Service(String),
    /// What was imported from a file of this name.
    Imported(String),
}

impl Memory {
    /// Keeps an incident, in place of what was kept of it before.
    ///
    /// # Errors
    /// When the store or the embeddings endpoint fails.
    pub async fn remember(&self, remembered: &Remembered) -> Result<(), MemoryError> {
        let _writing = self.writing.lock().await;
        self.keep(remembered).await
    }

    /// Adds what a person said of an incident; the next recall heeds it.
    ///
    /// # Errors
    /// [`MemoryError::Wrong`] when memory has no such incident; else as [`Memory::remember`].
    pub async fn feedback(&self, incident: u64, said: Said) -> Result<Remembered, MemoryError> {
        let _writing = self.writing.lock().await;
        let unknown = || MemoryError::Wrong(format!("memory has no incident {incident}"));
        let current = self.current(Collection::Incidents).await?.ok_or_else(unknown)?;
        let id = Point::id_of(Collection::Incidents, &source(incident), 0);
        let point = self.store.get(&current.index, vec![id]).await?.into_iter().next().ok_or_else(unknown)?;
        let mut remembered = to_remembered(&point).ok_or_else(unknown)?;
        remembered.said.push(said);
        self.keep(&remembered).await?;
        Ok(remembered)
    }

    /// Keeps these incidents, drops those, and writes only what is not there yet; an index that was made with other settings is made
    /// anew. Says how many were written and how many went.
    ///
    /// # Errors
    /// When the store or the embeddings endpoint fails.
    pub async fn follow(&self, all: &[Remembered], gone: &[u64]) -> Result<(usize, usize), MemoryError> {
        let _writing = self.writing.lock().await;
        let mut points = all.iter().map(|one| to_point(one, self.clean)).collect::<Result<Vec<_>, _>>()?;
        let of = |incident: &u64| Point::id_of(Collection::Incidents, &source(*incident), 0);
        let gone: Vec<u64> = gone.iter().map(of).collect();
        let ids: Vec<u64> = points.iter().map(|point| point.id).chain(gone.iter().copied()).collect();
        let current = self.current(Collection::Incidents).await?;
        let mut there = BTreeMap::new();
        if let Some(current) = &current {
            for ids in ids.chunks(PAGE) {
                let found = self.store.get(&current.index, ids.to_vec()).await?;
                there.extend(found.into_iter().map(|point| (point.id, point.hash)));
            }
        }
        let gone: BTreeSet<u64> = gone.into_iter().filter(|id| there.contains_key(id)).collect();
        points.retain(|point| there.get(&point.id) != Some(&point.hash));
        let (written, removed) = (points.len(), gone.len());
        // What is to go goes first: what is to come may need an embeddings endpoint that is down.
        if let Some(current) = &current {
            self.purge(&current.index, gone).await?;
        }
        if points.is_empty() && current.is_none_or(|current| current.fresh) {
            return Ok((0, removed));
        }
        let index = self.ready(Collection::Incidents, None).await?;
        self.add(&index, points).await?;
        Ok((written, removed))
    }

    async fn keep(&self, remembered: &Remembered) -> Result<(), MemoryError> {
        let index = self.ready(Collection::Incidents, None).await?;
        let point = to_point(remembered, self.clean)?;
        self.add(&index, vec![point]).await
    }

    /// Forgets; what was forgotten is gone from the index and from the disk when this returns. Says how many points went.
    ///
    /// # Errors
    /// When the store fails; what was taken out of the index until then is no longer found, and goes from the disk with the next
    /// change.
    pub async fn forget(&self, what: &Forget) -> Result<usize, MemoryError> {
        let _writing = self.writing.lock().await;
        let (mut gone, mut trouble) = (0, None);
        for collection in Collection::ALL {
            let Some(current) = self.current(collection).await? else { continue };
            let ids = self.meant(&current.index, what).await?;
            gone += ids.len();
            // What fails in one collection keeps nothing in another.
            if let Err(error) = self.purge(&current.index, ids).await {
                trouble.get_or_insert(error);
            }
        }
        trouble.map_or(Ok(gone), Err)
    }

    /// The points of an index that are to be forgotten.
    async fn meant(&self, index: &Index, what: &Forget) -> Result<BTreeSet<u64>, MemoryError> {
        let are_incidents = index.collection == Collection::Incidents;
        let (filter, file) = match what {
            Forget::Service(service) => (Filter { service: Some(service.clone()), ..Filter::default() }, None),
            Forget::Incident(_) | Forget::Imported(_) if !are_incidents => return Ok(BTreeSet::new()),
            Forget::Incident(incident) => (Filter { source: Some(source(*incident)), ..Filter::default() }, None),
            Forget::Imported(file) => (Filter::default(), Some(file)),
        };
        let is_meant =
            |point: &Point| file.is_none() || to_remembered(point).is_some_and(|one| one.from.as_ref() == file);
        let (mut ids, mut after) = (BTreeSet::new(), None);
        loop {
            let (points, next) = self.store.page(index, filter.clone(), after, PAGE, false).await?;
            ids.extend(
                points.iter().map(|indexed| &indexed.point).filter(|point| is_meant(point)).map(|point| point.id),
            );
            match next {
                Some(next) => after = Some(next),
                None => return Ok(ids),
            }
        }
    }

    /// Past incidents that are like what is asked, and what they advise.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recall(&self, ask: &Ask) -> Result<Recalled, MemoryError> {
        let wide = Ask { limit: ADVISERS, ..ask.clone() };
        let (ranked, closest, notes) = self.ranked(Collection::Incidents, &wide).await?;
        let mut past: Vec<Past> = ranked
            .into_iter()
            .filter_map(|ranked| {
                // Others may write to a server.
                let data = cleaned(ranked.best.found.point.data.clone()?, self.clean);
                let remembered = serde_json::from_value(data).ok()?;
                // By meaning alone it may be near without being alike in words.
                let likeness = ranked.nearness.map_or(ranked.likeness, |near| near.max(ranked.likeness));
                Some(Past { remembered, likeness })
            })
            .collect();
        let newer = |a: &Past, b: &Past| b.remembered.at.cmp(&a.remembered.at);
        past.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| newer(a, b)));
        let (alike, advice) = (past.len(), advise(&past));
        past.truncate(ask.limit.max(1));
        Ok(Recalled { alike, past, advice, closest, notes })
    }
}

/// The name of an incident of this house's own journal.
fn source(incident: u64) -> String {
    format!("incident {incident}")
}

/// Numbers tell incidents of one journal apart: one that was imported is named after its file too.
fn source_of(remembered: &Remembered) -> String {
    let own = source(remembered.incident);
    remembered.from.as_ref().map_or(own.clone(), |from| format!("{own} of {from}"))
}

/// An incident as a point: found by what was seen and by its cause as it stands.
pub(crate) fn to_point(remembered: &Remembered, clean: fn(&str) -> String) -> Result<Point, MemoryError> {
    let unfit = |error: serde_json::Error| MemoryError::Wrong(format!("the incident cannot be kept: {error}"));
    let data = cleaned(serde_json::to_value(remembered).map_err(unfit)?, clean);
    let remembered: Remembered = serde_json::from_value(data.clone()).map_err(unfit)?;
    let cause = remembered.true_cause().unwrap_or_default();
    let source = source_of(&remembered);
    let text = format!("{}\n{cause}", remembered.symptoms.join("\n"));
    Ok(Point {
        id: Point::id_of(Collection::Incidents, &source, 0),
        hash: hash(&[&data.to_string()]),
        source,
        title: remembered.alert.clone(),
        section: String::new(),
        keywords: String::new(),
        service: remembered.service.clone(),
        environment: remembered.environment.clone(),
        kind: "incident".to_owned(),
        at: Some(remembered.at),
        text: text.trim().to_owned(),
        data: Some(data),
    })
}

pub(crate) fn to_remembered(point: &Point) -> Option<Remembered> {
    serde_json::from_value(point.data.clone()?).ok()
}

/// Every text in a value, cleaned.
fn cleaned(value: Value, clean: fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => clean(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| cleaned(item, clean)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, item)| (key, cleaned(item, clean))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
