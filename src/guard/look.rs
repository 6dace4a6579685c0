//! Calls that only look: judged at once, made side by side, each answer written as it comes.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use tools::{Answer, Failure, Kept, Kind};

use super::{Guard, judged, wrong};
use crate::{
    incident::{AnswerStatus, Call, Entry, Event, Reason, Seq, TRIAGE, Verdict, shallow},
    journal::{Case, JournalError},
};

/// A system that does not answer is asked once more.
const TRIES: usize = 2;

impl Guard {
    pub(super) async fn look(&self, case: &mut Case, calls: Vec<Call>) -> Result<(), JournalError> {
        let mut events = Vec::new();
        let mut run: Vec<Call> = Vec::new();
        for call in calls {
            if let Err(failure) = self.registry.check(&call.tool, &call.args) {
                events.extend(wrong(&call, &failure.to_string()));
                continue;
            }
            events.push(judged(&call, Verdict::Allow(Reason::Looks)));
            match repeated(case, &call) {
                Some(event) => events.push(event),
                None => run.push(call),
            }
        }
        if !events.is_empty() {
            case.write(events).await?;
        }
        let again: Vec<_> = run.extract_if(.., |call| self.registry.kind(&call.tool) == Some(Kind::Reread)).collect();
        for call in again {
            let answer = self.reread(case, &call);
            case.write(vec![self.answered_look(&call, answer)]).await?;
        }
        let first = |call: &Call| case.incident().call(&call.id).is_some_and(|state| state.by == TRIAGE);
        let limits: Vec<_> = run.iter().map(|call| first(call).then_some(self.options.triage_within)).collect();
        let mut running: FuturesUnordered<_> = run
            .into_iter()
            .zip(limits)
            .map(|(call, limit)| async move {
                let event = match limit {
                    Some(limit) => tokio::time::timeout(limit, self.ask(&call)).await.map_err(|_| limit),
                    None => Ok(self.ask(&call).await),
                };
                (call, event)
            })
            .collect();
        while let Some((call, answer)) = running.next().await {
            let event = match answer {
                Ok(answer) => self.answered_look(&call, answer),
                Err(limit) => left_out(&call, limit),
            };
            case.write(vec![event]).await?;
        }
        Ok(())
    }

    fn reread(&self, case: &Case, call: &Call) -> Result<Answer, Failure> {
        self.registry.reread_with(&call.tool, &call.args, |seq| {
            let Event::Answered { text, data, raw, .. } = &case.entry(seq)?.event else {
                return None;
            };
            Some(Kept { text, data, raw })
        })
    }

    async fn ask(&self, call: &Call) -> Result<Answer, Failure> {
        let mut tried = 1;
        loop {
            match self.registry.run(&call.tool, &call.args).await {
                // One that asks to be left alone is left alone.
                Err(Failure::Unreachable { system, why, retry_after: None }) if tried < TRIES => {
                    tracing::debug!(call = call.id, %system, why, "asked once more");
                    tried += 1;
                }
                answer => return answer,
            }
        }
    }

    fn answered_look(&self, call: &Call, answer: Result<Answer, Failure>) -> Event {
        let (text, data, raw, status) = match answer {
            Ok(Answer { text, data, raw }) => (text, shallow(data), self.bounded(shallow(raw)), AnswerStatus::Ok),
            Err(Failure::Tell(text)) => (text, Value::Null, Value::Null, AnswerStatus::Wrong),
            Err(failure @ Failure::Unreachable { system, .. }) => {
                (failure.to_string(), Value::Null, Value::Null, AnswerStatus::Unreachable { system })
            }
        };
        let instructs = tools::reads_as_instruction(&text);
        Event::Answered { call: call.id.clone(), tool: call.tool.clone(), text, data, raw, status, instructs }
    }

    /// The raw answer, or what is said in its place when it is larger than the journal keeps.
    fn bounded(&self, raw: Value) -> Value {
        let bytes = raw.to_string().len();
        if bytes <= self.options.answer_bytes {
            return raw;
        }
        Value::String(format!("[left out: {bytes} bytes, at most {} are kept]", self.options.answer_bytes))
    }
}

/// What the first look had no time for is said, not waited for.
fn left_out(call: &Call, limit: Duration) -> Event {
    let text = format!("no answer within {limit:?}: left out of the first look; call it again if it matters");
    let after_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    Event::answered(call, text, AnswerStatus::LeftOut { after_ms })
}

/// The answer of the turn before to the very same call, given again; a change in between makes it stale.
fn repeated(case: &Case, call: &Call) -> Option<Event> {
    let incident = case.incident();
    let turn = incident.call(&call.id)?.turn;
    let before: Seq = incident.calls.iter().map(|state| state.turn).filter(|other| *other < turn).max()?;
    let changed = incident.changes().map(|(_, change)| change.seq).max().unwrap_or(0);
    let same = incident.calls.iter().find(|state| {
        state.turn == before
            && state.call.tool == call.tool
            && state.call.args == call.args
            && matches!(state.status, Some(AnswerStatus::Ok | AnswerStatus::Repeated { .. }))
            && state.answer.is_some_and(|seq| seq > changed)
    })?;
    let Entry { seq, event, .. } = case.entry(same.answer?)?;
    let Event::Answered { text, data, status, .. } = event else {
        return None;
    };
    let original = if let AnswerStatus::Repeated { seq } = status { *seq } else { *seq };
    Some(Event::Answered {
        call: call.id.clone(),
        tool: call.tool.clone(),
        text: format!("The same call stands in [{original}], a turn ago; its answer was:\n{text}"),
        data: data.clone(),
        raw: Value::Null,
        status: AnswerStatus::Repeated { seq: original },
        instructs: None,
    })
}
