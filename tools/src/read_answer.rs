//! `read_answer`: a part of an answer that was too big to be shown whole.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Failure, Kept, Reread, jq_path, text};

/// Lines told at once.
const LINES: usize = 80;
const LINES_MOST: usize = 400;
/// Lines told around one that was searched for.
const AROUND: usize = 2;
/// Characters of one value that a path leads to.
const VALUE: usize = 4_000;

/// Reads a part of an earlier answer of this investigation again, such as one that was shown in short: some of its lines, the lines that
/// hold a text, or what a path in jq's words leads to in the answer of the outside system itself. Costs nothing and asks nobody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"entry": 12, "containing": "timeout"}]))]
pub struct ReadAnswerArgs {
    /// The number in brackets before the answer.
    pub entry: u64,
    /// The first line that is wanted, counted from 1; not given: the first.
    pub from_line: Option<usize>,
    /// How many lines; 80 if not given, 400 at most.
    pub lines: Option<usize>,
    /// Only lines that hold this text, in any case, with two around each.
    pub containing: Option<String>,
    /// A path in jq's words, such as `.data.result[0].metric`, into the outside system's own answer.
    pub jq: Option<String>,
}

/// Reads earlier answers again.
pub struct ReadAnswer;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    entry: u64,
    /// Lines with their numbers, or values.
    found: Vec<String>,
    /// Lines or values that there are.
    all: usize,
    #[serde(skip)]
    what: &'static str,
}

impl Reread for ReadAnswer {
    const NAME: &'static str = "read_answer";
    type Args = ReadAnswerArgs;
    type Output = Found;

    fn entry(&self, args: &ReadAnswerArgs) -> u64 {
        args.entry
    }

    fn run(&self, args: &ReadAnswerArgs, kept: Kept<'_>) -> Result<Found, Failure> {
        let most = args.lines.unwrap_or(LINES).clamp(1, LINES_MOST);
        match (&args.jq, &args.containing) {
            (Some(_), Some(_)) => Err(Failure::Tell("give either `jq` or `containing`".to_owned())),
            (Some(path), None) => values(args.entry, path, kept, most),
            (None, Some(wanted)) => Ok(holding(args.entry, wanted, kept.text, most)),
            (None, None) => Ok(lines(args.entry, args.from_line.unwrap_or(1).max(1), kept.text, most)),
        }
    }
}

fn lines(entry: u64, from: usize, text: &str, most: usize) -> Found {
    let found = numbered(text).skip(from - 1).take(most).map(|(_, line)| line).collect();
    Found { entry, found, all: text.lines().count(), what: "lines" }
}

fn holding(entry: u64, wanted: &str, text: &str, most: usize) -> Found {
    let wanted = wanted.to_lowercase();
    let hits: Vec<usize> =
        text.lines().enumerate().filter(|(_, line)| line.to_lowercase().contains(&wanted)).map(|(at, _)| at).collect();
    let near = |at: usize| hits.iter().any(|hit| hit.abs_diff(at) <= AROUND);
    let found = numbered(text).filter(|(at, _)| near(*at)).take(most).map(|(_, line)| line).collect();
    Found { entry, found, all: hits.len(), what: "lines that hold it" }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().map(|(at, line)| (at, format!("{}: {line}", at + 1)))
}

/// Into the outside system's answer; where that was not kept, into the tool's own.
fn values(entry: u64, path: &str, kept: Kept<'_>, most: usize) -> Result<Found, Failure> {
    let of = if matches!(kept.raw, Value::Object(_) | Value::Array(_)) { kept.raw } else { kept.data };
    let values = jq_path::follow(path, of).map_err(Failure::Tell)?;
    if values.is_empty() {
        return Err(Failure::Tell(format!("{path} leads to nothing in [{entry}]; at its top there is {}", top(of))));
    }
    let all = values.len();
    let found = values.into_iter().take(most).map(|value| text::cut(&value.to_string(), VALUE)).collect();
    Ok(Found { entry, found, all, what: "values" })
}

fn top(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().take(20).map(String::as_str).collect();
            format!("an object with {}", names.join(", "))
        }
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text::cut(&value.to_string(), 80),
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "of [{}]: {} {}", self.entry, self.all, self.what)?;
        self.found.iter().try_for_each(|line| write!(out, "\n{line}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Registry;

    fn asked(args: Value) -> Result<String, String> {
        let registry = Registry::new().0.reread(ReadAnswer);
        let text =
            (1..=200).map(|at| format!("line {at}{}", if at == 120 { " Timeout" } else { "" })).collect::<Vec<_>>();
        let (text, raw, data) = (text.join("\n"), json!({"data": {"result": [{"v": 1}, {"v": 2}]}}), json!(null));
        let kept = |entry| (entry == 12).then_some(Kept { text: &text, data: &data, raw: &raw });
        registry
            .reread_with("read_answer", &args, kept)
            .map(|answer| answer.text)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn an_answer_is_read_in_parts() {
        insta::assert_snapshot!(asked(json!({"entry": 12, "from_line": 7, "lines": 2})).unwrap(), @"
        of [12]: 200 lines
        7: line 7
        8: line 8
        ");
        insta::assert_snapshot!(asked(json!({"entry": 12, "containing": "timeout"})).unwrap(), @"
        of [12]: 1 lines that hold it
        118: line 118
        119: line 119
        120: line 120 Timeout
        121: line 121
        122: line 122
        ");
        insta::assert_snapshot!(asked(json!({"entry": 12, "jq": ".data.result[].v"})).unwrap(), @"
        of [12]: 2 values
        1
        2
        ");
    }

    #[test]
    fn what_is_wrong_is_told() {
        insta::assert_snapshot!(asked(json!({"entry": 3})).unwrap_err(), @"[3] is no answer of this investigation; give the number that stands before one");
        insta::assert_snapshot!(asked(json!({"entry": 12, "jq": ".nothing"})).unwrap_err(), @".nothing leads to nothing in [12]; at its top there is an object with data");
        insta::assert_snapshot!(asked(json!({"entry": 12, "jq": ".a", "containing": "b"})).unwrap_err(), @"give either `jq` or `containing`");
        insta::assert_snapshot!(asked(json!({"entry": "12"})).unwrap_err(), @r#"wrong arguments for read_answer: at `entry`: invalid type: string "12", expected u64. A call that would be right: {"entry":12,"containing":"timeout"}"#);
    }
}
