//! `POST /incidents/{id}/feedback`: a person says whether cause and remedy were right; `POST /incidents/{id}/forget`: memory
//! drops the incident.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, auth::Caller, incidents::number, problem::Problem};
use crate::{
    incident::Word,
    remember::{self, give_feedback},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    word: Word,
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    because: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forget {
    #[serde(default)]
    because: String,
}

pub(super) async fn give(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    said: Result<Json<Said>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let right = "right would be {\"word\": \"right\"} or {\"word\": \"wrong\", \"cause\": \"what it really was\"}";
    let Json(Said { word, cause, because }) =
        said.map_err(|error| Problem::new(error.status(), format!("{}; {right}", error.body_text())))?;
    let id = number(&id)?;
    let who = caller.who(&because);
    let written = http.journal.decide(id, move |incident| give_feedback(incident, word, cause.as_deref(), who)).await?;
    Ok(Json(json!({ "incident": id, "word": word, "entry": written.first().map(|entry| entry.seq) })))
}

pub(super) async fn forget(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    forget: Option<Json<Forget>>,
) -> Result<Json<Value>, Problem> {
    let id = number(&id)?;
    let who = caller.who(&forget.unwrap_or_default().0.because);
    let written = http.journal.decide(id, move |incident| remember::forget(incident, who)).await?;
    Ok(Json(json!({ "incident": id, "forgotten": true, "entry": written.first().map(|entry| entry.seq) })))
}
