//! Several models, tried in order; each fallback is told, none is silent.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tools::SharedClock;

use super::{FellBack, Model, ModelError, Reply, SharedModel, Transcript};

/// A model that failed is not asked again for so long, unless its provider said for how long.
const REST: Duration = Duration::from_secs(60);

/// Models in the order in which they are tried.
pub struct Chain {
    models: Vec<SharedModel>,
    clock: SharedClock,
    resting: Mutex<HashMap<usize, (DateTime<Utc>, String)>>,
}

impl Chain {
    /// A chain; it must have at least one model to answer.
    pub fn new(models: Vec<SharedModel>, clock: SharedClock) -> Self {
        Self { models, clock, resting: Mutex::default() }
    }

    /// Why a model rests, if it does.
    fn rests(&self, index: usize) -> Option<String> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, why) = resting.get(&index)?;
        if *until > self.clock.now() {
            return Some(format!("not asked until {}: {why}", until.format("%H:%M:%S UTC")));
        }
        resting.remove(&index);
        None
    }

    fn rest(&self, index: usize, error: &ModelError) {
        let length = TimeDelta::from_std(error.retry_after.unwrap_or(REST)).unwrap_or(TimeDelta::MAX);
        let until = self.clock.now() + length;
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).insert(index, (until, error.why.clone()));
    }

    async fn tried<'a>(&'a self, transcript: &'a Transcript<'a>) -> Result<Reply, ModelError> {
        let mut failed: Vec<(String, String)> = Vec::new();
        for (index, model) in self.models.iter().enumerate() {
            let last = index + 1 == self.models.len();
            // The last one is asked even so: there is nobody after it.
            if let Some(why) = self.rests(index).filter(|_| !last) {
                failed.push((model.name().to_owned(), why));
                continue;
            }
            match model.next(transcript).await {
                Ok(mut reply) => {
                    let to = model.name().to_owned();
                    let fell_back = failed.into_iter().map(|(from, why)| FellBack { from, to: to.clone(), why });
                    reply.fell_back.splice(0..0, fell_back);
                    return Ok(reply);
                }
                Err(error) => {
                    self.rest(index, &error);
                    failed.push((error.model, error.why));
                }
            }
        }
        let why: Vec<_> = failed.iter().map(|(model, why)| format!("{model}: {why}")).collect();
        Err(ModelError { model: "every model of the chain failed".to_owned(), why: why.join("; "), retry_after: None })
    }
}

impl Model for Chain {
    fn name(&self) -> &str {
        self.models.first().map_or("(no model)", |model| model.name())
    }

    fn window(&self) -> Option<usize> {
        self.models.iter().filter_map(|model| model.window()).min()
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(self.tried(transcript))
    }
}
