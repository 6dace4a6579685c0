//! Searching: documents in their order, or nothing when nothing is like what was asked.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    Collection, Filter, Memory, MemoryError, Point,
    memory::Current,
    ranking::{Question, Ranked, rank},
    store::Wanted,
};

/// Sections that are looked at for one answer: several may be of one document.
const SECTIONS: usize = 40;
/// Documents of one answer.
const MOST: usize = 20;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// In words; [`Symptoms::text`](crate::Symptoms::text) makes it from an alert.
    pub text: String,
    /// Among which documents.
    pub filter: Filter,
    /// How many documents at most; 20 is the most.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Best first; empty when nothing is like what was asked.
    pub hits: Vec<Hit>,
    /// How alike the best was that was not alike enough.
    pub closest: Option<f32>,
    /// What a reader must know: that meanings could not be compared, that the index is out of date.
    pub notes: Vec<String>,
}

/// A document that was found, by its best section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The file, or `incident 42`.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The headings above the section that fits best.
    pub section: String,
    /// That section's text.
    pub text: String,
    /// The service that it is about.
    pub service: Option<String>,
    /// The environment that it is about.
    pub environment: Option<String>,
    /// What kind of text it is.
    pub kind: String,
    /// When it was written.
    pub at: Option<DateTime<Utc>>,
    /// How alike it is, from 0 to 1; the same figure means the same for every question.
    pub likeness: f32,
    /// How near its meaning is (a cosine); `None` without embeddings.
    pub nearness: Option<f32>,
}

impl Memory {
    /// The documents that are most like what is asked.
    ///
    /// # Errors
    /// When the store fails. An embeddings endpoint that fails is a note: words are compared all the same.
    pub async fn search(&self, collection: Collection, ask: &Ask) -> Result<Found, MemoryError> {
        let (ranked, closest, notes) = self.ranked(collection, ask).await?;
        let hits = ranked.into_iter().map(|ranked| {
            let Point { source, title, section, text, service, environment, kind, at, .. } = ranked.best.found.point;
            let Ranked { likeness, nearness, .. } = ranked;
            // Others may write to a server.
            let [source, title, section, text] = [source, title, section, text].map(|text| (self.clean)(&text));
            Hit { source, title, section, text, service, environment, kind, at, likeness, nearness }
        });
        Ok(Found { hits: hits.collect(), closest, notes })
    }

    /// Documents that are alike enough, else how alike the best was.
    pub(crate) async fn ranked(
        &self,
        collection: Collection,
        ask: &Ask,
    ) -> Result<(Vec<Ranked>, Option<f32>, Vec<String>), MemoryError> {
        let mut notes = Vec::new();
        // Masked before it leaves for an embeddings endpoint, and as what was indexed was.
        let text = (self.clean)(&ask.text);
        let question = Question::of(&text);
        if question.words.is_empty() {
            return Ok((Vec::new(), None, notes));
        }
        // While an endpoint is waited for, another index may take the place of this one.
        let meaning = self.meaning(collection, text, &mut notes).await?;
        let _reading = self.reading.read().await;
        let Some(Current { index, fresh }) = self.current(collection).await? else {
            return Ok((Vec::new(), None, notes));
        };
        if !fresh {
            notes.push(format!(
                "the index of {} was made with other settings; `devops-agent memory index` makes it anew",
                collection.name()
            ));
        }
        let meaning = meaning.filter(|_| fresh);
        let wanted = Wanted {
            words: question.words.clone(),
            meaning: meaning.clone(),
            filter: ask.filter.clone(),
            limit: SECTIONS,
            fusion: self.fusion,
        };
        let scored = self.store.search(&index, wanted).await?;
        if scored.is_empty() {
            return Ok((Vec::new(), None, notes));
        }
        let rarity = self.rarity(&index, &question.parts()).await?;
        let mut ranked = rank(&question, meaning.as_deref(), scored, |word| rarity.get(&word).copied().unwrap_or(0.0));
        let closest = ranked.iter().map(|ranked| ranked.likeness).reduce(f32::max);
        ranked.retain(|ranked| {
            ranked.likeness >= self.threshold || ranked.nearness.is_some_and(|nearness| nearness >= self.nearness)
        });
        ranked.truncate(ask.limit.clamp(1, MOST));
        let closest = if ranked.is_empty() { closest } else { None };
        Ok((ranked, closest, notes))
    }

    /// What the question means, where there are meanings to compare it with; an endpoint that fails is a note.
    async fn meaning(
        &self,
        collection: Collection,
        text: String,
        notes: &mut Vec<String>,
    ) -> Result<Option<Vec<f32>>, MemoryError> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let fresh = {
            let _reading = self.reading.read().await;
            self.current(collection).await?.is_some_and(|current| current.fresh)
        };
        if !fresh {
            return Ok(None);
        }
        match embedder.embed_question(text).await {
            Ok(meaning) => Ok(meaning),
            Err(error) => {
                notes.push(format!("only words were compared: {error}"));
                Ok(None)
            }
        }
    }
}
