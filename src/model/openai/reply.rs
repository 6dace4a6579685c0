//! From an answer to a step: calls, a conclusion, or words.

use serde_json::Value;

use super::{
    Price,
    answer::{Called, Collected},
    count_tokens,
    fault::Fault,
    schema::without_nulls,
};
use crate::{
    incident::{Conclusion, Usage},
    model::{CONCLUDE, Step, Wanted},
};

/// What the model thought and wants. On the last turn a conclusion counts whatever stands beside it; before that calls count,
/// since a conclusion that was written before their answers rests on nothing.
pub(super) fn step(collected: Collected, last: bool) -> Result<(String, Step), Fault> {
    let Collected { content, reasoning, calls, finish, .. } = collected;
    let (tagged, content) = split_thinking(&content);
    let reasoning = joined(&[&reasoning, &tagged]);
    if calls.is_empty() {
        return words(content, reasoning, finish.as_deref());
    }
    let mut wanted: Vec<_> = calls.into_iter().map(wanted).collect();
    let thought = joined(&[&reasoning, &content]);
    let others = wanted.iter().any(|call| call.tool != CONCLUDE);
    if last || !others {
        let conclusion = wanted.iter().filter(|call| call.tool == CONCLUDE).find_map(|call| conclusion(&call.args));
        if let Some(conclusion) = conclusion {
            return Ok((thought, Step::Conclude(Box::new(conclusion))));
        }
    } else {
        wanted.retain(|call| call.tool != CONCLUDE);
    }
    Ok((thought, Step::Calls(wanted)))
}

/// A model that does not write calls may write its conclusion as text.
fn words(content: String, reasoning: String, finish: Option<&str>) -> Result<(String, Step), Fault> {
    if content.is_empty() {
        let why = match finish {
            Some("length") => {
                " (finish_reason length: max_output_tokens was used up before it said anything)".to_owned()
            }
            Some(reason) => format!(" (finish_reason {reason})"),
            None => String::new(),
        };
        return Err(Fault::Empty(why));
    }
    let bare =
        content.strip_prefix("```json").or(content.strip_prefix("```")).and_then(|text| text.strip_suffix("```"));
    let written =
        serde_json::from_str(bare.unwrap_or(&content)).ok().and_then(|value| conclusion(&without_nulls(value)));
    match written {
        Some(conclusion) => Ok((reasoning, Step::Conclude(Box::new(conclusion)))),
        None => Ok((reasoning, Step::Said(content))),
    }
}

fn wanted(called: Called) -> Wanted {
    let Called { name, arguments, .. } = called;
    let args = match serde_json::from_str(&arguments) {
        // Written twice: JSON in a JSON string.
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(args @ Value::Object(_)) => without_nulls(args),
            Ok(_) | Err(_) => Value::String(inner),
        },
        Ok(args) => without_nulls(args),
        Err(_) if arguments.trim().is_empty() => Value::Object(serde_json::Map::new()),
        Err(_) => Value::String(arguments),
    };
    Wanted { tool: name, args }
}

fn conclusion(args: &Value) -> Option<Conclusion> {
    serde_json::from_value(args.clone()).ok().map(Conclusion::as_written)
}

/// Splits `<think>…</think>` off the front; some servers swallow the opening tag.
fn split_thinking(content: &str) -> (String, String) {
    let content = content.trim();
    let (thinking, rest) = match (content.strip_prefix("<think>"), content.split_once("</think>")) {
        (Some(open), None) => (open, ""),
        (Some(open), Some(_)) => open.split_once("</think>").unwrap_or((open, "")),
        (None, Some((thinking, rest))) if !thinking.contains("<think>") => (thinking, rest),
        (None, Some(_) | None) => ("", content),
    };
    (thinking.trim().to_owned(), rest.trim().to_owned())
}

fn joined(texts: &[&str]) -> String {
    texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Usage for a provider that tells none.
pub(super) fn counted(model: &str, read: &str, written: &str) -> Usage {
    let count = |text: &str| count_tokens(model, text) as u64;
    Usage { input_tokens: count(read), cached_tokens: 0, output_tokens: count(written), cost: 0.0 }
}

/// Usage with its cost by the price table.
#[expect(clippy::cast_precision_loss, reason = "no turn has 2^52 tokens")]
pub(super) fn priced(usage: Usage, price: Price) -> Usage {
    let cached_tokens = usage.cached_tokens.min(usage.input_tokens);
    let fresh = usage.input_tokens - cached_tokens;
    let cost = fresh as f64 * price.input_per_million
        + cached_tokens as f64 * price.cached_input_per_million
        + usage.output_tokens as f64 * price.output_per_million;
    Usage { cached_tokens, cost: cost / 1_000_000.0, ..usage }
}
