//! A provider's answer, whole or in chunks, as a step.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::request::without_nulls;
use crate::{
    incident::{Conclusion, Usage},
    model::{CONCLUDE, Step, Wanted},
};

/// Calls that one answer may hold.
const CALLS: usize = 64;

/// A whole answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<ProviderUsage>,
}

/// A part of a streamed answer.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<ProviderUsage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(alias = "delta", default)]
    message: Part,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Part {
    #[serde(default)]
    content: Option<String>,
    #[serde(default, alias = "reasoning")]
    reasoning_content: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Debug, Deserialize)]
struct ToolCall {
    #[serde(default)]
    index: Option<usize>,
    #[serde(default)]
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ProviderUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

fn or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ToolCall>, D::Error> {
    Ok(Option::<Vec<ToolCall>>::deserialize(from)?.unwrap_or_default())
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    content: String,
    reasoning: String,
    calls: Vec<(String, String)>,
    pub(super) usage: Option<Usage>,
    /// Whether the provider said that it was done.
    pub(super) finished: bool,
}

impl From<Answer> for Gathered {
    fn from(answer: Answer) -> Self {
        let mut gathered = Self::default();
        gathered.add(Chunk { choices: answer.choices, usage: answer.usage });
        gathered
    }
}

impl Gathered {
    pub(super) fn add(&mut self, chunk: Chunk) {
        if let Some(usage) = chunk.usage {
            self.usage = Some(Usage {
                input_tokens: usage.prompt_tokens,
                cached_tokens: usage.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
                output_tokens: usage.completion_tokens,
                cost: 0.0,
            });
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return };
        self.finished |= choice.finish_reason.is_some();
        self.content.push_str(choice.message.content.as_deref().unwrap_or_default());
        self.reasoning.push_str(choice.message.reasoning_content.as_deref().unwrap_or_default());
        for (place, call) in choice.message.tool_calls.into_iter().enumerate() {
            let index = call.index.unwrap_or(place).min(CALLS);
            while self.calls.len() <= index {
                self.calls.push(Default::default());
            }
            if let Some((name, arguments)) = self.calls.get_mut(index) {
                name.push_str(call.function.name.as_deref().unwrap_or_default());
                arguments.push_str(call.function.arguments.as_deref().unwrap_or_default());
            }
        }
    }

    /// All that the model wrote, for counting.
    pub(super) fn text(&self) -> String {
        let calls: Vec<_> = self.calls.iter().map(|(name, arguments)| format!("{name}{arguments}")).collect();
        format!("{}{}{}", self.reasoning, self.content, calls.concat())
    }

    /// What the model wants, with its reasoning; `None` when it said nothing at all.
    pub(super) fn step(self) -> Option<(String, Step)> {
        let (content, inner) = without_thinking(&self.content);
        let thought = [self.reasoning.trim(), inner.trim()].join("\n").trim().to_owned();
        let wanted: Vec<_> = self.calls.into_iter().filter(|(name, _)| !name.is_empty()).map(wanted).collect();
        if let [only] = wanted.as_slice()
            && only.tool == CONCLUDE
            && let Ok(conclusion) = serde_json::from_value::<Conclusion>(only.args.clone())
        {
            return Some((spoken(&thought, &content), Step::Conclude(Box::new(conclusion))));
        }
        if !wanted.is_empty() {
            return Some((spoken(&thought, &content), Step::Calls(wanted)));
        }
        (!content.is_empty()).then_some((thought, Step::Said(content)))
    }
}

fn spoken(thought: &str, content: &str) -> String {
    [thought, content].join("\n").trim().to_owned()
}

/// Arguments as JSON; as text when they are none, so that the model is told what was wrong.
fn wanted((tool, arguments): (String, String)) -> Wanted {
    let empty = arguments.trim().is_empty();
    let args = if empty { Ok(Value::Object(serde_json::Map::new())) } else { serde_json::from_str(&arguments) };
    Wanted { tool, args: args.map(without_nulls).unwrap_or(Value::String(arguments)) }
}

/// Text without `<think>…</think>`, and what stood in it.
fn without_thinking(content: &str) -> (String, String) {
    let Some((before, rest)) = content.split_once("<think>") else { return (content.trim().to_owned(), String::new()) };
    let (inner, after) = rest.split_once("</think>").unwrap_or((rest, ""));
    (format!("{before}{after}").trim().to_owned(), inner.to_owned())
}
