//! What an alert's expression compares.

use promql_parser::parser::{Expr, parse};

/// The left operand of an expression's outermost comparison with a number, such as `up` of `up == 0`: its course shows the
/// time before the alert as well. `None` when it compares nothing, or does not parse.
pub fn compared(expression: &str) -> Option<String> {
    fn left(expression: &Expr) -> Option<String> {
        if let Expr::Paren(inner) = expression {
            return left(&inner.expr);
        }
        let Expr::Binary(binary) = expression else { return None };
        let number = matches!(*binary.rhs, Expr::NumberLiteral(_));
        (number && binary.op.is_comparison_operator()).then(|| binary.lhs.to_string())
    }
    left(&parse(expression).ok()?)
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn the_left_of_a_comparison_with_a_number() {
        assert_eq!(compared(r#"up{job="a"} == 0"#).as_deref(), Some(r#"up{job="a"}"#));
        assert_eq!(
            compared("(sum(rate(a[1m])) / sum(rate(b[1m])) > 0.05)").as_deref(),
            Some("sum(rate(a[1m])) / sum(rate(b[1m]))")
        );
        assert_eq!(compared("a > b"), None);
        assert_eq!(compared("absent(up)"), None);
        assert_eq!(compared("up =="), None);
    }
}
