//! What the tests share: an agent in the world of a case, and an agent behind HTTP.

use std::{path::Path, process::Command, sync::Arc};

use axum::Router;
use devops_agent::{
    config::Settings,
    eval::{Stage, WorldClock},
    http,
    incident::{Entry, Incident},
    parts::Parts,
};
use evals::{Case, World};
use serde_json::Value;

/// The agent in the world of a case that is compiled in; `more` are settings as TOML.
pub(crate) async fn stage(case: &str, more: &str) -> (Stage, Value) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let case = Case::from_embedded(case).unwrap();
    let alert = case.alert.clone();
    (Stage::set(case, more).await.unwrap(), alert)
}

/// The same, played to its end.
pub(crate) async fn played(case: &str, more: &str) -> (Stage, Incident, Vec<Entry>) {
    let (stage, alert) = stage(case, more).await;
    let (incident, entries) = stage.play(&alert).await.unwrap();
    (stage, incident, entries)
}

/// A server over parts that look at nothing; nobody works on what it takes in.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) parts: Parts,
    pub(crate) client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start(more: &str) -> Self {
        Self::beside("none", more).await
    }

    /// The same over parts that have this Docker.
    pub(crate) async fn beside(docker: &str, more: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut settings =
            Settings::from_toml(&format!("[docker]\nhost = \"{docker}\"\n[services.api]\ncontainer = \"api\"\n{more}"))
                .unwrap();
        settings.journal.path = folder.path().join("journal.db");
        let world = World::start(Case::from_embedded("container-killed").unwrap()).await.unwrap();
        let parts = Parts::build(settings, Arc::new(WorldClock::new(world))).unwrap();
        let url = serve(http::router(parts.http(parts.clock.now()))).await;
        Self { url, parts, client: reqwest::Client::new(), _folder: folder }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request =
            self.client.post(format!("{}{path}", self.url)).header("content-type", "application/json").body(body);
        answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.client.get(format!("{}{path}", self.url))).await
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

/// The journal's story, a word a line.
pub(crate) fn story(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.event.name().to_owned()).collect()
}

/// The program itself, in a folder of its own; what it told and complained of is one text.
pub(crate) fn program(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let binary = env!("CARGO_BIN_EXE_devops-agent");
    let output = Command::new(binary).current_dir(folder).args(arguments).output().unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code(), told.concat())
}
