//! Models in order: where one fails the next takes the turn, and the reply says so.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tools::SharedClock;

use super::{FellBack, Model, ModelError, Reply, SharedModel, Transcript};

/// The longest that a model is left alone, whatever it asked for: a provider that recovers is found again.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Tries models in order. One that asked to be left alone is passed over until that time is up, with its reason told again.
pub struct Chain {
    links: Vec<Link>,
    clock: SharedClock,
}

struct Link {
    model: SharedModel,
    left_alone: Mutex<Option<LeftAlone>>,
}

#[derive(Clone)]
struct LeftAlone {
    until: DateTime<Utc>,
    why: String,
}

impl Chain {
    /// A chain of these models, the preferred one first.
    pub fn new(models: Vec<SharedModel>, clock: SharedClock) -> Self {
        let links = models.into_iter().map(|model| Link { model, left_alone: Mutex::default() }).collect();
        Self { links, clock }
    }

    async fn turn(&self, transcript: &Transcript<'_>) -> Result<Reply, ModelError> {
        let mut failed: Vec<ModelError> = Vec::new();
        for link in &self.links {
            match self.ask(link, transcript).await {
                Ok(mut reply) => {
                    let mut fell_back = fallbacks(&failed, link.model.name());
                    fell_back.append(&mut reply.fell_back);
                    return Ok(Reply { fell_back, ..reply });
                }
                Err(error) => failed.push(error),
            }
        }
        Err(self.all_failed(failed))
    }

    async fn ask(&self, link: &Link, transcript: &Transcript<'_>) -> Result<Reply, ModelError> {
        if let Some(error) = link.passed_over(self.clock.now()) {
            return Err(error);
        }
        let answered = link.model.next(transcript).await;
        if let Err(ModelError { why, retry_after: Some(alone), .. }) = &answered {
            let until = self.clock.now() + (*alone).min(LONGEST);
            link.set(Some(LeftAlone { until, why: why.clone() }));
        }
        answered
    }

    fn all_failed(&self, mut failed: Vec<ModelError>) -> ModelError {
        if failed.len() == 1
            && let Some(only) = failed.pop()
        {
            return only;
        }
        let whys: Vec<_> = failed.iter().map(ToString::to_string).collect();
        let why = if whys.is_empty() { "the chain has no models".to_owned() } else { whys.join("; ") };
        let names: Vec<_> = self.links.iter().map(|link| link.model.name()).collect();
        // Worth asking again as soon as one of them is.
        let retry_after = failed.iter().map(|error| error.retry_after.unwrap_or_default()).min();
        ModelError { model: names.join(", "), why, retry_after: retry_after.filter(|after| !after.is_zero()) }
    }
}

impl Link {
    fn passed_over(&self, now: DateTime<Utc>) -> Option<ModelError> {
        let mut place = self.left_alone.lock().unwrap_or_else(PoisonError::into_inner);
        let LeftAlone { until, why } = place.clone()?;
        let Some(left) = (until - now).to_std().ok().filter(|left| !left.is_zero()) else {
            *place = None;
            return None;
        };
        let why = format!("left alone for another {} s: {why}", left.as_secs().max(1));
        Some(ModelError { model: self.model.name().to_owned(), why, retry_after: Some(left) })
    }

    fn set(&self, left_alone: Option<LeftAlone>) {
        *self.left_alone.lock().unwrap_or_else(PoisonError::into_inner) = left_alone;
    }
}

/// Each failed model with the one after it.
fn fallbacks(failed: &[ModelError], taken_by: &str) -> Vec<FellBack> {
    let next = failed.iter().skip(1).map(|error| error.model.as_str()).chain([taken_by]);
    let pairs = failed.iter().zip(next);
    pairs.map(|(error, to)| FellBack { from: error.model.clone(), to: to.to_owned(), why: error.why.clone() }).collect()
}

impl Model for Chain {
    fn name(&self) -> &str {
        self.links.first().map_or("chain", |link| link.model.name())
    }

    fn window(&self) -> Option<usize> {
        // Whoever takes the turn, it has to fit.
        self.links.iter().filter_map(|link| link.model.window()).min()
    }

    fn count(&self, text: &str) -> usize {
        let counts = self.links.iter().find(|link| link.model.window().is_some()).or(self.links.first());
        counts.map_or(0, |link| link.model.count(text))
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(self.turn(transcript))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tools::Clock;

    use super::*;
    use crate::{
        incident::{Incident, Usage},
        model::Step,
    };

    /// Fails with what it is given, or answers; counts how often it was asked.
    struct Scripted {
        name: &'static str,
        fails: Option<(&'static str, Option<Duration>)>,
        asked: AtomicUsize,
    }

    impl Scripted {
        fn new(name: &'static str, fails: Option<(&'static str, Option<Duration>)>) -> Arc<Self> {
            Arc::new(Self { name, fails, asked: AtomicUsize::new(0) })
        }
    }

    impl Model for Scripted {
        fn name(&self) -> &str {
            self.name
        }

        fn window(&self) -> Option<usize> {
            (self.name == "first").then_some(1_000)
        }

        fn next<'a>(&'a self, _transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let model = self.name.to_owned();
            let reply = match self.fails {
                Some((why, retry_after)) => Err(ModelError { model, why: why.to_owned(), retry_after }),
                None => {
                    let step = Step::Said("here".to_owned());
                    Ok(Reply { model, thought: String::new(), step, usage: Usage::default(), fell_back: Vec::new() })
                }
            };
            Box::pin(std::future::ready(reply))
        }
    }

    struct Still(Mutex<DateTime<Utc>>);

    impl Clock for Still {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
            *self.0.lock().unwrap() += duration;
            Box::pin(std::future::ready(()))
        }
    }

    async fn ask(chain: &Chain) -> Result<Reply, ModelError> {
        let incident = Incident::new(1);
        chain
            .next(&Transcript { incident: &incident, entries: &[], system: "", messages: Vec::new(), tools: &[] })
            .await
    }

    fn fell_back(from: &str, to: &str, why: &str) -> FellBack {
        FellBack { from: from.to_owned(), to: to.to_owned(), why: why.to_owned() }
    }

    #[tokio::test]
    async fn the_next_model_takes_over_and_the_reply_names_each_that_failed() {
        let clock = Arc::new(Still(Mutex::default()));
        let first = Scripted::new("first", Some(("answered 401: no such key", Some(Duration::from_secs(60)))));
        let second = Scripted::new("second", Some(("empty answer", None)));
        let third = Scripted::new("third", None);
        let chain = Chain::new(vec![first.clone(), second.clone(), third], clock.clone());
        assert_eq!((chain.name(), chain.window()), ("first", Some(1_000)));

        let reply = ask(&chain).await.unwrap();
        assert_eq!(reply.model, "third");
        let both =
            [fell_back("first", "second", "answered 401: no such key"), fell_back("second", "third", "empty answer")];
        assert_eq!(reply.fell_back, both);

        clock.sleep(Duration::from_secs(18)).await;
        let reply = ask(&chain).await.unwrap();
        assert_eq!(reply.fell_back[0].why, "left alone for another 42 s: answered 401: no such key");
        assert_eq!(first.asked.load(Ordering::Relaxed), 1, "it is not asked while it is left alone");
        assert_eq!(second.asked.load(Ordering::Relaxed), 2, "a failure that may pass is no reason to pass it over");

        clock.sleep(Duration::from_secs(42)).await;
        ask(&chain).await.unwrap();
        assert_eq!(first.asked.load(Ordering::Relaxed), 2, "its time is up");
    }

    #[tokio::test]
    async fn all_failed_names_all_and_the_first_moment_that_is_worth_another_try() {
        let clock = Arc::new(Still(Mutex::default()));
        let first = Scripted::new("first", Some(("answered 429: slow down", Some(Duration::from_secs(90)))));
        let second = Scripted::new("second", Some(("cannot be reached", Some(Duration::from_secs(60)))));
        let error = ask(&Chain::new(vec![first, second], clock.clone())).await.unwrap_err();
        assert_eq!(error.to_string(), "first, second: first: answered 429: slow down; second: cannot be reached");
        assert_eq!(error.retry_after, Some(Duration::from_secs(60)));

        let alone = Scripted::new("alone", Some(("empty answer", None)));
        let error = ask(&Chain::new(vec![alone], clock.clone())).await.unwrap_err();
        assert_eq!(error.to_string(), "alone: empty answer");

        let error = ask(&Chain::new(Vec::new(), clock)).await.unwrap_err();
        assert_eq!(error.why, "the chain has no models");
    }
}
