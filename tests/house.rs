//! The program itself, in a folder of its own: its commands, and a `serve` that runs.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::stage::answer;

/// The longest that anything here may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with the settings of one agent.
pub(crate) struct House {
    folder: tempfile::TempDir,
}

impl House {
    /// `more` are settings beside those of three services, in `[memory]` to begin with.
    pub(crate) fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[docker]\nhost = \"none\"\n[http]\nlisten = \"127.0.0.1:0\"\n[log]\nfilter = \"info\"\n\
             [services.api]\ncontainer = \"api\"\n[services.broker]\ncontainer = \"broker\"\n[services.vault]\n\
             container = \"vault\"\n[memory]\nfolder = \"kept\"\n{more}"
        );
        std::fs::write(folder.path().join("devops-agent.toml"), settings).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devops-agent"));
        command.current_dir(self.folder.path()).args(arguments);
        command
    }

    /// The program with these arguments; gives its code, its standard output and its standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        done(self.command(arguments).env("DEVOPS_AGENT__LOG__FILTER", "off"))
    }

    /// Whether this stands anywhere in a file of the embedded store.
    pub(crate) fn keeps(&self, text: &str) -> bool {
        holds(&self.path("kept"), text)
    }

    pub(crate) fn serve(&self) -> Agent {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut child = self.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let address = said.by_ref().map(Result::unwrap).find_map(|line| {
            let found = line.contains("ready").then(|| line.split("address=").nth(1).map(str::to_owned)).flatten();
            log.push(line);
            found
        });
        let address = address.unwrap_or_else(|| panic!("it did not start: {log:#?}"));
        // A pipe that nobody reads would hold the agent up.
        std::thread::spawn(move || said.for_each(drop));
        Agent { child, url: format!("http://{address}"), address, client: reqwest::Client::new() }
    }
}

/// What a command comes to: its code, its standard output and its standard error.
pub(crate) fn done(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let [told, complained] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(!complained.contains("panicked"), "{complained}");
    (output.status.code(), told, complained)
}

fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text)
    })
}

/// What Alertmanager sends of one alert.
pub(crate) fn notification(service: &str, name: &str, summary: &str) -> Value {
    let alert = json!({ "fingerprint": name, "status": "firing", "startsAt": "2026-11-20T09:00:00Z",
        "labels": { "alertname": name, "service": service }, "annotations": { "summary": summary } });
    json!({ "receiver": "r", "groupKey": name, "alerts": [alert] })
}

/// A `serve` that runs.
pub(crate) struct Agent {
    child: Child,
    url: String,
    pub(crate) address: String,
    client: reqwest::Client,
}

impl Agent {
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(format!("{}{path}", self.url))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, told) = answer(self.client.post(format!("{}{path}", self.url)).json(body)).await;
        assert!(matches!(status, 200 | 202), "{path}: {status} {told}");
        told
    }

    /// Sends an alert, and waits until the incident that it opened is over.
    pub(crate) async fn over(&self, service: &str, name: &str, summary: &str) {
        self.post("/alerts", &notification(service, name, summary)).await;
        let closed = |told: &Value| {
            let incidents = told["incidents"].as_array().unwrap().iter();
            let mut of_it = incidents.filter(|incident| incident["title"].as_str().unwrap().contains(name));
            of_it.any(|incident| incident["phase"] == "closed")
        };
        self.until("/incidents", closed).await;
    }

    /// Asks until the answer is as it should be.
    pub(crate) async fn until(&self, path: &str, right: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.get(path).await.1;
                if right(&last) {
                    return;
                }
            }
        };
        let came = tokio::time::timeout(PATIENCE, asking).await;
        assert!(came.is_ok(), "{path} stays at {last}");
        last
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It is gone already where a test came to its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
