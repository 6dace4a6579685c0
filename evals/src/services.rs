//! The services' own endpoints: `/services/<name>/<path>`.

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Response, StatusCode},
    routing::get,
};

use crate::{fault::Fault, world::SharedStage};

pub(crate) fn router(stage: SharedStage) -> Router {
    Router::new().route("/services/{name}/{*path}", get(answer)).with_state(stage)
}

async fn answer(State(stage): State<SharedStage>, Path((name, path)): Path<(String, String)>) -> Response<Body> {
    let reply = stage.lock().reply(&name, &format!("/{path}"));
    let plain = |status: StatusCode, body: String| {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response
    };
    let Some(reply) = reply else {
        return plain(StatusCode::NOT_FOUND, "{\"detail\":\"Not Found\"}".to_owned());
    };
    if reply.refuse {
        return Fault::Refuse.answer().await;
    }
    if reply.hang {
        return Fault::Hang.answer().await;
    }
    let status = reply.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    plain(status, reply.body)
}
