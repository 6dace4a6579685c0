//! An incident's entries as server-sent events, from any place on.

use std::convert::Infallible;

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;

use super::{
    SharedHttp,
    incidents::{number, without_raw},
    problem::Problem,
};
use crate::{
    incident::{Entry, Incident, IncidentId, Phase, Seq},
    journal::Journal,
};

/// Entries read at once.
const BATCH: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct StreamQuery {
    after: Option<Seq>,
}

/// `GET /incidents/{id}/events`, with `Last-Event-ID` or `?after=SEQ`. Ends with the incident; who comes again after the last
/// entry gets 204, which tells a browser to come no more.
pub(super) async fn stream(
    State(http): State<SharedHttp>,
    Path(id): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = number(&id)?;
    let last = headers.get("last-event-id").and_then(|last| last.to_str().ok()?.trim().parse().ok());
    let after = last.or(query.after).unwrap_or(0);
    let (incident, _) = http.journal.incident(id).await?;
    if incident.phase == Phase::Closed && after >= incident.last_seq {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = follow(http.journal.clone(), id, after).map(|mut entry| {
        without_raw(&mut entry);
        let event = SseEvent::default().id(entry.seq.to_string()).event(entry.event.name());
        Ok::<_, Infallible>(
            event.json_data(&entry).unwrap_or_else(|error| SseEvent::default().comment(error.to_string())),
        )
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// Entries after a place as they are written; ends when the incident is closed and all was given.
pub(crate) fn follow(journal: Journal, id: IncidentId, after: Seq) -> impl Stream<Item = Entry> + Send {
    struct Place {
        journal: Journal,
        changes: tokio::sync::watch::Receiver<u64>,
        waiting: std::vec::IntoIter<Entry>,
        incident: Incident,
        after: Seq,
    }
    let changes = journal.changes();
    let place = Place { journal, changes, waiting: Vec::new().into_iter(), incident: Incident::new(id), after };
    stream::unfold(place, move |mut place| async move {
        loop {
            for entry in place.waiting.by_ref() {
                if entry.seq > place.after {
                    return Some((entry, place));
                }
            }
            if place.incident.phase == Phase::Closed {
                return None;
            }
            place.changes.mark_unchanged();
            let read = place.journal.entries(id, place.incident.last_seq, BATCH).await.ok()?;
            if read.is_empty() {
                place.changes.changed().await.ok()?;
                continue;
            }
            read.iter().for_each(|entry| place.incident.apply(entry));
            place.waiting = read.into_iter();
        }
    })
}
