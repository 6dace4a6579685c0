//! What comes back, whole or in pieces. Anything may be missing or more than is known here.

use serde::Deserialize;
use serde_json::Value;

use super::fault::Fault;
use crate::incident::Usage;

/// Calls that one answer may hold.
const CALLS: usize = 128;

/// A chat completion, or one chunk of it: they differ in `message` and `delta` only.
#[derive(Deserialize)]
pub(super) struct Piece {
    choices: Option<Vec<Choice>>,
    usage: Option<SentUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Delta>,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Value>,
    refusal: Option<Value>,
    /// As DeepSeek, vLLM and llama.cpp call it.
    reasoning_content: Option<Value>,
    /// As OpenRouter and Ollama call it.
    reasoning: Option<Value>,
    tool_calls: Option<Vec<Fragment>>,
}

#[derive(Deserialize)]
struct Fragment {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct SentUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl Piece {
    /// Whether this can be an answer at all: any JSON object reads as a piece.
    pub(super) fn is_answer(&self) -> bool {
        self.choices.is_some() || self.error.is_some()
    }
}

/// An answer put together.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) content: String,
    pub(super) reasoning: String,
    pub(super) calls: Vec<Called>,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Usage>,
}

/// A call as the model wrote it.
#[derive(Default)]
pub(super) struct Called {
    index: Option<u64>,
    id: Option<String>,
    pub(super) name: String,
    /// JSON text, of which nothing is known yet.
    pub(super) arguments: String,
}

impl Collected {
    /// Takes one more piece.
    pub(super) fn add(&mut self, piece: Piece) -> Result<(), Fault> {
        if let Some(error) = piece.error.filter(|error| !error.is_null()) {
            return Err(error_of(&error));
        }
        if let Some(usage) = piece.usage {
            self.usage = Some(usage.into());
        }
        let Some(choice) = piece.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(());
        };
        if choice.finish_reason.is_some() {
            self.finish = choice.finish_reason;
        }
        let Some(delta) = choice.delta.or(choice.message) else {
            return Ok(());
        };
        self.content.push_str(&text(delta.content.as_ref()));
        self.content.push_str(&text(delta.refusal.as_ref()));
        // Servers that send both names send the same text under both.
        let reasoning = text(delta.reasoning_content.as_ref());
        let reasoning = if reasoning.is_empty() { text(delta.reasoning.as_ref()) } else { reasoning };
        self.reasoning.push_str(&reasoning);
        delta.tool_calls.into_iter().flatten().try_for_each(|fragment| self.call(fragment))
    }

    fn call(&mut self, fragment: Fragment) -> Result<(), Fault> {
        let Fragment { index, id, function } = fragment;
        let id = id.filter(|id| !id.is_empty());
        let (name, arguments) = function.map_or((None, None), |function| (function.name, function.arguments));
        let name = name.filter(|name| !name.is_empty());
        // A new id with a name begins a call even under an index that was used: some servers number all calls 0.
        let begins = |called: &Called| id.is_some() && called.id.is_some() && called.id != id && name.is_some();
        let position = match index {
            Some(_) => self.calls.iter().rposition(|called| called.index == index),
            None if name.is_some() => None,
            None => self.calls.len().checked_sub(1),
        };
        let position = position.filter(|position| self.calls.get(*position).is_some_and(|called| !begins(called)));
        if position.is_none() {
            if self.calls.len() >= CALLS {
                return Err(Fault::TooLarge(format!("the answer holds more than {CALLS} calls")));
            }
            self.calls.push(Called { index, id, ..Called::default() });
        }
        let called = match position {
            Some(position) => self.calls.get_mut(position),
            None => self.calls.last_mut(),
        };
        let Some(called) = called else { return Ok(()) };
        if let (true, Some(name)) = (called.name.is_empty(), name) {
            called.name = name;
        }
        match arguments {
            Some(Value::String(part)) => called.arguments.push_str(&part),
            Some(whole @ (Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_))) => {
                called.arguments = whole.to_string();
            }
            Some(Value::Null) | None => {}
        }
        Ok(())
    }

    /// All that the model wrote, for counting.
    pub(super) fn text(&self) -> String {
        let calls = self.calls.iter().flat_map(|called| [called.name.as_str(), called.arguments.as_str()]);
        let texts = [self.reasoning.as_str(), self.content.as_str()].into_iter().chain(calls);
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The whole answer, if it came to its end.
    pub(super) fn finished(self, streamed: bool) -> Result<Self, Fault> {
        if streamed && self.finish.is_none() {
            return Err(Fault::BrokeOff("the stream ended without a finish_reason".to_owned()));
        }
        Ok(self)
    }
}

impl From<SentUsage> for Usage {
    fn from(sent: SentUsage) -> Self {
        Self {
            input_tokens: sent.prompt_tokens.unwrap_or_default(),
            cached_tokens: sent.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default(),
            output_tokens: sent.completion_tokens.unwrap_or_default(),
            cost: 0.0,
        }
    }
}

/// An error that came with status 200, as routers send it once the answer has begun.
fn error_of(error: &Value) -> Fault {
    let code = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = code.filter(|code| (400..600).contains(code)).unwrap_or(200);
    Fault::Status { status, body: serde_json::json!({ "error": error }).to_string(), retry_after: None }
}

/// Text, or the texts of a list of parts.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str).or(part.as_str())).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => String::new(),
    }
}
