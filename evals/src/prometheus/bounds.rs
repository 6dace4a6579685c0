//! What of a query is too much: nesting is bounded before anything walks it, work before anything is evaluated.

use promql_parser::parser::Expr;

/// The longest query, in bytes: one as long as that is no person's or model's.
const MAXIMUM_BYTES: usize = 8 << 10;
/// The deepest nesting.
const MAXIMUM_DEPTH: usize = 100;
/// The most operators, each of which may be one level deeper.
const MAXIMUM_OPERATORS: usize = 1000;
/// The most times that a part of a query is evaluated, by steps and subqueries.
pub(super) const MAXIMUM_EVALUATIONS: i64 = 1_000_000;
/// What Prometheus says of a query that would look at too much.
pub(super) const TOO_MANY: &str = "query processing would load too many samples into memory in query execution";

/// Says why a query's text is too much to parse.
pub(super) fn check_text(query: &str) -> Result<(), String> {
    if query.len() > MAXIMUM_BYTES {
        return Err(format!("{} bytes; the longest is {MAXIMUM_BYTES}", query.len()));
    }
    let (mut depth, mut operators) = (0_usize, 0_usize);
    let mut quote: Option<char> = None;
    let mut characters = query.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('"' | '\''), '\\') => drop(characters.next()),
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => (),
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '+' | '-' | '*' | '/' | '%' | '^' | '=' | '<' | '>') => operators += 1,
            (None, _) => (),
        }
        if depth > MAXIMUM_DEPTH || operators > MAXIMUM_OPERATORS {
            return Err(format!("it is nested too deeply; {MAXIMUM_DEPTH} levels are the most"));
        }
    }
    Ok(())
}

/// Says why a parsed query is too much to evaluate.
pub(super) fn check_depth(query: &Expr) -> Result<(), String> {
    if depth(query) > MAXIMUM_DEPTH {
        return Err(format!("it is nested too deeply; {MAXIMUM_DEPTH} levels are the most"));
    }
    Ok(())
}

fn depth(expression: &Expr) -> usize {
    1 + match expression {
        Expr::Aggregate(aggregate) => {
            depth(&aggregate.expr).max(aggregate.param.as_ref().map_or(0, |inner| depth(inner)))
        }
        Expr::Unary(unary) => depth(&unary.expr),
        Expr::Binary(binary) => depth(&binary.lhs).max(depth(&binary.rhs)),
        Expr::Paren(inner) => depth(&inner.expr),
        Expr::Subquery(subquery) => depth(&subquery.expr),
        Expr::Call(call) => call.args.args.iter().map(|argument| depth(argument)).max().unwrap_or_default(),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => 0,
    }
}
