//! A notification becomes events, whole or not at all.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use tools::Catalogue;

use super::{Journal, JournalError, store, writer::Batch};
use crate::{
    alert::{Alert, Notification, Status},
    incident::{Event, IncidentId, JoinReason, Outcome, ServiceMatch, Source, join, match_service},
};

/// How alerts are taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeOptions {
    /// Incidents that may be open at once.
    pub queue: usize,
    /// Alerts of one service, or of one that it depends on, join within this time.
    pub join_window: Duration,
}

/// What became of a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Incidents opened.
    pub opened: Vec<IncidentId>,
    /// Incidents joined.
    pub joined: Vec<IncidentId>,
    /// Incidents in which an alert was resolved.
    pub resolved: Vec<IncidentId>,
    /// Alerts that stand in the journal already: Alertmanager's retries and repeats.
    pub repeated: usize,
    /// Alerts resolved of which no firing is known.
    pub unknown: usize,
}

impl Journal {
    /// Writes what a notification says; on disk when this returns.
    ///
    /// # Errors
    /// [`JournalError::Full`] or [`JournalError::Busy`] with nothing written; else what the database says.
    pub async fn take(
        &self,
        notification: Notification,
        catalogue: Arc<Catalogue>,
        options: IntakeOptions,
    ) -> Result<Taken, JournalError> {
        self.writer
            .try_write(move |batch| {
                let mut taken = Taken::default();
                let intake = Intake { notification: &notification, catalogue: &catalogue, options: &options };
                for alert in &notification.alerts {
                    match alert.status {
                        Status::Firing => intake.firing(batch, alert, &mut taken)?,
                        Status::Resolved => intake.resolved(batch, alert, &mut taken)?,
                    }
                }
                Ok(taken)
            })
            .await
    }
}

struct Intake<'a> {
    notification: &'a Notification,
    catalogue: &'a Catalogue,
    options: &'a IntakeOptions,
}

impl Intake<'_> {
    fn firing(&self, batch: &mut Batch<'_>, alert: &Alert, taken: &mut Taken) -> Result<(), JournalError> {
        if episode(batch, alert)?.is_some() {
            taken.repeated += 1;
            return Ok(());
        }
        let found = match_service(alert, self.catalogue);
        let service = found.service().map(str::to_owned);
        let since = batch.now - TimeDelta::from_std(self.options.join_window).unwrap_or(TimeDelta::MAX);
        let group_key = &self.notification.group_key;
        let id = match join(alert, group_key, service.as_deref(), &batch.state.open, self.catalogue, since) {
            Some((id, because)) => {
                batch.append(id, vec![self.joined(alert, because)])?;
                taken.joined.push(id);
                id
            }
            None => {
                let events = vec![opened(alert, found), self.joined(alert, JoinReason::Opens)];
                let id = batch.begin(events, self.options.queue)?;
                taken.opened.push(id);
                id
            }
        };
        batch.state.open.add(id, alert, group_key, service.as_deref(), batch.now);
        remember(batch, alert, id, false)
    }

    fn joined(&self, alert: &Alert, because: JoinReason) -> Event {
        Event::AlertJoined {
            alert: alert.clone(),
            group_key: self.notification.group_key.clone(),
            receiver: self.notification.receiver.clone(),
            because,
            truncated: self.notification.truncated,
            instructs: instructs(alert),
        }
    }

    fn resolved(&self, batch: &mut Batch<'_>, alert: &Alert, taken: &mut Taken) -> Result<(), JournalError> {
        let id = match episode(batch, alert)? {
            Some((_, true)) => {
                taken.repeated += 1;
                return Ok(());
            }
            Some((id, false)) => Some(id),
            None => batch.state.open.with_fingerprint(&alert.fingerprint),
        };
        let Some(id) = id else {
            taken.unknown += 1;
            return Ok(());
        };
        let ended = alert.ends_at.unwrap_or(batch.now);
        batch.append(id, vec![Event::AlertResolved { fingerprint: alert.fingerprint.clone(), ended }])?;
        correct(batch, id, ended)?;
        taken.resolved.push(id);
        remember(batch, alert, id, true)
    }
}

/// An incident that was handed over and whose last alert is now resolved ends another way than was written.
fn correct(batch: &mut Batch<'_>, id: IncidentId, ended: DateTime<Utc>) -> Result<(), JournalError> {
    let incident = batch.incident(id)?;
    if incident.outcome == Some(Outcome::HandedOver) && incident.all_resolved() {
        let why = format!(
            "Alertmanager resolved its alerts at {} after it had been handed over",
            ended.format("%Y-%m-%d %H:%M:%S UTC")
        );
        batch.append(id, vec![Event::Closed { outcome: Outcome::ResolvedByItself, why }])?;
    }
    Ok(())
}

/// A text of an alert that reads as an instruction; labels can be written by whoever writes a metric.
fn instructs(alert: &Alert) -> Option<String> {
    alert.labels.values().chain(alert.annotations.values()).find_map(|text| tools::reads_as_instruction(text))
}

fn opened(alert: &Alert, service: ServiceMatch) -> Event {
    // A label can hold anything; a title is one line that a terminal can show.
    let name: String =
        tools::clean(alert.name()).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    let title = match service.service() {
        Some(service) => format!("{name} on {service}"),
        None => name,
    };
    Event::Opened { source: Source::Alert, title, service }
}

fn episode(batch: &Batch<'_>, alert: &Alert) -> Result<Option<(IncidentId, bool)>, JournalError> {
    let (fingerprint, starts_at) = alert.episode();
    batch
        .connection
        .prepare_cached("SELECT incident, resolved FROM episodes WHERE fingerprint = ?1 AND starts_at = ?2")
        .and_then(|mut statement| {
            statement
                .query_row(params![fingerprint, store::micros(starts_at)], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(|error| JournalError::storage("read", error))
}

fn remember(batch: &Batch<'_>, alert: &Alert, id: IncidentId, resolved: bool) -> Result<(), JournalError> {
    let (fingerprint, starts_at) = alert.episode();
    batch.execute(
        "INSERT OR REPLACE INTO episodes (fingerprint, starts_at, incident, resolved) VALUES (?1, ?2, ?3, ?4)",
        params![fingerprint, store::micros(starts_at), id, resolved],
    )
}
