//! Stands between the client and the double: judges what goes through, and can cut the client off after any request.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::openapi::{Exchange, problems};

/// What went through, and after how many requests the client gets no answer any more.
#[derive(Default)]
struct Seen {
    exchanges: Vec<Exchange>,
    problems: Vec<String>,
    cut_after: Option<usize>,
}

#[derive(Clone)]
struct Between {
    to: String,
    client: reqwest::Client,
    seen: Arc<Mutex<Seen>>,
    cut: watch::Sender<bool>,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) url: String,
    between: Between,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(to: String) -> Self {
        let _ = tools_client_provider();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let between = Between { to, client, seen: Arc::default(), cut: watch::channel(false).0 };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(through).with_state(between.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, between, task }
    }

    /// Methods and paths of what went through since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        let exchanges = std::mem::take(&mut self.between.seen.lock().unwrap().exchanges);
        exchanges.iter().map(|one| format!("{} {} {}", one.method, one.path, one.status)).collect()
    }

    /// The next `requests` are done, and of the last of them the client never hears.
    pub(crate) fn cut_after(&self, requests: Option<usize>) {
        self.between.cut.send_replace(false);
        self.between.seen.lock().unwrap().cut_after = requests;
    }

    /// Ends when the client was cut off.
    pub(crate) async fn was_cut(&self) {
        self.between.cut.subscribe().wait_for(|cut| *cut).await.unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        let problems = std::mem::take(&mut self.between.seen.lock().unwrap().problems);
        if !problems.is_empty() && !std::thread::panicking() {
            panic!("against GitHub's own description:\n{}", problems.join("\n"));
        }
    }
}

/// Several tests may come here first; the one provider serves all.
fn tools_client_provider() -> Result<(), Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::ring::default_provider().install_default()
}

async fn through(State(between): State<Between>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    let rest = head.uri.path_and_query().unwrap().as_str();
    let mut sent = between.client.request(head.method.clone(), format!("{}{rest}", between.to));
    for name in [header::AUTHORIZATION, header::ACCEPT, header::CONTENT_TYPE] {
        if let Some(value) = head.headers.get(&name) {
            sent = sent.header(name, value);
        }
    }
    let Ok(answer) = sent.body(body.clone()).send().await else {
        return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap();
    };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let answer = answer.bytes().await.unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let url = reqwest::Url::parse(&format!("http://x{rest}")).unwrap();
    let exchange = Exchange {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        sent: json(&body),
        status: status.as_u16(),
        answer: json(&answer),
    };
    if note(&between, exchange) {
        between.cut.send_replace(true);
        std::future::pending::<()>().await;
    }
    answered(status, &headers, answer.to_vec())
}

/// Judges and notes an exchange; whether the client is cut off after it.
fn note(between: &Between, exchange: Exchange) -> bool {
    let mut seen = between.seen.lock().unwrap();
    seen.problems.extend(problems(&exchange));
    seen.exchanges.push(exchange);
    match &mut seen.cut_after {
        Some(left) if *left <= 1 => {
            *left = 0;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

fn answered(status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Response {
    let mut response = Response::builder().status(status);
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    response.body(Body::from(body)).unwrap()
}
