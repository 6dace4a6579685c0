//! The services themselves: `/services/<name>/<path>`.

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};

use crate::{
    case::{Reply, Silence},
    world::{Shared, fault},
};

/// Serves every container's HTTP side.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new().route("/services/{name}/{*path}", any(answer)).with_state(shared)
}

async fn answer(State(shared): State<Shared>, Path((name, path)): Path<(String, String)>) -> Response {
    let reply = {
        let state = shared.state();
        let (path, now) = (format!("/{path}"), state.now());
        let of_service = || state.containers().filter(|container| container.service() == name);
        let replies = || of_service().map(|container| container.reply(&path, now));
        let well = |reply: &Reply| matches!(reply, Reply::Answer { status: 200..300, .. });
        // Of several containers one that answers well is asked, as a load balancer would.
        let reply = match state.container(&name) {
            Some(container) => Some(container.reply(&path, now)),
            None => replies().find(well).or_else(|| replies().next()),
        };
        let Some(reply) = reply else {
            return (StatusCode::NOT_FOUND, format!("there is no service {name} in this world\n")).into_response();
        };
        reply
    };
    match reply {
        Reply::None(Silence::Refuse) => fault::cut(0),
        Reply::None(Silence::Hang) => {
            fault::closed(shared.closing).await;
            fault::cut(0)
        }
        Reply::Answer { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let kind = if body.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
    }
}
