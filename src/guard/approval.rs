//! Leave from a person: for exactly one call, once, for a while, and on disk.

use chrono::{DateTime, Utc};

use crate::{
    incident::{Decision, Event, Incident},
    journal::JournalError,
};

/// What a person's answer to a call makes of an incident; written by [`crate::journal::Journal::decide`], so that of two
/// people only the first counts.
///
/// # Errors
/// [`JournalError::Conflict`] when nobody is asked about that call, it was answered already, or it is too late.
pub fn answer_approval(
    incident: &Incident,
    call: &str,
    decision: Decision,
    by: &str,
    comment: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, JournalError> {
    let conflict = |what: String| Err(JournalError::Conflict(what));
    let state = incident.call(call);
    let Some(approval) = state.and_then(|state| state.approval.as_ref()) else {
        let pending: Vec<_> = incident.pending_approvals().map(|(state, _)| state.call.id.as_str()).collect();
        let pending = if pending.is_empty() { "none".to_owned() } else { pending.join(", ") };
        return conflict(format!("incident {} asks for no approval of {call:?}; it asks for: {pending}", incident.id));
    };
    if let Some((given, who)) = &approval.answer {
        let given = match given {
            Decision::Approve => "approved",
            Decision::Deny => "denied",
        };
        return conflict(format!("{call} was already {given} by {who}"));
    }
    if approval.expires <= now || state.is_some_and(|state| state.answer.is_some()) {
        return conflict(format!("the question about {call} is over since {}", approval.expires.to_rfc3339()));
    }
    Ok(vec![Event::ApprovalGiven {
        call: call.to_owned(),
        hash: approval.hash.clone(),
        decision,
        by: by.to_owned(),
        comment: comment.to_owned(),
    }])
}
