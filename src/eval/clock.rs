//! The world's clock: waiting takes no time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use evals::World;
use futures::future::BoxFuture;
use tools::Clock;

/// Tells the world's time, and moves it on instead of waiting.
#[derive(Clone)]
pub struct WorldClock {
    world: World,
}

impl WorldClock {
    /// The clock of this world.
    pub fn new(world: World) -> Self {
        Self { world }
    }
}

impl Clock for WorldClock {
    fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.world.advance(duration);
            tokio::task::yield_now().await;
        })
    }
}
