//! What is sent: the transcript and the tools in OpenAI's words.

use serde::Serialize;
use serde_json::{Value, json};
use tools::Spec;

use super::{
    OpenAiOptions,
    refused::{Field, Refused},
    schema::strict,
};
use crate::{
    incident::Call,
    model::{CONCLUDE, Message, Transcript, conclude_spec},
};

/// The body of a chat completion's request.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: Vec<Sent<'a>>,
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<usize>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
    #[serde(skip)]
    strict: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Sent<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Value>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

impl<'a> Request<'a> {
    /// The request for a transcript, without the fields that the server turns down.
    pub(super) fn of(options: &'a OpenAiOptions, transcript: &'a Transcript<'a>, refused: Refused) -> Self {
        let takes = |field| !refused.has(field);
        let last = transcript.tools.is_empty();
        let choice = if last { json!({"type": "function", "function": {"name": CONCLUDE}}) } else { json!("auto") };
        let strict = options.strict && takes(Field::Strict);
        let new_name = takes(Field::MaxCompletionTokens);
        Self {
            model: &options.model,
            messages: messages(transcript),
            tools: functions(transcript.tools, strict),
            tool_choice: takes(Field::ToolChoice).then_some(choice),
            parallel_tool_calls: takes(Field::ParallelToolCalls).then_some(options.parallel_tool_calls),
            temperature: options.temperature.filter(|_| takes(Field::Temperature)),
            max_completion_tokens: new_name.then_some(options.max_output_tokens),
            max_tokens: (!new_name).then_some(options.max_output_tokens),
            stream: options.streaming,
            stream_options: (options.streaming && takes(Field::StreamOptions)).then(|| json!({"include_usage": true})),
            strict,
        }
    }

    /// Whether the field stands in this request.
    pub(super) fn sends(&self, field: Field) -> bool {
        match field {
            Field::MaxCompletionTokens => self.max_completion_tokens.is_some(),
            Field::ParallelToolCalls => self.parallel_tool_calls.is_some(),
            Field::Strict => self.strict,
            Field::StreamOptions => self.stream_options.is_some(),
            Field::ToolChoice => self.tool_choice.is_some(),
            Field::Temperature => self.temperature.is_some(),
        }
    }

    /// What the model reads, for counting.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for message in &self.messages {
            match message {
                Sent::System { content } | Sent::User { content } | Sent::Tool { content, .. } => {
                    text.push_str(content)
                }
                Sent::Assistant { content, tool_calls } => {
                    text.push_str(content.unwrap_or_default());
                    tool_calls.iter().for_each(|call| text.push_str(&call.to_string()));
                }
            }
            text.push('\n');
        }
        self.tools.iter().for_each(|tool| text.push_str(&tool.to_string()));
        text
    }
}

/// The conversation. Providers want every call answered right after the turn that made it and nothing answered that was not
/// called; a transcript that was cut or is still open is made to hold to that.
fn messages<'a>(transcript: &'a Transcript<'a>) -> Vec<Sent<'a>> {
    let mut sent = vec![Sent::System { content: transcript.system }];
    let mut open: Vec<&str> = Vec::new();
    for message in &transcript.messages {
        match message {
            Message::Answer { call, text } => match open.iter().position(|id| id == call) {
                Some(position) => {
                    open.remove(position);
                    sent.push(Sent::Tool { tool_call_id: call, content: text });
                }
                None => {
                    close(&mut open, &mut sent);
                    sent.push(Sent::User { content: text });
                }
            },
            Message::User(text) => {
                close(&mut open, &mut sent);
                sent.push(Sent::User { content: text });
            }
            Message::Assistant { thought, calls } => {
                close(&mut open, &mut sent);
                if !thought.is_empty() || !calls.is_empty() {
                    let content = (!thought.is_empty()).then_some(thought.as_str());
                    sent.push(Sent::Assistant { content, tool_calls: calls.iter().map(call).collect() });
                }
                open.extend(calls.iter().map(|call| call.id.as_str()));
            }
        }
    }
    close(&mut open, &mut sent);
    sent
}

fn close<'a>(open: &mut Vec<&'a str>, sent: &mut Vec<Sent<'a>>) {
    sent.extend(open.drain(..).map(|id| Sent::Tool { tool_call_id: id, content: "(no answer)" }));
}

fn call(call: &Call) -> Value {
    // Servers read the arguments back for their chat templates and want an object there.
    let arguments = match &call.args {
        Value::Object(_) => call.args.to_string(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            json!({ "not_an_object": call.args }).to_string()
        }
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": arguments}})
}

fn functions(tools: &[Spec], strict: bool) -> Vec<Value> {
    let conclude = conclude_spec();
    let mut functions: Vec<_> =
        tools.iter().filter(|spec| spec.name != CONCLUDE).map(|spec| function(spec, strict)).collect();
    functions.push(function(&conclude, strict));
    functions
}

fn function(spec: &Spec, strict_mode: bool) -> Value {
    let example = spec.example.as_object().filter(|example| !example.is_empty());
    let description = match example {
        Some(_) => format!("{}\nExample: {}", spec.description, spec.example),
        None => spec.description.clone(),
    };
    // A schema that strict mode cannot say goes out as it is; the other tools stay strict.
    match strict_mode.then(|| strict(&spec.schema)).flatten() {
        Some(schema) => json!({"type": "function", "function":
            {"name": spec.name, "description": description, "parameters": schema, "strict": true}}),
        None => json!({"type": "function", "function":
            {"name": spec.name, "description": description, "parameters": spec.schema}}),
    }
}
