//! Operators: `a / b > 0.5`, with their precedence.

use super::binary_operation;
use super::error::LokiError;
use super::label_filter::Comparison;
use super::parser::QueryParser;
use super::syntax::{BinaryOperation, BinaryOperator, Matching, Metric, Query};

impl QueryParser {
    /// An expression of operators that bind at least as tightly as `tightness`.
    pub(super) fn expression(&mut self, tightness: u8) -> Result<Query, LokiError> {
        let mut left = self.nested(Self::primary)?;
        while let Some((symbol, operator, binds)) = self.operator().filter(|(_, _, binds)| *binds >= tightness) {
            self.count_operator()?;
            self.advance();
            let return_bool = self.take("bool");
            let matching = self.matching()?;
            let right_tightness = if operator == BinaryOperator::Power { binds } else { binds + 1 };
            let right = self.nested(|parser| parser.expression(right_tightness))?;
            let (left_metric, right_metric) = (self.leg("left", symbol, left), self.leg("right", symbol, right));
            self.check_literals(symbol, operator, &left_metric, &right_metric);
            left = Query::Metric(match (left_metric, right_metric) {
                (Metric::Literal(left), Metric::Literal(right)) => {
                    Metric::Literal(binary_operation::of_numbers(operator, left, right))
                }
                (left, right) => {
                    Metric::Binary(Box::new(BinaryOperation { operator, return_bool, matching, left, right }))
                }
            });
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(&'static str, BinaryOperator, u8)> {
        let symbol = self.peek().symbol()?;
        let (operator, binds) = match symbol {
            "or" => (BinaryOperator::Or, 1),
            "and" => (BinaryOperator::And, 2),
            "unless" => (BinaryOperator::Unless, 2),
            "+" => (BinaryOperator::Add, 4),
            "-" => (BinaryOperator::Subtract, 4),
            "*" => (BinaryOperator::Multiply, 5),
            "/" => (BinaryOperator::Divide, 5),
            "%" => (BinaryOperator::Modulo, 5),
            "^" => (BinaryOperator::Power, 6),
            "=" => return None,
            symbol => (BinaryOperator::Compare(Comparison::from_symbol(symbol)?), 3),
        };
        Some((symbol, operator, binds))
    }

    fn matching(&mut self) -> Result<Matching, LokiError> {
        let on = self.take("on");
        if !on && !self.take("ignoring") {
            return Ok(Matching::default());
        }
        let names = self.names()?;
        if self.next_is("group_left") || self.next_is("group_right") {
            return Err(LokiError::Unsupported("many-to-one matching (group_left, group_right)".into()));
        }
        Ok(Matching { on, names })
    }

    fn leg(&mut self, side: &str, symbol: &str, query: Query) -> Metric {
        let kind = match query {
            Query::Metric(metric) => return metric,
            Query::Log(selector) if selector.stages.is_empty() => "*syntax.MatchersExpr",
            Query::Log(_) => "*syntax.PipelineExpr",
        };
        self.note_invalid(format!("unexpected type for {side} leg of binary operation ({symbol}): {kind}"));
        Metric::Literal(0.0)
    }

    fn check_literals(&mut self, symbol: &str, operator: BinaryOperator, left: &Metric, right: &Metric) {
        if !matches!(operator, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Unless) {
            return;
        }
        for (side, metric) in [("left", left), ("right", right)] {
            if let Metric::Literal(value) = metric {
                self.note_invalid(format!(
                    "unexpected literal for {side} leg of logical/set binary operation ({symbol}): {value:.6}"
                ));
            }
        }
    }
}
