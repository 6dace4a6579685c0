//! `runbooks reload|learn`: through the running server, or in this process where none runs.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;
use tools::SystemClock;

use super::{
    Found,
    out::{Colour, Out},
    server,
};
use crate::{config::Settings, journal::Journal, learn::Learnt, parts::Parts};

#[derive(Deserialize)]
struct Reloaded {
    runbooks: usize,
    left_out: Vec<String>,
}

#[derive(Deserialize)]
struct Lessons {
    lessons: Vec<Learnt>,
}

pub(super) async fn reload(settings: &Settings) -> Result<Found> {
    let answer = server::post(settings, "/runbooks/reload", &json!({})).await?;
    let Reloaded { runbooks, left_out } = serde_json::from_value(answer).context("the server's answer")?;
    let mut out = Out::new();
    for error in &left_out {
        out.line(&out.paint(Colour::Red, error))?;
    }
    out.line(&format!("{runbooks} runbooks hold"))?;
    Ok(if left_out.is_empty() { Found::Well } else { Found::Wrong })
}

pub(super) async fn learn(settings: Settings, drafts: Option<PathBuf>, json: bool) -> Result<Found> {
    let lessons = lessons(settings, drafts).await?;
    let mut out = Out::new();
    if json {
        out.json(&lessons)?;
        return Ok(Found::Well);
    }
    for Learnt { alert, from, name, new, what } in &lessons {
        let from: Vec<_> = from.iter().map(ToString::to_string).collect();
        let name = name.as_ref().map_or_else(String::new, |name| format!(", runbook {name}"));
        let line = format!("{alert} (incidents {}): {what}{name}", from.join(", "));
        out.line(&if *new { out.paint(Colour::Green, &line) } else { line })?;
    }
    if lessons.is_empty() {
        out.line("no incident was repaired yet: there is nothing to learn from")?;
    }
    Ok(Found::Well)
}

/// Where a server runs it notes what was learnt; a folder that is named here is written to from here all the same.
async fn lessons(settings: Settings, drafts: Option<PathBuf>) -> Result<Vec<Learnt>> {
    let path = settings.journal.path.clone();
    if !path.is_file() {
        bail!("there is no journal at {} ([journal] path); `serve` makes it", path.display());
    }
    match (server::journal(&settings)?, drafts) {
        (Some(journal), drafts) => {
            let parts = Parts::join(settings, Arc::new(SystemClock), journal)?;
            parts.discover().await;
            let lessons = parts.learner(drafts).learn().await;
            parts.journal.close().await;
            Ok(lessons?)
        }
        (None, Some(drafts)) => {
            let parts = Parts::join(settings, Arc::new(SystemClock), Journal::inspect(path))?;
            parts.discover().await;
            Ok(parts.learner(Some(drafts)).learn().await?)
        }
        (None, None) => {
            let answer = server::post(&settings, "/runbooks/learn", &json!({})).await?;
            let Lessons { lessons } = serde_json::from_value(answer).context("the server's answer")?;
            Ok(lessons)
        }
    }
}
