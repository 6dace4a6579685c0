//! The real parts: dockerd, Prometheus and Alertmanager, on loopback, in a folder of their own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::past;

/// How long a part may take to start, or a state to be reached.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Predictions that a service has made before it breaks.
pub(crate) const WORK: usize = 600;
pub(crate) const TOKEN: &str = "live-suite-alertmanager";

pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    pub(crate) prometheus_port: u16,
    pub(crate) alertmanager_port: u16,
    pub(crate) agent_port: u16,
    pub(crate) service_port: u16,
    pub(crate) second_prometheus_port: u16,
    /// The port that the replicas of one service share.
    pub(crate) fleet_port: u16,
    pub(crate) client: reqwest::Client,
    /// The service's metrics after some work, as a scrape tells them.
    metrics: String,
    /// Bytes that the agent of this scenario read over HTTP, as it said last.
    pub(crate) received: AtomicU64,
    dockerd: Option<Child>,
    prometheus: Option<Child>,
    alertmanager: Option<Child>,
}

impl Lab {
    pub(crate) async fn start() -> Result<Self> {
        let mut ports = free_ports(7)?.into_iter();
        let mut port = || ports.next().context("no free port");
        let mut lab = Self {
            folder: tempfile::Builder::new().prefix("devops-agent-live").tempdir()?,
            prometheus_port: port()?,
            alertmanager_port: port()?,
            agent_port: port()?,
            service_port: port()?,
            second_prometheus_port: port()?,
            fleet_port: port()?,
            client: reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?,
            metrics: String::new(),
            received: AtomicU64::new(0),
            dockerd: None,
            prometheus: None,
            alertmanager: None,
        };
        lab.write_configuration()?;
        lab.start_dockerd().await?;
        lab.build_image().await?;
        lab.metrics = lab.metrics_after_work().await?;
        lab.start_alertmanager().await?;
        lab.start_prometheus().await?;
        Ok(lab)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn docker_host(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    fn write_configuration(&self) -> Result<()> {
        let write = |name: &str, text: String| std::fs::write(self.path(name), text);
        write(
            "prometheus.yml",
            format!(
                "global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}\n\
                 rule_files: [rules.yml]\n\
                 alerting: {{ alertmanagers: [ {{ static_configs: [ {{ targets: ['127.0.0.1:{}'] }} ] }} ] }}\n\
                 scrape_configs:\n- job_name: market-predictor\n  static_configs: [ {{ targets: ['127.0.0.1:{}'] }} ]\n\
                 - job_name: fleet\n  static_configs: [ {{ targets: ['127.0.0.1:{}'] }} ]\n",
                self.alertmanager_port, self.service_port, self.fleet_port
            ),
        )?;
        write("rules.yml", include_str!("rules.yml").to_owned())?;
        write(
            "alertmanager.yml",
            format!(
                "route: {{ receiver: agent, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}\n\
                 receivers:\n- name: agent\n  webhook_configs:\n  - url: 'http://127.0.0.1:{}/alerts'\n    send_resolved: true\n\
                 \x20   http_config: {{ authorization: {{ credentials: '{TOKEN}' }} }}\n",
                self.agent_port
            ),
        )?;
        Ok(())
    }

    fn spawn(&self, program: &str, arguments: &[String]) -> Result<Child> {
        let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = std::fs::File::options().create(true).append(true).open(self.path(&format!("{name}.log")))?;
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{program} does not start"))
    }

    pub(crate) async fn start_dockerd(&mut self) -> Result<()> {
        let at = |name: &str| self.path(name).display().to_string();
        let arguments = [
            format!("--data-root={}", at("docker-data")),
            format!("--exec-root={}", at("docker-exec")),
            format!("--pidfile={}", at("docker.pid")),
            format!("--host={}", self.docker_host()),
            "--iptables=false".to_owned(),
            "--bridge=none".to_owned(),
        ];
        self.dockerd = Some(self.spawn("/usr/sbin/dockerd", &arguments)?);
        self.until("dockerd answers", async |lab| lab.docker(&["version"]).await.is_ok()).await
    }

    pub(crate) async fn stop_dockerd(&mut self) {
        terminate(self.dockerd.take()).await;
    }

    /// What the service tells of itself after some work.
    async fn metrics_after_work(&self) -> Result<String> {
        let mut service = Command::new(predictor()?)
            .env("PORT", self.service_port.to_string())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.until("the service answers", async |lab| lab.work(lab.service_port, 1).await.is_ok()).await?;
        self.work(self.service_port, WORK).await?;
        let metrics = self.get(&format!("http://127.0.0.1:{}/metrics", self.service_port)).await?;
        service.kill().await?;
        Ok(metrics)
    }

    /// So many predictions: a service that nobody uses has no logs.
    pub(crate) async fn work(&self, port: u16, requests: usize) -> Result<()> {
        let url = format!("http://127.0.0.1:{port}/predict");
        for _ in 0..requests {
            self.get(&url).await?;
        }
        Ok(())
    }

    /// With an hour of the services' past.
    pub(crate) async fn start_prometheus(&mut self) -> Result<()> {
        let jobs = [("market-predictor", self.service_port), ("fleet", self.fleet_port)];
        past::write(&self.metrics, &jobs, chrono::Utc::now(), &self.path("prometheus-data")).await?;
        let arguments = [
            format!("--config.file={}", self.path("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", self.path("prometheus-data").display()),
            format!("--web.listen-address=127.0.0.1:{}", self.prometheus_port),
        ];
        self.prometheus = Some(self.spawn("prometheus", &arguments)?);
        let url = format!("http://127.0.0.1:{}/-/ready", self.prometheus_port);
        self.until("Prometheus is ready", async |lab| lab.get(&url).await.is_ok()).await
    }

    async fn kill_prometheus(&mut self) {
        if let Some(mut child) = self.prometheus.take() {
            let _ = child.kill().await;
        }
    }

    async fn start_alertmanager(&mut self) -> Result<()> {
        let arguments = [
            format!("--config.file={}", self.path("alertmanager.yml").display()),
            format!("--storage.path={}", self.path("alertmanager-data").display()),
            format!("--web.listen-address=127.0.0.1:{}", self.alertmanager_port),
            "--cluster.listen-address=".to_owned(),
        ];
        self.alertmanager = Some(self.spawn("prometheus-alertmanager", &arguments)?);
        let url = format!("http://127.0.0.1:{}/-/ready", self.alertmanager_port);
        self.until("Alertmanager is ready", async |lab| lab.get(&url).await.is_ok()).await
    }

    /// A Prometheus that was killed never takes its alerts back, and takes old ones up when it starts again: both start anew,
    /// without a past.
    pub(crate) async fn start_monitoring_anew(&mut self) -> Result<()> {
        self.kill_prometheus().await;
        terminate(self.alertmanager.take()).await;
        for folder in ["alertmanager-data", "prometheus-data"] {
            std::fs::remove_dir_all(self.path(folder))?;
        }
        self.start_alertmanager().await?;
        self.start_prometheus().await
    }

    async fn build_image(&self) -> Result<()> {
        let context = self.path("image");
        std::fs::create_dir_all(&context)?;
        let binary = predictor()?;
        std::fs::copy(&binary, context.join("market-predictor")).with_context(|| binary.clone())?;
        std::fs::write(context.join("Dockerfile"), include_str!("market-predictor/Dockerfile"))?;
        self.docker(&["build", "--quiet", "--tag", "market-predictor:live", &context.display().to_string()]).await?;
        Ok(())
    }

    /// Two images that are well, and one that is no longer well after some seconds.
    pub(crate) async fn build_images(&self) -> Result<()> {
        let context = self.path("image");
        for (tag, environment) in [("1", ""), ("2", ""), ("worse", "ENV SICK=3\n")] {
            let file = format!(
                "FROM scratch\nCOPY market-predictor /market-predictor\nENV VERSION={tag}\n{environment}ENV GRACEFUL=1\n\
                 HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD [\"/market-predictor\", \"healthcheck\"]\n\
                 ENTRYPOINT [\"/market-predictor\"]\n"
            );
            std::fs::write(context.join("Dockerfile"), file)?;
            let image = format!("market-predictor:{tag}");
            self.docker(&["build", "--quiet", "--tag", &image, &context.display().to_string()]).await?;
        }
        Ok(())
    }

    /// Docker's own client, on our dockerd.
    pub(crate) async fn docker(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("docker")
            .env("DOCKER_BUILDKIT", "0")
            .arg("--host")
            .arg(self.docker_host())
            .args(arguments)
            .output()
            .await
            .context("docker")?;
        if !output.status.success() {
            bail!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A fresh, healthy container, and nothing that fires.
    pub(crate) async fn fresh_service(&self, stop_timeout: u32) -> Result<()> {
        let _ = self.docker(&["rm", "--force", "market-predictor"]).await;
        let (port, timeout) = (format!("PORT={}", self.service_port), stop_timeout.to_string());
        self.docker(&[
            "run",
            "--detach",
            "--name",
            "market-predictor",
            "--network",
            "host",
            "--memory",
            "48m",
            "--memory-swap",
            "48m",
            "--stop-timeout",
            &timeout,
            "--env",
            &port,
            "market-predictor:live",
        ])
        .await?;
        let well = self.until("the service is well", async |lab| lab.not_well().await.is_empty()).await;
        if let Err(late) = well {
            bail!("{late}: {}", self.not_well().await.join(", "));
        }
        self.work(self.service_port, WORK).await
    }

    /// What still keeps the service from being well, or something from being silent.
    async fn not_well(&self) -> Vec<&'static str> {
        let health = self.docker(&["inspect", "--format", "{{.State.Health.Status}}", "market-predictor"]).await;
        let prometheus = |path: &str| format!("http://127.0.0.1:{}/api/v1/{path}", self.prometheus_port);
        // What the last scrape found. The series `up` has a past that was never scraped.
        let targets = self.get_json(&prometheus("targets?state=active")).await.unwrap_or_default();
        let scraped = targets.pointer("/data/activeTargets").and_then(Value::as_array).is_some_and(|targets| {
            targets.iter().any(|target| target["scrapePool"] == "market-predictor" && target["health"] == "up")
        });
        // Not by the series ALERTS: a Prometheus that was killed leaves it standing for five minutes.
        let alerts = self.get_json(&prometheus("alerts")).await.unwrap_or_default();
        let sent = self.get_json(&format!("http://127.0.0.1:{}/api/v2/alerts", self.alertmanager_port)).await;
        let none = |found: Option<&Value>| found.and_then(Value::as_array).is_some_and(Vec::is_empty);
        [
            ("its container is not healthy", health.is_ok_and(|health| health == "healthy")),
            ("Prometheus has not scraped it", scraped),
            ("Prometheus has an alert", none(alerts.pointer("/data/alerts"))),
            ("Alertmanager has an alert", none(sent.ok().as_ref())),
        ]
        .into_iter()
        .filter(|(_, holds)| !holds)
        .map(|(what, _)| what)
        .collect()
    }

    pub(crate) async fn switch(&self, name: &str) {
        let url = format!("http://127.0.0.1:{}/switch/{name}", self.service_port);
        // A switch that ends the process gives no answer.
        let _ = self.client.post(url).send().await;
    }

    pub(crate) async fn get(&self, url: &str) -> Result<String> {
        Ok(self.client.get(url).send().await?.error_for_status()?.text().await?)
    }

    pub(crate) async fn get_json(&self, url: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.get(url).await?)?)
    }

    /// Asks until it holds; gives up after [`PATIENCE`].
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !holds(self).await {
            if begun.elapsed() > PATIENCE {
                bail!("after {} s it still does not hold that {what}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) async fn stop(mut self) {
        let _ = self.docker(&["rm", "--force", "market-predictor"]).await;
        terminate(self.prometheus.take()).await;
        terminate(self.alertmanager.take()).await;
        self.stop_dockerd().await;
        // dockerd leaves its network namespace mounted, and a mounted folder cannot be removed.
        let mounted = self.path("docker-exec/netns/default");
        let _ = Command::new("umount").arg(&mounted).stderr(Stdio::null()).status().await;
        if let Err(error) = self.folder.close() {
            eprintln!("the suite's folder could not be removed: {error}");
        }
    }
}

fn predictor() -> Result<String> {
    std::env::var("MARKET_PREDICTOR_BINARY").context("MARKET_PREDICTOR_BINARY is not set; use tests/live/run")
}

/// SIGTERM, and SIGKILL if that does not help.
async fn terminate(child: Option<Child>) {
    let Some(mut child) = child else { return };
    if let Some(id) = child.id() {
        let _ = Command::new("kill").arg(id.to_string()).status().await;
    }
    if tokio::time::timeout(Duration::from_secs(20), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    Ok(listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?)
}
