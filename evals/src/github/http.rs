//! The REST API's addresses, and GitHub's way of saying no.
//!
//! Source: <https://docs.github.com/rest>

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use serde_json::{Value, json};

use super::{Hub, activity, document, files, git_data, pull_request, repository::Repository};
use crate::world::Shared;

const LIMIT: u64 = 5_000;

/// What every handler needs.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) hub: Hub,
    pub(super) shared: Shared,
}

impl Server {
    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.shared.now().div_euclid(1000)
    }

    /// Answers from a repository, or that there is none.
    pub(super) fn of(
        &self,
        owner: &str,
        name: &str,
        answer: impl FnOnce(&mut Repository) -> Result<Response, No>,
    ) -> Response {
        let answered = self.hub.with(&format!("{owner}/{name}"), answer).unwrap_or_else(|| Err(No::found()));
        answered.unwrap_or_else(IntoResponse::into_response)
    }

    /// As [`Server::of`], for what the token must be allowed to write.
    pub(super) fn write(
        &self,
        owner: &str,
        name: &str,
        answer: impl FnOnce(&mut Repository) -> Result<Response, No>,
    ) -> Response {
        self.of(owner, name, |repository| {
            if repository.rules.archived {
                return Err(No::say(StatusCode::FORBIDDEN, "Repository was archived so is read-only."));
            }
            if repository.rules.read_only {
                return Err(No::say(StatusCode::FORBIDDEN, "Resource not accessible by personal access token"));
            }
            answer(repository)
        })
    }
}

/// A no in GitHub's words.
#[derive(Debug)]
pub(super) struct No {
    status: StatusCode,
    message: String,
    errors: Vec<Value>,
}

impl No {
    pub(super) fn say(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), errors: Vec::new() }
    }

    pub(super) fn found() -> Self {
        Self::say(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 422 in one sentence.
    pub(super) fn valid(message: &str) -> Self {
        Self::say(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 422 with what is wrong with a field.
    pub(super) fn field(resource: &str, field: &str, message: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": "custom", "message": message });
        Self { errors: vec![error], ..Self::valid("Validation Failed") }
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.as_u16().to_string(),
        });
        if let (false, Some(fields)) = (self.errors.is_empty(), body.as_object_mut()) {
            fields.insert("errors".to_owned(), Value::Array(self.errors));
        }
        (self.status, Json(body)).into_response()
    }
}

/// 200 with a document.
pub(super) fn fine(document: Value) -> Result<Response, No> {
    Ok(Json(document).into_response())
}

/// 201 with a document.
pub(super) fn created(document: Value) -> Result<Response, No> {
    Ok((StatusCode::CREATED, Json(document)).into_response())
}

/// A text of a request's body.
pub(super) fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, No> {
    let missing = || No::valid(&format!("Invalid request.\n\n\"{field}\" wasn't supplied."));
    body.get(field).and_then(Value::as_str).ok_or_else(missing)
}

/// Serves GitHub.
pub(crate) fn router(hub: Hub, shared: Shared) -> Router {
    let server = Server { hub, shared };
    Router::new()
        .route("/rate_limit", get(rate_limit))
        .route("/search/code", get(files::search))
        .route("/repos/{owner}/{name}", get(repository))
        .route("/repos/{owner}/{name}/contents/", get(files::root))
        .route("/repos/{owner}/{name}/contents/{*path}", get(files::contents))
        .route("/repos/{owner}/{name}/git/ref/{*reference}", get(git_data::reference))
        .route("/repos/{owner}/{name}/git/refs", post(git_data::create_reference))
        .route(
            "/repos/{owner}/{name}/git/refs/{*reference}",
            patch(git_data::move_reference).delete(git_data::delete_reference),
        )
        .route("/repos/{owner}/{name}/git/trees", post(git_data::create_tree))
        .route("/repos/{owner}/{name}/git/trees/{sha}", get(git_data::tree))
        .route("/repos/{owner}/{name}/git/blobs/{sha}", get(git_data::blob))
        .route("/repos/{owner}/{name}/git/commits", post(git_data::create_commit))
        .route("/repos/{owner}/{name}/git/commits/{sha}", get(git_data::commit))
        .route("/repos/{owner}/{name}/pulls", get(pull_request::list).post(pull_request::open))
        .route("/repos/{owner}/{name}/pulls/{number}", patch(pull_request::change))
        .route("/repos/{owner}/{name}/pulls/{number}/files", get(pull_request::files))
        .route("/repos/{owner}/{name}/issues/{number}/labels", post(pull_request::label))
        .route("/repos/{owner}/{name}/commits", get(activity::commits))
        .route("/repos/{owner}/{name}/actions/runs", get(activity::runs))
        .route("/repos/{owner}/{name}/compare/{*basehead}", get(activity::compare))
        .fallback(async || No::found())
        .layer(middleware::from_fn_with_state(server.clone(), known))
        .layer(DefaultBodyLimit::max(40 << 20))
        .with_state(server)
}

/// A token is needed, and any will do; every answer tells the limit.
async fn known(State(server): State<Server>, request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let mut response = match token.and_then(|token| token.strip_prefix("Bearer ")) {
        None => No::say(StatusCode::UNAUTHORIZED, "Requires authentication").into_response(),
        Some("") => No::say(StatusCode::UNAUTHORIZED, "Bad credentials").into_response(),
        Some(_) => next.run(request).await,
    };
    let reset = (server.now() + 3_600).to_string();
    for (name, value) in [
        ("x-ratelimit-limit", LIMIT.to_string()),
        ("x-ratelimit-remaining", (LIMIT - 1).to_string()),
        ("x-ratelimit-reset", reset),
        ("x-github-api-version-selected", "2022-11-28".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn rate_limit(State(server): State<Server>) -> Response {
    let rate = |limit: u64| json!({ "limit": limit, "used": 1, "remaining": limit - 1, "reset": server.now() + 3_600 });
    let resources = json!({ "core": rate(LIMIT), "search": rate(30), "code_search": rate(10), "graphql": rate(LIMIT) });
    Json(json!({ "resources": resources, "rate": rate(LIMIT) })).into_response()
}

async fn repository(State(server): State<Server>, Path((owner, name)): Path<(String, String)>) -> Response {
    server.of(&owner, &name, |repository| fine(document::repository(repository)))
}
