//! A model that answers from a journal: the tape of the evals.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;

use super::{Model, ModelError, Reply, Step, Transcript, Wanted};
use crate::incident::{Entry, Event, TRIAGE};

/// The turns of a journal in their order.
pub struct Recorded {
    replies: Vec<Reply>,
    next: AtomicUsize,
}

impl Recorded {
    /// The turns that models took in these entries.
    pub fn from_entries(entries: &[Entry]) -> Self {
        let mut replies = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let Event::Turned { model, thought, calls, usage } = &entry.event else { continue };
            if model == TRIAGE {
                continue;
            }
            let concluded = match entries.get(index + 1).map(|next| &next.event) {
                Some(Event::Concluded { conclusion, .. }) => Some(conclusion.clone()),
                _ => None,
            };
            let step = match concluded {
                Some(conclusion) => Step::Conclude(Box::new(conclusion)),
                None if calls.is_empty() => Step::Said(thought.clone()),
                None => Step::Calls(calls.iter().map(|call| Wanted { tool: call.tool.clone(), args: call.args.clone() }).collect()),
            };
            replies.push(Reply { model: model.clone(), thought: thought.clone(), step, usage: *usage, fell_back: Vec::new() });
        }
        Self { replies, next: AtomicUsize::new(0) }
    }
}

impl Model for Recorded {
    fn name(&self) -> &str {
        "recorded"
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn next<'a>(&'a self, _: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(async move {
            let place = self.next.fetch_add(1, Ordering::SeqCst);
            self.replies.get(place).cloned().ok_or_else(|| ModelError {
                model: "recorded".to_owned(),
                why: format!("the recording holds {} turns, and turn {} is asked for", self.replies.len(), place + 1),
                retry_after: None,
            })
        })
    }
}
