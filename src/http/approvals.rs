//! `POST /incidents/{id}/approvals/{call}`: a person's yes or no.

use axum::{
    Extension, Json,
    extract::{Path, State, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, auth::Caller, incidents::number, problem::Problem};
use crate::{guard::answer_approval, incident::Decision};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    decision: Decision,
    #[serde(default)]
    comment: String,
}

pub(super) async fn answer(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    Path((id, call)): Path<(String, String)>,
    answer: Result<Json<Answer>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(Answer { decision, comment }) = answer.map_err(|error| {
        let detail = format!("{}; right would be {{\"decision\": \"approve\"}} or \"deny\"", error.body_text());
        Problem::new(error.status(), detail)
    })?;
    let now = http.clock.now();
    let person = caller.person();
    let comment: String = tools::clean(&comment).chars().take(2_000).collect();
    let id = number(&id)?;
    let of = call.clone();
    let written = http
        .journal
        .decide(id, move |incident| answer_approval(incident, &of, decision, &person, &comment, now))
        .await?;
    Ok(Json(
        json!({ "incident": id, "call": call, "decision": decision, "entry": written.first().map(|entry| entry.seq) }),
    ))
}
