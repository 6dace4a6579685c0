//! Constant load while a hand works, every request counted.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use serde_json::Value;
use tokio::{process::Command, task::JoinHandle};

use crate::bench::{binary, host};

/// Requests answered, requests failed, and why.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) why: Vec<String>,
    pub(crate) versions: std::collections::BTreeMap<String, u64>,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Counted>,
}

impl Load {
    /// From inside a network, by name.
    pub(crate) fn on_network(network: &str, target: &str) -> Self {
        let host = host();
        let arguments =
            ["--host", &host, "run", "--rm", "--network", network, "market-predictor:1", "load", target, "3", "6"];
        Self::start("docker".to_owned(), arguments.map(str::to_owned).to_vec())
    }

    /// From the host.
    pub(crate) fn on_host(target: &str) -> Self {
        Self::start(binary(), ["load", target, "3", "6"].map(str::to_owned).to_vec())
    }

    fn start(program: String, arguments: Vec<String>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut all = Counted::default();
            // Two at a time, so that there is no pause between rounds; a round after the end sees what came of it.
            let rounds = || async {
                let output = Command::new(&program).args(&arguments).stdin(Stdio::null()).output().await.unwrap();
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                serde_json::from_str::<Value>(text.trim())
                    .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
            };
            while !stopped.load(SeqCst) {
                let (one, other) = tokio::join!(rounds(), rounds());
                for counted in [one, other] {
                    all.ok += counted["ok"].as_u64().unwrap();
                    all.failed += counted["failed"].as_u64().unwrap();
                    if counted["why"] != serde_json::json!({}) {
                        all.why.push(counted["why"].to_string());
                    }
                    for (version, count) in counted["versions"].as_object().unwrap() {
                        *all.versions.entry(version.clone()).or_default() += count.as_u64().unwrap();
                    }
                }
            }
            all
        });
        Self { stop, task }
    }

    pub(crate) async fn end(self) -> Counted {
        self.stop.store(true, SeqCst);
        self.task.await.unwrap()
    }
}
