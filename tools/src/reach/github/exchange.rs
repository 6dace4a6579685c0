//! One request and its answer: bounded in time and size, and told without credentials when it fails.

use http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use octocrab::Error;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{GitHub, reply::Reply};
use crate::{Failure, System, text};

/// Bytes that an answer may have.
const ANSWER_MAX: usize = 8 << 20;
const JSON: &str = "application/vnd.github+json";
/// With the lines around what was found.
pub(super) const TEXT_MATCH: &str = "application/vnd.github.text-match+json";

type Parameters<'a> = &'a [(&'a str, String)];

impl GitHub {
    pub(super) async fn get(&self, path: &str, query: Parameters<'_>) -> Result<Reply, Failure> {
        self.get_as(JSON, path, query).await
    }

    pub(super) async fn get_as(&self, accept: &str, path: &str, query: Parameters<'_>) -> Result<Reply, Failure> {
        let query = Serializer::new(String::new()).extend_pairs(query).finish();
        let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.ask(Method::GET, accept, &uri, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.ask(Method::POST, JSON, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.ask(Method::PATCH, JSON, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.ask(Method::DELETE, JSON, path, None).await
    }

    async fn ask(&self, method: Method, accept: &str, uri: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let late = format!("no answer within {} ms", self.timeout.as_millis());
        let exchange = self.exchange(method, accept, uri, body);
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::unreachable(System::GitHub, late)))
    }

    async fn exchange(&self, method: Method, accept: &str, uri: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let builder = Request::builder().method(method).uri(uri).header(header::ACCEPT, accept);
        let unfit = |error: Error| Failure::Tell(format!("GitHub cannot be asked for this: {}", cause(&error)));
        let request = self.client.build_request(builder, body).map_err(unfit)?;
        let seen = |error: Error| Failure::unreachable(System::GitHub, cause(&error));
        let (head, body) = self.client.execute(request).await.map_err(seen)?.into_parts();
        let mut answer = Response::from_parts(head, body);
        let mut read = Vec::new();
        while let Some(frame) = answer.body_mut().frame().await {
            let Ok(chunk) = frame.map_err(seen)?.into_data() else { continue };
            if read.len() + chunk.len() > ANSWER_MAX {
                let what = format!("the answer of GitHub is larger than {ANSWER_MAX} bytes; ask for less");
                return Err(Failure::Tell(what));
            }
            read.extend_from_slice(&chunk);
        }
        Reply::of(answer.status(), answer.headers(), read, self.clock.now())
    }
}

/// The innermost cause. The outer ones name the place in octocrab, which helps nobody.
pub(super) fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(found) = cause.source() {
        cause = found;
    }
    text::one_line(&text::clean(&cause.to_string()), 300)
}
