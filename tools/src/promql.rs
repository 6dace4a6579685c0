//! PromQL read by the field's own parser, but no deeper than it can be walked: an alert's expression comes from outside.
//!
//! Invariant: what [`parse`] gives can be walked, written and dropped without running out of stack.

use promql_parser::parser::Expr;

/// Bytes of one expression.
const LONGEST: usize = 8 << 10;
/// How deep an expression may be. An over-estimate: every bracket, sign and operator counts, as if each were within the one before.
const DEEPEST: usize = 1_000;

/// Reads an expression.
///
/// # Errors
/// Why it is no PromQL, or that it is too large to be read.
pub(crate) fn parse(expression: &str) -> Result<Expr, String> {
    if expression.len() > LONGEST {
        return Err(format!("it is {} bytes long, and the most is {LONGEST}", expression.len()));
    }
    let deep = depth(expression);
    if deep > DEEPEST {
        return Err(format!("it has {deep} brackets and operators, and the most is {DEEPEST}; ask for its parts"));
    }
    promql_parser::parser::parse(expression)
}

fn depth(expression: &str) -> usize {
    let signs = expression.bytes().filter(|byte| b"([+-*/%^<>=!@".contains(byte)).count();
    let words = expression.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    signs + words.filter(|word| matches!(word.to_ascii_lowercase().as_str(), "or" | "and" | "unless" | "atan2")).count()
}

#[cfg(test)]
mod tests {
    use promql_parser::util::{ExprVisitor, walk_expr};

    use super::*;

    struct Nothing;

    impl ExprVisitor for Nothing {
        type Error = ();

        fn pre_visit(&mut self, _: &Expr) -> Result<bool, ()> {
            Ok(true)
        }
    }

    /// In a thread with the stack that a worker has.
    #[test]
    fn what_is_read_can_be_walked_written_and_dropped() {
        let most = DEEPEST;
        let chain = |operator: &str, times: usize| vec!["up"; times].join(operator);
        for deep in [
            format!("{}up", "-".repeat(most)),
            format!("{}up{}", "(".repeat(most), ")".repeat(most)),
            format!("{}up{}", "abs(".repeat(most), ")".repeat(most)),
            chain("+", most),
            chain("^", most),
            chain(" or ", most),
            format!("up{}", "[1m:1m]".repeat(most)),
        ] {
            let stack = std::thread::Builder::new().stack_size(2 << 20);
            let walked = stack.spawn(move || {
                if let Ok(expression) = parse(&deep) {
                    walk_expr(&mut Nothing, &expression).unwrap();
                    assert!(!expression.to_string().is_empty());
                }
            });
            walked.unwrap().join().unwrap();
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_told() {
        for deep in ["-", "(", "up or ", "a AND "] {
            let told = parse(&format!("{}up", deep.repeat(DEEPEST + 1))).unwrap_err();
            assert!(told.contains("the most is 1000"), "{told}");
        }
        assert!(parse(&"a".repeat(LONGEST + 1)).unwrap_err().contains("8193 bytes long"));
        assert!(parse("sum(rate(a[1m])) / 2 > 0.05 or up == 0").is_ok());
    }
}
