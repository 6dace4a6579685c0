//! A world with a repository, and the tools over the real client.

use std::{sync::Arc, time::Duration};

use evals::{Case, GitHubRepository, NewRepository, World};
use serde_json::{Value, json};
use tools::{
    Catalogue, Check, Effect, Failure, ListChanges, Mint, OpenPr, Origin, ReadFile, Registry, SearchCode, Service,
    SharedCatalogue, SharedClock, Undo,
    reach::{Docker, GitHub},
};

use crate::{proxy::Proxy, world_clock::WorldClock};

pub(crate) const TOOL: &str = "open_pr";
pub(crate) const NAME: &str = "market/market-predictor";

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) repository: GitHubRepository,
    pub(crate) proxy: Proxy,
    pub(crate) registry: Registry,
    mint: Mint,
}

/// The repository that most tests begin with.
pub(crate) fn usual() -> NewRepository {
    NewRepository::new(NAME)
        .file("README.md", "# market-predictor\n")
        .file("deploy/predictor.env", "LOG_LEVEL=info\nFEATURE_STORE_TIMEOUT_MS=40\nWORKERS=4\n")
        .file("deploy/db.env", "DB_PASSWORD=hunter2\nDB_HOST=db\n")
        .executable("deploy/run.sh", "#!/bin/sh\nexec predictor\n")
        .binary("logo.png", &[0xff, 0xfe, 0, 1])
        .link("current", "deploy/predictor.env")
}

pub(crate) fn call(content: &str) -> Value {
    json!({
        "service": "market-predictor",
        "title": "Give the feature store 400 ms",
        "body": "40 ms cuts off a third of the reads.",
        "files": [{ "path": "deploy/predictor.env", "content": content }],
        "reason": "reads take 120 ms at the 95th percentile",
    })
}

pub(crate) fn usual_call() -> Value {
    call("LOG_LEVEL=info\nFEATURE_STORE_TIMEOUT_MS=400\nWORKERS=4\n")
}

impl Stage {
    pub(crate) async fn of(new: NewRepository) -> Self {
        let world = World::start(Case::from_embedded("container-killed").unwrap()).await.unwrap();
        world.add_repository(new);
        let repository = world.repository(NAME).unwrap();
        let proxy = Proxy::start(world.github_url()).await;
        let clock: SharedClock = Arc::new(WorldClock(world.clone()));
        let github = GitHub::new(&proxy.url, Some("t0ken".to_owned().into()), Duration::from_secs(5), clock.clone());
        let github = Some(Arc::new(github.unwrap()));
        let docker = Some(Arc::new(Docker::connect(&world.docker_url(), Duration::from_secs(5)).unwrap()));
        let predictor = Service {
            container: Some("market-predictor".into()),
            repository: Some(NAME.into()),
            ..Service::named("market-predictor", Origin::Settings)
        };
        let bare = Service { container: Some("gateway".into()), ..Service::named("gateway", Origin::Settings) };
        let lost = Service { repository: Some("market/lost".into()), ..Service::named("lost", Origin::Settings) };
        let nothing = Service::named("nothing", Origin::Settings);
        let catalogue = SharedCatalogue::new(Catalogue::new([predictor, bare, lost, nothing]));
        let (registry, mint) = Registry::new();
        let registry = registry
            .change(OpenPr::new(github.clone(), catalogue.clone()))
            .look(ReadFile::new(github.clone(), catalogue.clone()))
            .look(SearchCode::new(github.clone(), catalogue.clone()))
            .look(ListChanges::new(docker, github, catalogue, clock));
        Self { world, repository, proxy, registry, mint }
    }

    pub(crate) async fn usual() -> Self {
        Self::of(usual()).await
    }

    /// The text that a model reads of one call.
    pub(crate) async fn read(&self, tool: &str, args: Value) -> String {
        self.registry.run(tool, &args).await.map_or_else(|failure| format!("failure: {failure}"), |answer| answer.text)
    }

    pub(crate) async fn before(&self, args: &Value) -> Result<Value, Failure> {
        self.registry.before(TOOL, args).await
    }

    pub(crate) fn effect(&self, args: &Value, before: &Value) -> Effect {
        self.registry.effect(TOOL, args, before).unwrap()
    }

    pub(crate) async fn apply(&self, args: &Value, before: &Value) -> Result<String, Failure> {
        self.registry.apply(self.mint.permit(TOOL, args), TOOL, args, before).await
    }

    pub(crate) async fn undo(&self, args: &Value, before: &Value) -> Result<Undo, Failure> {
        self.registry.undo(self.mint.permit(TOOL, args), TOOL, args, before).await
    }

    pub(crate) async fn happened(&self, args: &Value, before: &Value) -> Option<String> {
        self.registry.happened(TOOL, args, before).await.unwrap()
    }

    pub(crate) async fn verify(&self, args: &Value, before: &Value) -> Vec<Check> {
        self.registry.verify(TOOL, args, before).await.unwrap()
    }

    pub(crate) async fn restored(&self, args: &Value, before: &Value) -> bool {
        self.registry.restored(TOOL, args, before).await.unwrap().iter().all(|check| check.passed)
    }

    pub(crate) fn open_pull_requests(&self) -> usize {
        self.repository.pull_requests().iter().filter(|pull| pull.open).count()
    }

    /// Branches beside `main`.
    pub(crate) fn own_branches(&self) -> Vec<String> {
        self.repository.branches().into_keys().filter(|branch| branch != "main").collect()
    }
}

pub(crate) fn passed(checks: &[Check]) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.passed)
}

pub(crate) fn shown(checks: &[Check]) -> String {
    let line = |check: &Check| format!("{} {}: {}", if check.passed { "+" } else { "-" }, check.name, check.found);
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}
