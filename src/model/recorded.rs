//! A model's turns on tape: recorded in front of another model, or answered again from a tape or a journal.

use std::{
    io::Write,
    sync::{Mutex, PoisonError},
};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FellBack, Model, ModelError, Reply, SharedModel, Step, Transcript, Wanted};
use crate::incident::{Conclusion, Entry, Event, IncidentId, PAGER, TRIAGE, Usage};

/// The name under which a model that answers from a tape stands in the journal's questions.
const NAME: &str = "recorded";

/// Records what another model answers.
pub struct Recorder {
    inner: SharedModel,
    sink: Mutex<Option<Box<dyn Write + Send>>>,
}

impl Recorder {
    /// Records into this sink: one line of JSON a reply, in the order in which they came. A sink that fails ends the tape, not
    /// the investigation.
    pub fn new(inner: SharedModel, sink: impl Write + Send + 'static) -> Self {
        Self { inner, sink: Mutex::new(Some(Box::new(sink))) }
    }

    fn record(&self, incident: IncidentId, reply: &Reply) {
        let mut place = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sink) = place.as_mut() else { return };
        let line = serde_json::to_string(&Line::of(incident, reply)).map_err(std::io::Error::other);
        if let Err(error) = line.and_then(|line| writeln!(sink, "{line}")).and_then(|()| sink.flush()) {
            tracing::warn!(%error, incident, "the recording ends here: its sink cannot be written");
            *place = None;
        }
    }
}

impl Model for Recorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn window(&self) -> Option<usize> {
        self.inner.window()
    }

    fn count(&self, text: &str) -> usize {
        self.inner.count(text)
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        Box::pin(async move {
            let reply = self.inner.next(transcript).await?;
            self.record(transcript.incident.id, &reply);
            Ok(reply)
        })
    }
}

/// Answers from what was recorded: the n-th turn of an investigation gets the n-th reply, whatever is asked.
#[derive(Debug, Clone)]
pub struct Recorded {
    replies: Vec<Reply>,
}

impl Recorded {
    /// The turns of models in a journal; triage is no model.
    pub fn from_entries(entries: &[Entry]) -> Self {
        Self { replies: replies(entries) }
    }

    /// The turns of one incident on a [`Recorder`]'s tape.
    ///
    /// # Errors
    /// The line that cannot be read, and why.
    pub fn from_lines(tape: &str, incident: IncidentId) -> Result<Self, String> {
        let mut replies = Vec::new();
        for (number, line) in tape.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line: Line = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))?;
            if line.incident == incident {
                replies.push(line.into());
            }
        }
        Ok(Self { replies })
    }
}

impl Model for Recorded {
    fn name(&self) -> &str {
        NAME
    }

    fn window(&self) -> Option<usize> {
        None
    }

    fn next<'a>(&'a self, transcript: &'a Transcript<'a>) -> BoxFuture<'a, Result<Reply, ModelError>> {
        // Counted in the transcript, so that a replay can be stopped and taken up like the investigation itself.
        let taken = replies(transcript.entries).len();
        let reply = self.replies.get(taken).cloned().ok_or_else(|| ModelError {
            model: NAME.to_owned(),
            why: format!("turn {} is asked for, and {} were recorded", taken + 1, self.replies.len()),
            retry_after: None,
        });
        Box::pin(std::future::ready(reply))
    }
}

/// What models replied, read back from what was written of it.
fn replies(entries: &[Entry]) -> Vec<Reply> {
    let mut replies: Vec<Reply> = Vec::new();
    let mut fell_back = Vec::new();
    for entry in entries {
        if let Event::FellBack { from, to, why } = &entry.event {
            fell_back.push(FellBack { from: from.clone(), to: to.clone(), why: why.clone() });
        }
        if let Event::Turned { model, thought, calls, usage } = &entry.event
            && model != TRIAGE
            && model != PAGER
        {
            let wanted = calls.iter().map(|call| Wanted { tool: call.tool.clone(), args: call.args.clone() });
            let (thought, step) = if calls.is_empty() {
                (String::new(), Step::Said(thought.clone()))
            } else {
                (thought.clone(), Step::Calls(wanted.collect()))
            };
            let fell_back = std::mem::take(&mut fell_back);
            replies.push(Reply { model: model.clone(), thought, step, usage: *usage, fell_back });
        }
        if let Event::Concluded { model, conclusion } | Event::SentBack { model, conclusion, .. } = &entry.event {
            // What code found wrong with it is found again.
            let step = Step::Conclude(Box::new(conclusion.clone().as_written()));
            match replies.last_mut() {
                // A turn without calls and the conclusion after it are one reply.
                Some(Reply { model: turned, thought, step: said @ Step::Said(_), .. }) if turned == model => {
                    if let Step::Said(text) = std::mem::replace(said, step) {
                        *thought = text;
                    }
                }
                Some(_) | None => {
                    let (thought, usage) = (String::new(), Usage::default());
                    let fell_back = std::mem::take(&mut fell_back);
                    replies.push(Reply { model: model.clone(), thought, step, usage, fell_back });
                }
            }
        }
    }
    replies
}

/// A reply on tape.
#[derive(Serialize, Deserialize)]
struct Line {
    incident: IncidentId,
    model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    thought: String,
    step: LineStep,
    usage: Usage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fell_back: Vec<LineFellBack>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineStep {
    Calls(Vec<LineWanted>),
    Conclude(Box<Conclusion>),
    Said(String),
}

#[derive(Serialize, Deserialize)]
struct LineWanted {
    tool: String,
    args: Value,
}

#[derive(Serialize, Deserialize)]
struct LineFellBack {
    from: String,
    to: String,
    why: String,
}

impl Line {
    fn of(incident: IncidentId, reply: &Reply) -> Self {
        let Reply { model, thought, step, usage, fell_back } = reply.clone();
        let step = match step {
            Step::Calls(wanted) => {
                LineStep::Calls(wanted.into_iter().map(|Wanted { tool, args }| LineWanted { tool, args }).collect())
            }
            Step::Conclude(conclusion) => LineStep::Conclude(conclusion),
            Step::Said(text) => LineStep::Said(text),
        };
        let fell_back =
            fell_back.into_iter().map(|FellBack { from, to, why }| LineFellBack { from, to, why }).collect();
        Self { incident, model, thought, step, usage, fell_back }
    }
}

impl From<Line> for Reply {
    fn from(line: Line) -> Self {
        let Line { model, thought, step, usage, fell_back, .. } = line;
        let step = match step {
            LineStep::Calls(wanted) => {
                Step::Calls(wanted.into_iter().map(|LineWanted { tool, args }| Wanted { tool, args }).collect())
            }
            LineStep::Conclude(conclusion) => Step::Conclude(conclusion),
            LineStep::Said(text) => Step::Said(text),
        };
        let fell_back =
            fell_back.into_iter().map(|LineFellBack { from, to, why }| FellBack { from, to, why }).collect();
        Self { model, thought, step, usage, fell_back }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::incident::{Call, Claim, Incident};

    const USAGE: Usage = Usage { input_tokens: 10, cached_tokens: 2, output_tokens: 3, cost: 0.5 };

    fn conclusion(not_checked: &[&str]) -> Conclusion {
        Conclusion {
            summary: "It was killed.".to_owned(),
            cause: "Memory.".to_owned(),
            claims: vec![Claim { text: "OOM".to_owned(), evidence: vec![2], unproven: None }],
            next_steps: Vec::new(),
            resolved: true,
            not_checked: not_checked.iter().map(|text| (*text).to_owned()).collect(),
            ..Conclusion::default()
        }
    }

    fn turned(model: &str, thought: &str, tools: &[&str]) -> Event {
        let calls = tools.iter().map(|tool| Call { id: "c1".to_owned(), tool: (*tool).to_owned(), args: json!({}) });
        Event::Turned { model: model.to_owned(), thought: thought.to_owned(), calls: calls.collect(), usage: USAGE }
    }

    fn entries(events: Vec<Event>) -> Vec<Entry> {
        let numbered = (1..).zip(events);
        numbered.map(|(seq, event)| Entry { seq, at: DateTime::UNIX_EPOCH, incident: 7, event }).collect()
    }

    async fn ask(model: &dyn Model, entries: &[Entry]) -> Result<Reply, ModelError> {
        let incident = Incident::new(7);
        model.next(&Transcript { incident: &incident, entries, system: "", messages: Vec::new(), tools: &[] }).await
    }

    fn journal() -> Vec<Entry> {
        entries(vec![
            turned("triage", "", &["list_alerts"]),
            Event::FellBack { from: "dear".to_owned(), to: "cheap".to_owned(), why: "answered 503".to_owned() },
            turned("cheap", "look", &["inspect_container"]),
            turned("cheap", "hm", &[]),
            turned("cheap", "done", &[]),
            Event::Concluded { model: "cheap".to_owned(), conclusion: conclusion(&["Loki was down"]) },
        ])
    }

    fn reply(thought: &str, step: Step) -> Reply {
        Reply { model: "cheap".to_owned(), thought: thought.to_owned(), step, usage: USAGE, fell_back: Vec::new() }
    }

    #[tokio::test]
    async fn a_journal_answers_turn_by_turn_and_says_when_it_is_over() {
        let journal = journal();
        let recorded = Recorded::from_entries(&journal);
        let calls = Step::Calls(vec![Wanted { tool: "inspect_container".to_owned(), args: json!({}) }]);
        let fell_back = FellBack { from: "dear".to_owned(), to: "cheap".to_owned(), why: "answered 503".to_owned() };
        let first = Reply { fell_back: vec![fell_back], ..reply("look", calls) };
        assert_eq!(ask(&recorded, &journal[..1]).await.unwrap(), first, "triage is no model");
        assert_eq!(ask(&recorded, &journal[..3]).await.unwrap(), reply("", Step::Said("hm".to_owned())));
        let end = reply("done", Step::Conclude(Box::new(conclusion(&[]))));
        assert_eq!(ask(&recorded, &journal[..4]).await.unwrap(), end);
        let error = ask(&recorded, &journal).await.unwrap_err();
        assert_eq!(error.to_string(), "recorded: turn 4 is asked for, and 3 were recorded");
    }

    /// A sink that the test reads.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_tape_is_read_back_as_it_was_recorded() {
        let journal = journal();
        let inner = Arc::new(Recorded::from_entries(&journal));
        let sink = Shared::default();
        let recorder = Recorder::new(inner.clone(), sink.clone());
        for end in [1, 3, 4] {
            ask(&recorder, &journal[..end]).await.unwrap();
        }
        ask(&recorder, &journal).await.unwrap_err();
        let tape = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(tape, @r#"
        {"incident":7,"model":"cheap","thought":"look","step":{"calls":[{"tool":"inspect_container","args":{}}]},"usage":{"input_tokens":10,"cached_tokens":2,"output_tokens":3,"cost":0.5},"fell_back":[{"from":"dear","to":"cheap","why":"answered 503"}]}
        {"incident":7,"model":"cheap","step":{"said":"hm"},"usage":{"input_tokens":10,"cached_tokens":2,"output_tokens":3,"cost":0.5}}
        {"incident":7,"model":"cheap","thought":"done","step":{"conclude":{"summary":"It was killed.","cause":"Memory.","claims":[{"text":"OOM","evidence":[2]}],"next_steps":[],"resolved":true,"not_checked":[]}},"usage":{"input_tokens":10,"cached_tokens":2,"output_tokens":3,"cost":0.5}}
        "#);
        assert_eq!(Recorded::from_lines(&tape, 7).unwrap().replies, inner.replies);
        assert!(Recorded::from_lines(&tape, 8).unwrap().replies.is_empty());
        assert!(Recorded::from_lines("\n{", 7).unwrap_err().starts_with("line 2: "));
    }

    /// A sink whose disk is full after the first line.
    struct Full(Shared);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.0.lock().unwrap().contains(&b'\n') {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_sink_that_fails_ends_the_tape_and_not_the_investigation() {
        let journal = journal();
        let sink = Shared::default();
        let recorder = Recorder::new(Arc::new(Recorded::from_entries(&journal)), Full(sink.clone()));
        for end in [1, 3, 4] {
            ask(&recorder, &journal[..end]).await.unwrap();
        }
        assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap().lines().count(), 1);
    }
}
