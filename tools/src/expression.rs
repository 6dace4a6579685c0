//! What an alert's expression compares, and what it is about.

use std::convert::Infallible;

use analysis::suspects::{Labels, Signal};
use promql_parser::{
    label::Matcher,
    parser::{Expr, VectorSelector},
    util::{ExprVisitor, walk_expr},
};

use crate::{SuspectsSymptom, promql::parse};

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

/// What an alert with this expression is about: errors if any metric in it tells of them, else latency if any does. `None` when
/// it is about something else, such as a disk, or does not parse.
pub fn symptom(expression: &str) -> Option<SuspectsSymptom> {
    let mut told = Told(Vec::new());
    let Ok(_) = walk_expr(&mut told, &parse(expression).ok()?);
    let has = |signal: Signal| told.0.contains(&signal);
    if has(Signal::Errors) {
        return Some(SuspectsSymptom::Errors);
    }
    has(Signal::Latency).then_some(SuspectsSymptom::Latency)
}

/// What each metric of an expression tells of.
struct Told(Vec<Signal>);

impl ExprVisitor for Told {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        if let Expr::VectorSelector(selector) = expression {
            self.0.push(signal(selector));
        }
        if let Expr::MatrixSelector(range) = expression {
            self.0.push(signal(&range.vs));
        }
        Ok(true)
    }
}

fn signal(selector: &VectorSelector) -> Signal {
    // What matches 500 and not 200 asks for failed answers, however it is written: `=~"5.."`, `!~"2.."`, `="503"`.
    let value = |matcher: &Matcher| match matcher.is_match("500") && !matcher.is_match("200") {
        true => "500".to_owned(),
        false => matcher.value.clone(),
    };
    let labels = selector.matchers.matchers.iter().map(|matcher| (matcher.name.clone(), value(matcher)));
    Signal::of(selector.name.as_deref().unwrap_or_default(), &labels.collect::<Labels>())
}

#[cfg(test)]
mod tests {
    use super::{compared, symptom};
    use crate::SuspectsSymptom::{Errors, Latency};

    #[test]
    fn what_an_expression_is_about() {
        let is = |expression: &str, expected| assert_eq!(symptom(expression), expected, "{expression}");
        is(r#"up{job="a"} == 0"#, Some(Errors));
        is("absent(up)", Some(Errors));
        is(
            r#"sum(rate(http_requests_total{status=~"5.."}[1m])) / sum(rate(http_requests_total[1m])) > 0.05"#,
            Some(Errors),
        );
        is(r#"rate(http_requests_total{code!~"2.."}[1m]) > 1"#, Some(Errors));
        is(r#"rate(http_requests_total{code="200"}[1m]) < 1"#, None);
        is(
            "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m]))) > 0.5",
            Some(Latency),
        );
        is("max_over_time(replication_lag_seconds[10m:1m]) > 60", Some(Latency));
        is("node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1", None);
        is("rate(http_requests_total[", None);
    }

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
