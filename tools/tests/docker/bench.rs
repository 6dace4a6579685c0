//! A service on a real engine, and the hands on it.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tools::{
    Catalogue, Check, DeployService, Failure, Mint, Origin, Registry, RestartContainer, RollbackService, ScaleService,
    Service, SharedCatalogue, SystemClock, Undo, UpdateResources, reach::Docker,
};

pub(crate) const IGNORED: &str = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER";

pub(crate) fn host() -> String {
    std::env::var("DEVOPS_AGENT_TEST_DOCKER").expect(IGNORED)
}

pub(crate) fn binary() -> String {
    std::env::var("MARKET_PREDICTOR_BINARY").expect("MARKET_PREDICTOR_BINARY is not set; see tests/live/run")
}

/// Docker's own client.
pub(crate) fn docker(arguments: &[&str]) -> String {
    tried(arguments).unwrap_or_else(|error| panic!("docker {}: {error}", arguments.join(" ")))
}

pub(crate) fn tried(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").env("DOCKER_BUILDKIT", "0").arg("--host").arg(host()).args(arguments).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Three images: two that are well, and one that never is.
pub(crate) fn images() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("devops-agent-images-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(binary(), folder.join("market-predictor")).unwrap();
        for (tag, environment) in [("1", ""), ("2", ""), ("sick", "ENV SICK=start\n"), ("dies", "ENV PORT=none\n")] {
            let file = format!(
                "FROM scratch\nCOPY market-predictor /market-predictor\nENV VERSION={tag}\n{environment}ENV GRACEFUL=1\n\
                 HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD [\"/market-predictor\", \"healthcheck\"]\n\
                 ENTRYPOINT [\"/market-predictor\"]\n"
            );
            std::fs::write(folder.join("Dockerfile"), file).unwrap();
            docker(&["build", "--quiet", "--tag", &format!("market-predictor:{tag}"), &folder.display().to_string()]);
        }
        std::fs::remove_dir_all(folder).unwrap();
    });
}

/// One service and everything that is made for it; all of it goes when it is dropped.
pub(crate) struct Bench {
    pub(crate) service: String,
    pub(crate) registry: Registry,
    mint: Mint,
    pub(crate) by: BTreeMap<String, String>,
}

impl Bench {
    /// The hands on one service that is known by these labels.
    pub(crate) fn new(service: &str, label: (&str, &str), host: &str) -> Self {
        images();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let labels = BTreeMap::from([(label.0.to_owned(), label.1.to_owned())]);
        let known = Service { labels: labels.clone(), ..Service::named(service, Origin::Settings) };
        let catalogue = SharedCatalogue::new(Catalogue::new([known]));
        let (registry, mint) = hands(host, catalogue);
        Self { service: service.to_owned(), registry, mint, by: labels }
    }

    /// A service as Compose makes it, on a network of its own.
    pub(crate) fn compose(service: &str, replicas: u32, more: &[&str]) -> Self {
        let bench = Self::new(service, ("com.docker.compose.service", service), &host());
        bench.clear();
        docker(&["network", "create", service]);
        for number in 1..=replicas {
            let (name, number) =
                (format!("lab-{service}-{number}"), format!("com.docker.compose.container-number={number}"));
            let label = format!("com.docker.compose.service={service}");
            let mut arguments =
                vec!["run", "--detach", "--name", &name, "--network", service, "--network-alias", service];
            arguments.extend(["--label", &label, "--label", "com.docker.compose.project=lab", "--label", &number]);
            arguments.extend(["--label", "devops-agent.drain=1s", "--env", "LISTEN=0.0.0.0", "--restart", "always"]);
            arguments.extend(more);
            arguments.push("market-predictor:1");
            docker(&arguments);
        }
        bench.until_healthy(replicas);
        bench
    }

    /// A service on the host's network, whose replicas share a port.
    pub(crate) fn sharing(service: &str, replicas: u32, port: &str) -> Self {
        let bench = Self::new(service, ("devops-agent.service", service), &host());
        bench.clear();
        let (label, port) = (format!("devops-agent.service={service}"), format!("PORT={port}"));
        for number in 1..=replicas {
            let name = format!("{service}-{number}");
            docker(&[
                "run",
                "--detach",
                "--name",
                &name,
                "--network",
                "host",
                "--label",
                &label,
                "--label",
                "devops-agent.port-sharing=true",
                "--label",
                "devops-agent.drain=500ms",
                "--env",
                "PORT_SHARING=1",
                "--env",
                &port,
                "market-predictor:1",
            ]);
        }
        bench.until_healthy(replicas);
        bench
    }

    pub(crate) fn args(&self, more: Value) -> Value {
        let mut args = json!({"service": self.service, "reason": "a test"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        args
    }

    pub(crate) async fn before(&self, tool: &str, args: &Value) -> Value {
        self.registry.before(tool, args).await.unwrap()
    }

    pub(crate) async fn apply(&self, tool: &str, args: &Value, before: &Value) -> Result<String, Failure> {
        self.registry.apply(self.mint.permit(tool, args), tool, args, before).await
    }

    pub(crate) async fn undo(&self, tool: &str, args: &Value, before: &Value) -> Undo {
        self.registry.undo(self.mint.permit(tool, args), tool, args, before).await.unwrap()
    }

    pub(crate) async fn happened(&self, tool: &str, args: &Value, before: &Value) -> Option<String> {
        self.registry.happened(tool, args, before).await.unwrap()
    }

    /// Asked until all checks pass.
    pub(crate) async fn proven(&self, tool: &str, args: &Value, before: &Value) {
        let begun = Instant::now();
        loop {
            let checks = self.registry.verify(tool, args, before).await.unwrap();
            if passed(&checks) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{checks:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn restored(&self, tool: &str, args: &Value, before: &Value) {
        let begun = Instant::now();
        loop {
            let checks = self.registry.restored(tool, args, before).await.unwrap();
            if passed(&checks) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{checks:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Done, proven, taken back, and the state before stands again.
    pub(crate) async fn there_and_back(&self, tool: &str, more: Value) {
        let args = self.args(more);
        let before = self.before(tool, &args).await;
        println!("{tool}: {}", self.registry.effect(tool, &args, &before).unwrap().says);
        assert_eq!(self.happened(tool, &args, &before).await, None);
        println!("  {}", self.apply(tool, &args, &before).await.unwrap());
        self.proven(tool, &args, &before).await;
        println!("  found: {}", self.happened(tool, &args, &before).await.unwrap());
        // Once more changes nothing.
        self.apply(tool, &args, &before).await.unwrap();
        self.proven(tool, &args, &before).await;
        println!("  {:?}", self.undo(tool, &args, &before).await);
        self.restored(tool, &args, &before).await;
        self.undo(tool, &args, &before).await;
        self.restored(tool, &args, &before).await;
    }

    /// What there is, by name, image and state, sorted.
    pub(crate) fn containers(&self) -> Vec<String> {
        let mut arguments = vec!["ps", "--all", "--format", "{{.Names}} {{.Image}} {{.State}}"];
        let filters: Vec<_> = self.by.iter().map(|(key, value)| format!("label={key}={value}")).collect();
        filters.iter().for_each(|filter| arguments.extend(["--filter", filter.as_str()]));
        let mut lines: Vec<_> = docker(&arguments).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    pub(crate) fn until_healthy(&self, count: u32) {
        let begun = Instant::now();
        loop {
            let filters: Vec<_> = self.by.iter().map(|(key, value)| format!("label={key}={value}")).collect();
            let mut arguments = vec!["ps", "--filter", "health=healthy", "--quiet"];
            filters.iter().for_each(|filter| arguments.extend(["--filter", filter.as_str()]));
            if docker(&arguments).lines().count() == count as usize {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{:#?}", self.containers());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn clear(&self) {
        for (key, value) in &self.by {
            let ids = docker(&["ps", "--all", "--quiet", "--filter", &format!("label={key}={value}")]);
            for id in ids.lines() {
                let _ = tried(&["rm", "--force", id]);
            }
        }
        let _ = tried(&["network", "rm", &self.service]);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.clear();
    }
}

fn hands(host: &str, catalogue: SharedCatalogue) -> (Registry, Mint) {
    let docker = || Some(Arc::new(Docker::connect(host, Duration::from_secs(20)).unwrap()));
    let client = reqwest::Client::new;
    let timeout = Duration::from_secs(2);
    let clock = || Arc::new(SystemClock);
    let (registry, mint) = Registry::new();
    let registry = registry
        .change(ScaleService::new(docker(), catalogue.clone(), clock(), client(), timeout))
        .change(UpdateResources::new(docker(), catalogue.clone(), clock(), client(), timeout))
        .change(DeployService::new(docker(), catalogue.clone(), clock(), client(), timeout))
        .change(RollbackService::new(docker(), catalogue.clone(), clock(), client(), timeout, None))
        .change(RestartContainer::new(docker(), catalogue, clock(), client(), timeout));
    (registry, mint)
}

pub(crate) fn passed(checks: &[Check]) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.passed)
}
