//! An incident told line by line as it is written.

use std::pin::pin;

use anyhow::Result;
use futures::StreamExt;

use super::out::{Colour, Out};
use crate::{
    http::follow,
    incident::{Entry, Event, IncidentId, Verdict, Word},
    journal::Journal,
    report,
};

/// Tells an incident from its first entry until it is closed.
pub(crate) async fn tell(out: &mut Out, journal: &Journal, id: IncidentId) -> Result<()> {
    let mut entries = pin!(follow(journal.clone(), id, 0));
    while let Some(entry) = entries.next().await {
        line(out, &entry)?;
    }
    Ok(())
}

/// One entry: time, number, what happened; the checks of a proof below it.
pub(crate) fn line(out: &mut Out, entry: &Entry) -> Result<()> {
    let Some(text) = report::line(entry) else { return Ok(()) };
    let place = format!("{} [{:>2}]", entry.at.format("%H:%M:%S"), entry.seq);
    let place = out.paint(Colour::Dim, &place);
    let text = match colour(&entry.event) {
        Some(colour) => out.paint(colour, &text),
        None => text,
    };
    out.line(&format!("{place} {text}"))?;
    if let Event::Verified { checks, .. } = &entry.event {
        for check in checks {
            let mark = if check.passed { out.paint(Colour::Green, "passed") } else { out.paint(Colour::Red, "failed") };
            out.line(&format!("              {mark} {} ({})", check.name, check.found))?;
        }
    }
    Ok(())
}

fn colour(event: &Event) -> Option<Colour> {
    match event {
        Event::Feedback { word: Word::Right, .. } => Some(Colour::Green),
        Event::AlertJoined { .. }
        | Event::Feedback { word: Word::Wrong, .. }
        | Event::HandedOver { .. }
        | Event::ApprovalWanted { .. }
        | Event::SentBack { .. }
        | Event::FellBack { .. } => Some(Colour::Yellow),
        Event::Verified { ok: true, .. } | Event::ChangeDone { ok: true, .. } => Some(Colour::Green),
        Event::Verified { ok: false, .. }
        | Event::ChangeDone { ok: false, .. }
        | Event::Undone { failed: Some(_), .. }
        | Event::BreakerTripped { .. }
        | Event::Halted { .. } => Some(Colour::Red),
        Event::Judged { verdict: Verdict::Refuse(_), .. } => Some(Colour::Red),
        Event::Closed { .. } | Event::Concluded { .. } => Some(Colour::Bold),
        Event::Opened { .. }
        | Event::AlertResolved { .. }
        | Event::Asked { .. }
        | Event::Turned { .. }
        | Event::Judged { .. }
        | Event::ApprovalGiven { .. }
        | Event::ApprovalExpired { .. }
        | Event::Answered { .. }
        | Event::ChangeBegun { .. }
        | Event::Undone { .. }
        | Event::BreakerRaised { .. }
        | Event::Resumed { .. }
        | Event::PolicyLoaded { .. }
        | Event::Forgotten { .. }
        | Event::RunbookLearned { .. }
        | Event::BudgetReached { .. } => None,
    }
}
