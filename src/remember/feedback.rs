//! What people may say of an incident, and when: written by [`Journal::decide`](crate::journal::Journal::decide), so that nothing
//! comes between look and write.

use memory::Word;

use crate::{
    incident::{Event, Incident, OPERATIONS, Phase, Who},
    journal::JournalError,
};

/// Characters of a cause that a person gives.
const CAUSE: usize = 2_000;

/// A person's judgement of an incident that is over.
///
/// # Errors
/// [`JournalError::Conflict`] while it is not over, when it was forgotten, or when this person said just that last.
pub fn give_feedback(
    incident: &Incident,
    word: Word,
    cause: Option<&str>,
    who: Who,
) -> Result<Vec<Event>, JournalError> {
    exists(incident)?;
    let conflict = |what: String| Err(JournalError::Conflict(what));
    if incident.phase != Phase::Closed {
        return conflict(format!("incident {} is not over; say it when it is closed", incident.id));
    }
    if let Some(by) = &incident.forgotten {
        return conflict(format!("incident {} was forgotten by {}; nothing more is learnt of it", incident.id, by.by));
    }
    let cause = cause.map(|text| tools::clean(text).trim().chars().take(CAUSE).collect::<String>());
    let cause = cause.filter(|text| !text.is_empty());
    let last = incident.last_words().find(|said| said.who.by == who.by);
    if let Some(last) = last.filter(|last| last.word == word && last.cause == cause) {
        return conflict(format!("{} has said just that already, see [{}]", who.by, last.seq));
    }
    Ok(vec![Event::Feedback { word, cause, who }])
}

/// A person's wish that memory drops an incident, over or not.
///
/// # Errors
/// [`JournalError::Conflict`] when that was wished already.
pub fn forget(incident: &Incident, who: Who) -> Result<Vec<Event>, JournalError> {
    exists(incident)?;
    if let Some(by) = &incident.forgotten {
        return Err(JournalError::Conflict(format!("incident {} was forgotten already, by {}", incident.id, by.by)));
    }
    Ok(vec![Event::Forgotten { who }])
}

/// What people decided about the agent itself is no incident.
fn exists(incident: &Incident) -> Result<(), JournalError> {
    if incident.id == OPERATIONS { Err(JournalError::NoSuchIncident(incident.id)) } else { Ok(()) }
}
