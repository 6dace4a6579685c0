//! Where a query is wrong: the parser says what is wrong, Prometheus also says where, in its own words.

use promql_parser::parser::parse;

/// How many beginnings of a query are tried to find where it goes wrong.
const MAXIMUM_TRIES: usize = 1000;
/// What the parser says when it cannot say more.
const UNKNOWN: &str = "invalid promql query";

/// `1:5: parse error: …`, as Prometheus writes it.
pub(super) fn located(query: &str, problem: &str) -> String {
    let problem = worded(problem);
    let (place, problem) = if query.trim().is_empty() {
        (0, "no expression found in input".to_owned())
    } else if problem == UNKNOWN {
        unexpected(query)
    } else {
        (place(query, &problem), problem)
    };
    let before = query.get(..place).unwrap_or(query);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    format!("{line}:{column}: parse error: {problem}")
}

/// The parser's words as Prometheus says them.
fn worded(problem: &str) -> String {
    let mut problem = problem.to_owned();
    for start in ["unknown function with name", "expected", "set operator"] {
        if problem.starts_with(start) {
            problem = problem.replace('\'', "\"");
        }
    }
    for (parsers, prometheus) in [("matrix", "range vector"), ("vector", "instant vector")] {
        let of_type = problem.starts_with("expected type") && !problem.contains(prometheus);
        if of_type && parsers == "matrix" {
            problem = problem.replace("type matrix", "type range vector").replace("got matrix", "got range vector");
        } else if of_type {
            problem = problem.replace("type vector", "type instant vector").replace("got vector", "got instant vector");
        }
    }
    problem
}

/// The byte at which the query goes wrong, when the parser says why.
fn place(query: &str, problem: &str) -> usize {
    if problem.contains("unexpected end") || problem.contains("unclosed") || problem.contains("unterminated") {
        return query.len();
    }
    // The first argument's type is by far the most common mistake: it stands behind the function's parenthesis.
    let quoted: Vec<&str> = problem.split('"').skip(1).step_by(2).collect();
    if problem.starts_with("expected type")
        && let Some(found) =
            quoted.first().and_then(|function| query.find(&format!("{function}(")).map(|at| at + function.len() + 1))
    {
        return found;
    }
    quoted
        .iter()
        .filter(|word| !word.is_empty())
        .find_map(|word| query.find(word))
        .unwrap_or_else(|| after_right(query))
}

/// Just after the longest beginning that is right in itself.
fn after_right(query: &str) -> usize {
    let ends = query.char_indices().map(|(index, _)| index).rev().filter(|index| *index > 0);
    let right = ends.take(MAXIMUM_TRIES).find(|end| query.get(..*end).is_some_and(|start| parse(start).is_ok()));
    right.map_or(0, |end| end + query.get(end..).map_or(0, |rest| rest.len() - rest.trim_start().len()))
}

/// What stands where the query goes wrong, when the parser does not say why.
fn unexpected(query: &str) -> (usize, String) {
    const OPERATORS: [&str; 16] =
        ["+", "-", "*", "/", "%", "^", "=", "<", ">", ",", "(", " by", " without", " and", " or", " unless"];
    if OPERATORS.iter().any(|operator| query.trim_end().ends_with(operator)) {
        return (query.len(), "unexpected end of input".to_owned());
    }
    let place = after_right(query);
    let rest = query.get(place..).unwrap_or_default();
    let word: String = rest.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
    let what = match (word.chars().next(), rest.chars().next()) {
        (Some(first), _) if first.is_ascii_digit() => format!("number \"{word}\""),
        (Some(_), _) => format!("identifier \"{word}\""),
        (None, Some(character)) => format!("character: {character:?}"),
        (None, None) => "end of input".to_owned(),
    };
    (place, format!("unexpected {what}"))
}
