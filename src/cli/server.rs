//! The journal, or the running server that has it: what a command has to say reaches the one that can write it.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret;
use serde_json::Value;
use tools::SystemClock;

use crate::{
    config::{Role, Settings},
    journal::{Journal, JournalError, JournalOptions},
};

/// The journal for this process alone; `None` when a server runs on it.
pub(super) fn journal(settings: &Settings) -> Result<Option<Journal>> {
    let options = JournalOptions { path: settings.journal.path.clone(), queue: 16 };
    match Journal::open(&options, Arc::new(SystemClock)) {
        Ok(journal) => Ok(Some(journal)),
        Err(JournalError::InUse(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// POSTs to the running server with the highest of the settings' credentials.
pub(super) async fn post(settings: &Settings, path: &str, body: &Value) -> Result<Value> {
    let url = format!("http://{}{path}", settings.http.listen);
    let mut request = reqwest::Client::new().post(&url).json(body);
    let tokens = || settings.http.tokens.iter();
    let users = || settings.http.users.iter();
    for role in [Role::Approver, Role::Operator] {
        if let Some(token) = tokens().find(|token| token.role == role) {
            request = request.bearer_auth(token.token.expose_secret());
            break;
        }
        if let Some(user) = users().find(|user| user.role == role) {
            request = request.basic_auth(&user.name, Some(user.password.expose_secret()));
            break;
        }
    }
    let response = request.send().await.with_context(|| format!("the server at {url} does not answer"))?;
    let status = response.status();
    let answer: Value = response.json().await.unwrap_or_default();
    if status.is_success() {
        return Ok(answer);
    }
    let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
    bail!("{status}: {detail}")
}
