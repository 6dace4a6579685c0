//! The world's clock as tools read it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use evals::World;
use futures::future::BoxFuture;
use tools::Clock;

pub(crate) struct WorldClock(pub(crate) World);

impl Clock for WorldClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}
