//! What reaches people, at the tools' door: silences over the world's Alertmanager, messages over receivers that fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod messages;
mod real;
mod silences;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use evals::{Case, World};
use futures::future::BoxFuture;
use serde_json::Value;
use tools::{
    Catalogue, Change, Clock, Mint, Origin, Registry, Service, SharedCatalogue, SharedClock, Undo,
    reach::{Alertmanager, HttpOptions},
};

/// The world's clock: waiting moves it on.
struct Virtual(World);

impl Clock for Virtual {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

async fn world() -> World {
    World::start(Case::from_embedded("container-killed").unwrap()).await.unwrap()
}

fn clock(world: &World) -> SharedClock {
    Arc::new(Virtual(world.clone()))
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn alertmanager(url: &str, clock: SharedClock) -> Arc<Alertmanager> {
    let options = HttpOptions { timeout: Duration::from_secs(1), answer_max: 256 * 1024, ..HttpOptions::default() };
    Arc::new(Alertmanager::new(client(), url, options, clock).unwrap())
}

fn catalogue() -> SharedCatalogue {
    let predictor = Service {
        container: Some("market-predictor".into()),
        prometheus: Some("{job=\"market-predictor\"}".into()),
        ..Service::named("market-predictor", Origin::Settings)
    };
    SharedCatalogue::new(Catalogue::new([predictor, Service::named("gateway", Origin::Settings)]))
}

/// One tool as the guard holds it.
struct Hand {
    registry: Registry,
    mint: Mint,
    tool: &'static str,
}

impl Hand {
    fn new<C: Change>(change: C) -> Self {
        let (registry, mint) = Registry::new();
        Self { registry: registry.change(change), mint, tool: C::NAME }
    }

    async fn before(&self, args: &Value) -> Value {
        self.registry.before(self.tool, args).await.unwrap()
    }

    async fn apply(&self, args: &Value, before: &Value) -> String {
        let permit = self.mint.permit(self.tool, args);
        said(self.registry.apply(permit, self.tool, args, before).await)
    }

    async fn undo(&self, args: &Value, before: &Value) -> Undo {
        self.registry.undo(self.mint.permit(self.tool, args), self.tool, args, before).await.unwrap()
    }

    /// Each check in one line.
    async fn verify(&self, args: &Value, before: &Value) -> String {
        let checks = self.registry.verify(self.tool, args, before).await.unwrap();
        lines(&checks)
    }

    async fn restored(&self, args: &Value, before: &Value) -> String {
        lines(&self.registry.restored(self.tool, args, before).await.unwrap())
    }

    async fn happened(&self, args: &Value, before: &Value) -> String {
        match self.registry.happened(self.tool, args, before).await {
            Ok(found) => found.unwrap_or_else(|| "nothing".to_owned()),
            Err(failure) => format!("failure: {failure}"),
        }
    }

    async fn refused(&self, args: Value) -> String {
        self.registry.before(self.tool, &args).await.unwrap_err().to_string()
    }
}

fn said(result: Result<String, tools::Failure>) -> String {
    result.unwrap_or_else(|failure| format!("failure: {failure}"))
}

fn lines(checks: &[tools::Check]) -> String {
    let line = |check: &tools::Check| {
        let mark = if check.passed { "pass" } else { "FAIL" };
        format!("{mark} {}: {}", check.name, check.found)
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
