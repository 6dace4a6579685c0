//! What people decide about the agent itself: `POST /halt`, `/resume`, `/raise`, `/policy/reload`, `/runbooks/reload`,
//! `/runbooks/learn`, and `GET /policy`.

use axum::{
    Extension, Json,
    extract::{Query, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, auth::Caller, problem::Problem};
use crate::{
    guard::{ReloadError, explain, reload},
    incident::Event,
};

/// What a person says about it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    #[serde(default)]
    because: String,
}

/// Which breaker is raised: a service's, or with `fleet` that of all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    #[serde(default)]
    service: String,
    #[serde(default)]
    fleet: bool,
    #[serde(default)]
    because: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    service: Option<String>,
}

/// `POST /halt`: no change begins from here on, until somebody resumes.
pub(super) async fn halt(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    said: Option<Json<Said>>,
) -> Result<Json<Value>, Problem> {
    let who = caller.who(&said.unwrap_or_default().0.because);
    let entry = http.journal.operate(Event::Halted { who }).await?;
    tracing::warn!(by = caller.name, "every change is stopped");
    Ok(Json(json!({ "halted": true, "entry": entry.seq })))
}

/// `POST /resume`.
pub(super) async fn resume(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    said: Option<Json<Said>>,
) -> Result<Json<Value>, Problem> {
    let who = caller.who(&said.unwrap_or_default().0.because);
    let entry = http.journal.operate(Event::Resumed { who }).await?;
    Ok(Json(json!({ "halted": false, "entry": entry.seq })))
}

/// `GET /halt`: who stopped every change, if anybody did.
pub(super) async fn halted(State(http): State<SharedHttp>) -> Result<Json<Value>, Problem> {
    let who = http.journal.halted().await?;
    Ok(Json(json!({ "halted": who.is_some(), "who": who })))
}

/// `POST /raise`: after changes that did not help, autonomy is what settings and policy say again.
pub(super) async fn raise(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    raise: Result<Json<Raise>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let right = "right would be {\"service\": \"payments\"} or {\"fleet\": true}";
    let Json(raise) = raise.map_err(|error| Problem::new(error.status(), format!("{}; {right}", error.body_text())))?;
    if raise.service.is_empty() != raise.fleet {
        return Err(Problem::bad_request(format!("one service, or the fleet; {right}")));
    }
    let event = Event::BreakerRaised { service: raise.service.clone(), who: caller.who(&raise.because) };
    let entry = http.journal.operate(event).await?;
    Ok(Json(json!({ "raised": if raise.fleet { "fleet" } else { &raise.service }, "entry": entry.seq })))
}

/// `POST /policy/reload`: reads the policy file again; a wrong one is refused whole.
pub(super) async fn reload_policy(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, Problem> {
    match reload(&http.policy, &http.policy_file, &http.journal, caller.who("")).await {
        Ok(policy) => Ok(Json(json!({ "hash": policy.hash, "rules": policy.rules().len() }))),
        Err(error @ ReloadError::Policy(_)) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())),
        Err(ReloadError::Journal(error)) => Err(error.into()),
    }
}

/// `GET /policy` gives its text; `GET /policy?service=NAME` what it comes to for a service.
pub(super) async fn policy(State(http): State<SharedHttp>, Query(asked): Query<Asked>) -> Result<Json<Value>, Problem> {
    let policy = http.policy.load();
    let Some(service) = asked.service else {
        return Ok(Json(json!({ "file": http.policy_file, "hash": policy.hash, "text": policy.text })));
    };
    let told = explain(&policy, http.changes.iter(), &http.catalogue.load(), &service, http.clock.now());
    told.map(|told| Json(json!(told))).map_err(Problem::not_found)
}

/// `POST /runbooks/reload`: reads the folder again; those that do not parse are told, the others hold.
pub(super) async fn reload_runbooks(State(http): State<SharedHttp>) -> Result<Json<Value>, Problem> {
    (http.runbooks.reload)().map(Json).map_err(|what| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what))
}

/// `POST /runbooks/learn`: looks through all incidents that were repaired for what can be learnt.
pub(super) async fn learn_runbooks(State(http): State<SharedHttp>) -> Result<Json<Value>, Problem> {
    Ok(Json((http.runbooks.learn)().await?))
}
