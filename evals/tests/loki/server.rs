//! The double on a loopback port, and a client.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use evals::loki::{LogStore, router};
use serde_json::Value;

/// A running double; it ends with the test's runtime.
pub(crate) struct Server {
    address: String,
    pub(crate) client: reqwest::Client,
}

/// An answer: status, content type and body, which is text if it is no JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

impl Server {
    /// Serves `store`, at a time that stands still.
    pub(crate) async fn start(store: LogStore, now: i64) -> Self {
        let _installed_by_another_test = rustls::crypto::ring::default_provider().install_default();
        let router = router(Arc::new(RwLock::new(store)), Arc::new(move || now));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Sends a request with parameters in its address.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        parameters: &[(String, String)],
        categorize: bool,
    ) -> Answer {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, self.url(path)).query(parameters);
        if categorize {
            request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels");
        }
        answer(request.send().await.unwrap()).await
    }

    /// A GET.
    pub(crate) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.ask("GET", path, &parameters, false).await
    }
}

/// Reads an answer.
pub(crate) async fn answer(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let text = response.text().await.unwrap();
    let is_json = content_type.starts_with("application/json");
    let mut body = if is_json { serde_json::from_str(&text).unwrap() } else { Value::String(text) };
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        data.remove("stats");
    }
    Answer { status, content_type, body }
}

/// A request's parameters from a fixture: text, numbers or lists of text.
pub(crate) fn parameters(of: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = of.as_object().unwrap().iter().flat_map(|(name, value)| match value.as_array() {
        Some(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
        None => vec![(name.clone(), text(value))],
    });
    pairs.collect()
}

/// Labels from pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}
