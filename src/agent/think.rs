//! One turn of a model: asked within its budget, answered into the journal.

use super::{Agent, check_conclusion, conclusion::wrong_of, transcript, window::Counts};
use crate::{
    incident::{Call, Conclusion, Event, Outcome, Source, shallow},
    journal::{Case, JournalError},
    model::{CONCLUDE, FellBack, Message, Model, RUNBOOK, Reply, Step, Transcript, Wanted},
    prompts,
};

/// Calls that one turn may want; more are left out and said so.
const CALLS: usize = 16;

impl Agent {
    pub(super) async fn think(&self, case: &mut Case, counts: &mut Counts) -> Result<(), JournalError> {
        if case.incident().budget_reached.is_none()
            && let Some((budget, used)) = self.budgets.reached(case.incident(), self.clock.now())
        {
            case.write(vec![Event::BudgetReached { budget, used }]).await?;
        }
        let last = case.incident().budget_reached.is_some();
        let tools = if last { Vec::new() } else { self.guard.specs(case.incident()).await? };
        let (messages, tokens) = transcript::conversation(self, case, &tools, counts).await?;
        case.write(vec![asked(self.model.as_ref(), &messages, tokens, &tools)]).await?;
        let transcript = Transcript {
            incident: case.incident(),
            entries: case.entries(),
            system: prompts::SYSTEM,
            messages,
            tools: &tools,
        };
        let events = match self.model.next(&transcript).await {
            Ok(reply) => answered(case, reply, last),
            Err(error) => vec![Event::HandedOver { why: format!("no model could take the turn: {error}") }],
        };
        case.write(events).await
    }
}

fn asked(model: &dyn Model, messages: &[Message], tokens: usize, tools: &[tools::Spec]) -> Event {
    Event::Asked {
        model: model.name().to_owned(),
        prompt: prompts::system_hash(),
        messages: messages.len(),
        tokens,
        tools: tools.iter().map(|spec| spec.name.clone()).collect(),
    }
}

fn answered(case: &Case, reply: Reply, last: bool) -> Vec<Event> {
    let Reply { model, thought, step, usage, fell_back } = reply;
    let mut events: Vec<_> =
        fell_back.into_iter().map(|FellBack { from, to, why }| Event::FellBack { from, to, why }).collect();
    let talked_before = case.entries().iter().rev().find_map(|entry| {
        let Event::Turned { calls, .. } = &entry.event else {
            return None;
        };
        Some(calls.is_empty())
    });
    let question = matches!(case.incident().source, Some(Source::Question { .. }));
    // What was sent back is better than words, or nothing.
    let before = || sent_back(case);
    let (thought, calls, conclusion) = match step {
        Step::Calls(wanted) if last => (thought, Vec::new(), Some(before().unwrap_or_else(|| unfinished(&wanted)))),
        Step::Calls(wanted) => (thought, numbered(case, wanted), None),
        Step::Conclude(conclusion) => (thought, Vec::new(), Some(*conclusion)),
        Step::Said(text) if last || question || talked_before == Some(true) => {
            (thought, Vec::new(), Some(before().unwrap_or_else(|| said(text, question))))
        }
        Step::Said(text) => (text, Vec::new(), None),
    };
    events.push(Event::Turned { model: model.clone(), thought, calls, usage });
    if let Some(conclusion) = conclusion {
        let conclusion = check_conclusion(conclusion, case.entries());
        let wrong = wrong_of(&conclusion);
        // Once: a model that cannot do better is believed as far as it stands. A runbook would say the same again.
        let again = !wrong.is_empty() && !last && before().is_none() && model != RUNBOOK;
        events.push(if again {
            Event::SentBack { model, conclusion, wrong }
        } else {
            Event::Concluded { model, conclusion }
        });
    }
    events
}

/// The conclusion that was sent back and is still the last one.
fn sent_back(case: &Case) -> Option<Conclusion> {
    case.entries().iter().rev().find_map(|entry| {
        let Event::SentBack { conclusion, .. } = &entry.event else {
            return None;
        };
        Some(conclusion.clone())
    })
}

fn numbered(case: &Case, wanted: Vec<Wanted>) -> Vec<Call> {
    let next = case.incident().next_call_id();
    let calls = wanted.into_iter().take(CALLS).enumerate();
    calls
        .map(|(index, Wanted { tool, args })| Call { id: format!("c{}", next + index), tool, args: shallow(args) })
        .collect()
}

/// A model that talked where it should have concluded: its words are the cause, with nothing to prove them.
fn said(text: String, question: bool) -> Conclusion {
    let cause = if question { "Not asked for.".to_owned() } else { text.clone() };
    Conclusion {
        summary: text,
        cause,
        claims: Vec::new(),
        next_steps: Vec::new(),
        resolved: question,
        ..Conclusion::default()
    }
}

/// A model that still wanted calls when the budget was used up.
fn unfinished(wanted: &[Wanted]) -> Conclusion {
    let wanted: Vec<_> = wanted.iter().filter(|call| call.tool != CONCLUDE).map(|call| call.tool.as_str()).collect();
    Conclusion {
        summary: "The investigation used its budget up before it came to an end.".to_owned(),
        cause: "Not known.".to_owned(),
        claims: Vec::new(),
        next_steps: vec![format!("Go on from the evidence; the model wanted to call next: {}", wanted.join(", "))],
        resolved: false,
        ..Conclusion::default()
    }
}

/// How an outcome reads in a sentence.
pub(super) fn outcome_sentence(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Repaired => "repaired, and proven",
        Outcome::ResolvedByItself => "resolved without a change of ours",
        Outcome::HandedOver => "handed over to a person",
        Outcome::Answered => "answered",
        Outcome::UndoFailed => "not repaired, and a change could not be taken back",
    }
}
