//! Fields that not every server takes: sent at first, left out once a server has turned them down.

use serde_json::Value;

use super::{fault::Fault, request::Request};

/// A field that some servers turn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    /// Without it `max_tokens` is sent.
    MaxCompletionTokens = 1,
    /// Without it parallel calls are as the server likes.
    ParallelToolCalls = 2,
    /// Without it the tools' own schemas are sent.
    Strict = 4,
    /// Without it a stream may bring no usage; tokens are counted here then.
    StreamOptions = 8,
    /// Without it the model may talk where it should conclude.
    ToolChoice = 16,
    /// Without it the temperature is the model's own.
    Temperature = 32,
}

impl Field {
    const ALL: [(Self, &'static [&'static str]); 6] = [
        (Self::MaxCompletionTokens, &["max_completion_tokens"]),
        (Self::ParallelToolCalls, &["parallel_tool_calls"]),
        // A schema that strict mode does not take is turned down without naming the mode.
        (Self::Strict, &["strict", "invalid_function_parameters"]),
        (Self::StreamOptions, &["stream_options", "include_usage"]),
        (Self::ToolChoice, &["tool_choice"]),
        (Self::Temperature, &["temperature"]),
    ];
}

/// The fields that one server turns down, as a set of bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Refused(u8);

impl Refused {
    pub(super) fn of_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn has(self, field: Field) -> bool {
        self.0 & field as u8 != 0
    }

    /// The set with the field that this fault names; `None` when it names none that was sent.
    pub(super) fn with_named(self, fault: &Fault, request: &Request<'_>) -> Option<Self> {
        let Fault::Status { status: 400 | 422, body, .. } = fault else {
            return None;
        };
        // An error that names its parameter names it there; its text may name others in passing.
        let error = serde_json::from_str::<Value>(body).ok();
        let of = |part: &str| error.as_ref().and_then(|error| error.pointer(part)?.as_str());
        let said = match of("/error/param") {
            Some(param) => format!("{param} {}", of("/error/code").unwrap_or_default()),
            None => body.clone(),
        };
        let named_by = |names: &[&str]| names.iter().any(|name| has_word(&said, name));
        let named = Field::ALL.iter().find(|(field, names)| request.sends(*field) && named_by(names));
        named.map(|(field, _)| Self(self.0 | *field as u8))
    }
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}
