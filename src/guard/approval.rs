//! Leave from people: for exactly one call and one state of its target, by as many different people as the policy wants, once,
//! for a while, and on disk.

use chrono::{DateTime, Utc};

use crate::{
    incident::{Decision, Event, Incident, Phase},
    journal::JournalError,
};

/// A person who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name of the credentials.
    pub name: String,
    /// Their role: operator or approver.
    pub role: String,
    /// From where: an address, or the command line.
    pub from: String,
}

/// What a person's answer to a call makes of an incident; written by [`crate::journal::Journal::decide`], so that of two people
/// who answer at once each sees the other.
///
/// # Errors
/// [`JournalError::Conflict`] when nobody is asked about that call, the person's role does not count, they have answered already,
/// the question was answered, or it is too late.
pub fn answer_approval(
    incident: &Incident,
    call: &str,
    decision: Decision,
    person: &Person,
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
    if incident.phase == Phase::Closed {
        return conflict(format!("incident {} is over; nothing of it is done any more", incident.id));
    }
    if approval.expires <= now || state.is_some_and(|state| state.answer.is_some()) {
        return conflict(format!("the question about {call} is over since {}", approval.expires.to_rfc3339()));
    }
    // A no counts from everybody who may answer at all.
    if decision == Decision::Approve {
        if !approval.roles.is_empty() && !approval.roles.contains(&person.role) {
            let roles = approval.roles.join(" or ");
            return conflict(format!(
                "{} has the role {}; the policy wants {roles} for {call}",
                person.name, person.role
            ));
        }
        if approval.given.contains(&person.name) {
            let left = approval.people.saturating_sub(u32::try_from(approval.given.len()).unwrap_or(u32::MAX));
            return conflict(format!("{} has said yes to {call} already; {left} other people are wanted", person.name));
        }
    }
    Ok(vec![Event::ApprovalGiven {
        call: call.to_owned(),
        hash: approval.hash.clone(),
        decision,
        by: person.name.clone(),
        role: person.role.clone(),
        from: person.from.clone(),
        comment: comment.to_owned(),
    }])
}
