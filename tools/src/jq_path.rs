//! Paths in jq's words (`.data.result[0].metric`), read by jq's own parser. Only paths: a whole jq program may run without end.

use std::borrow::Cow;

use jaq_core::{
    load::{
        lex::{Lexer, StrPart},
        parse::{BinaryOp, Parser, Term},
    },
    path::{Opt, Part},
};
use serde_json::Value;

/// Values that one path may lead to; more are not followed.
const MOST: usize = 1_000;
/// Bytes of one path.
const LONGEST: usize = 500;
/// How deep a path may be, as if each bracket, sign and keyword were within the one before: the parser goes down for each.
const DEEPEST: usize = 40;

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// `.name`, `["name"]`.
    Field(String),
    /// `[2]`, `[-1]`.
    Item(i64),
    /// `[2:5]`: a part of an array, as one array.
    Part(Option<i64>, Option<i64>),
    /// `[]`: every item.
    Items,
    /// `..`
    All,
}

/// The values to which a path leads, in their order; what it does not find is left out.
///
/// # Errors
/// What of the path is not understood.
pub(crate) fn follow<'a>(path: &str, value: &'a Value) -> Result<Vec<Cow<'a, Value>>, String> {
    let mut steps = Vec::new();
    steps_of(&parsed(path)?, &mut steps)?;
    let mut found = vec![Cow::Borrowed(value)];
    for step in &steps {
        found = found.into_iter().flat_map(|value| taken(step, value)).take(MOST).collect();
    }
    Ok(found)
}

fn parsed(path: &str) -> Result<Term<&str>, String> {
    let wrong = |at: &str| match at {
        "" => format!("the jq path {path:?} ends too early; right would be .data.result[0].metric"),
        at => format!("the jq path {path:?} is not understood at {at:?}; right would be .data.result[0].metric"),
    };
    let deep = depth(path);
    if path.len() > LONGEST || deep > DEEPEST {
        let size = format!("is {} bytes long and has {deep} brackets, signs and keywords", path.len());
        return Err(format!("the jq path {size}; the most are {LONGEST} and {DEEPEST}"));
    }
    let tokens = Lexer::new(path).lex().map_err(|errors| wrong(errors.first().map_or("", |(_, at)| at)))?;
    let parser = Parser::new(&tokens);
    parser
        .parse(|parser| parser.term())
        .map_err(|errors| wrong(errors.first().and_then(|(_, token)| token.as_ref()).map_or("", |token| token.0)))
}

fn depth(path: &str) -> usize {
    let letters = path.chars();
    let before = std::iter::once(' ').chain(path.chars());
    let goes_down = |(before, letter): (char, char)| {
        let keyword = letter.is_alphabetic() && !(before.is_alphanumeric() || matches!(before, '.' | '"' | '_'));
        keyword || "([{|-,\\".contains(letter)
    };
    before.zip(letters).filter(|pair| goes_down(*pair)).count()
}

fn steps_of(term: &Term<&str>, into: &mut Vec<Step>) -> Result<(), String> {
    if let Term::Path(from, path) = term {
        steps_of(from, into)?;
        for (part, Opt::Optional | Opt::Essential) in &path.0 {
            into.push(step(part)?);
        }
        return Ok(());
    }
    if let Term::BinOp(first, BinaryOp::Pipe(None), second) = term {
        steps_of(first, into)?;
        return steps_of(second, into);
    }
    if matches!(term, Term::Recurse) {
        into.push(Step::All);
    }
    if matches!(term, Term::Recurse | Term::Id) { Ok(()) } else { Err(only_paths()) }
}

fn only_paths() -> String {
    "only paths of jq are understood: .field, [\"field\"], [0], [-1], [2:5], [], .. and | between them".to_owned()
}

fn step(part: &Part<Term<&str>>) -> Result<Step, String> {
    let bound = |bound: &Option<Term<&str>>| bound.as_ref().map(number).transpose();
    match part {
        Part::Range(None, None) => Ok(Step::Items),
        Part::Range(from, to) => Ok(Step::Part(bound(from)?, bound(to)?)),
        Part::Index(Term::Str(None, parts)) => {
            let text: Result<String, String> = parts
                .iter()
                .map(|part| match part {
                    StrPart::Str(text) => Ok((*text).to_owned()),
                    StrPart::Char(letter) => Ok(letter.to_string()),
                    StrPart::Term(_) => Err(only_paths()),
                })
                .collect();
            text.map(Step::Field)
        }
        Part::Index(other) => number(other).map(Step::Item),
    }
}

fn number(term: &Term<&str>) -> Result<i64, String> {
    if let Term::Neg(inner) = term {
        return number(inner).map(|number| -number);
    }
    let Term::Num(digits) = term else { return Err(only_paths()) };
    digits.parse().map_err(|_| format!("{digits:?} is no whole number"))
}

fn taken<'a>(step: &Step, value: Cow<'a, Value>) -> Vec<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => taken_from(step, value),
        // What was cut out of an array is ours, and so is what is taken from it.
        Cow::Owned(value) => taken_from(step, &value).into_iter().map(|found| Cow::Owned(found.into_owned())).collect(),
    }
}

fn taken_from<'a>(step: &Step, value: &'a Value) -> Vec<Cow<'a, Value>> {
    let borrowed = |found: Option<&'a Value>| found.map(Cow::Borrowed).into_iter().collect();
    match (step, value) {
        (Step::Field(name), Value::Object(fields)) => borrowed(fields.get(name)),
        (Step::Item(at), Value::Array(items)) => borrowed(index(*at, items.len()).and_then(|at| items.get(at))),
        (Step::Items, Value::Object(fields)) => fields.values().map(Cow::Borrowed).collect(),
        (Step::Items, Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        (Step::Part(from, to), Value::Array(items)) => {
            let from = from.map_or(0, |from| clamped(from, items.len()));
            let to = to.map_or(items.len(), |to| clamped(to, items.len()));
            let part = items.get(from..to.max(from)).unwrap_or_default().to_vec();
            vec![Cow::Owned(Value::Array(part))]
        }
        (Step::All, value) => every(value).into_iter().map(Cow::Borrowed).collect(),
        (Step::Field(_) | Step::Item(_) | Step::Items | Step::Part(..), _) => Vec::new(),
    }
}

/// From the end where it is negative, as in jq.
fn index(at: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if at < 0 { at + length } else { at }).ok()
}

fn clamped(at: i64, length: usize) -> usize {
    index(at, length).unwrap_or(0).min(length)
}

fn every(value: &Value) -> Vec<&Value> {
    let mut found = vec![value];
    let mut next = 0;
    while let Some(value) = found.get(next).copied().filter(|_| found.len() < MOST) {
        match value {
            Value::Array(items) => found.extend(items),
            Value::Object(fields) => found.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_where_jq_leads_them() {
        let value = json!({"data": {"result": [{"metric": {"le": "0.5", "a b": 1}}, {"metric": {"le": "1"}}, 7]}});
        let found =
            |path: &str| follow(path, &value).map(|found| found.into_iter().map(Cow::into_owned).collect::<Vec<_>>());
        for (path, wanted) in [
            (".data.result[0].metric.le", json!(["0.5"])),
            (".data.result[-1]", json!([7])),
            (".data.result[].metric?.le", json!(["0.5", "1"])),
            (".data.result[1:] | .[].metric.le", json!(["1"])),
            (r#".data["result"][0].metric["a b"]"#, json!([1])),
            (".data.nothing.at.all", json!([])),
            (".data.result[9]", json!([])),
            (".data.result[-1:]", json!([[7]])),
        ] {
            assert_eq!(found(path), Ok(wanted.as_array().unwrap().clone()), "{path}");
        }
        assert_eq!(found("..").unwrap().len(), 11);
        assert_eq!(found("."), Ok(vec![value.clone()]));
    }

    /// In a thread with the stack that a worker has.
    #[test]
    fn a_path_without_end_is_told() {
        for deep in ["[", ".[", "(", ".|", "-", "{", "try ", "\"\\(", "if ", "def f: ", "reduce ", "label $a|", ". as "]
        {
            for times in [DEEPEST, LONGEST / deep.len(), 100_000] {
                let stack = std::thread::Builder::new().stack_size(2 << 20);
                let told = stack.spawn(move || follow(&deep.repeat(times), &json!({})).unwrap_err()).unwrap();
                assert!(!told.join().unwrap().is_empty());
            }
        }
        let told = follow(&"[".repeat(200), &json!({})).unwrap_err();
        assert_eq!(
            told,
            "the jq path is 200 bytes long and has 200 brackets, signs and keywords; the most are 500 and 40"
        );
    }

    #[test]
    fn what_could_run_without_end_or_is_no_path_is_told() {
        for path in ["range(1e9)", "def f: f; f", "map(.a)", ".a + 1", ".[(1,2)]", "\"a\"", ".a[\"\\(.b)\"]"] {
            assert_eq!(follow(path, &json!({})).unwrap_err(), only_paths(), "{path}");
        }
        insta::assert_snapshot!(follow(".data[", &json!({})).unwrap_err(), @r#"the jq path ".data[" ends too early; right would be .data.result[0].metric"#);
        insta::assert_snapshot!(follow(".data result", &json!({})).unwrap_err(), @r#"the jq path ".data result" is not understood at "result"; right would be .data.result[0].metric"#);
    }
}
