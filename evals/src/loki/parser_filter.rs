//! Label filters: `status >= 500 and symbol="BTC"`.

use super::error::LokiError;
use super::label_filter::{Comparison, LabelFilter, Quantity};
use super::matcher::{LabelMatcher, MatchOperator};
use super::parser::QueryParser;
use super::token::Token;
use super::units;

impl QueryParser {
    /// A filter; `or` binds least, and `and`, `,` and a blank mean the same.
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, LokiError> {
        let mut filter = self.label_filter_and()?;
        while self.take("or") {
            self.count_operator()?;
            filter = LabelFilter::Or(Box::new(filter), Box::new(self.label_filter_and()?));
        }
        Ok(filter)
    }

    /// Whether the next token begins a label filter.
    pub(super) fn begins_label_filter(&self) -> bool {
        matches!(self.peek(), Token::Identifier(_)) || self.next_is("(")
    }

    fn label_filter_and(&mut self) -> Result<LabelFilter, LokiError> {
        let mut filter = self.label_filter_one()?;
        while self.take("and") || self.take(",") || self.begins_label_filter() {
            self.count_operator()?;
            filter = LabelFilter::And(Box::new(filter), Box::new(self.label_filter_one()?));
        }
        Ok(filter)
    }

    fn label_filter_one(&mut self) -> Result<LabelFilter, LokiError> {
        if self.take("(") {
            let filter = self.nested(Self::label_filter)?;
            self.expect(")", &[])?;
            return Ok(filter);
        }
        let name = self.expect_identifier(&["IDENTIFIER", "("])?;
        let Token::Symbol(symbol) = *self.peek() else {
            return Err(self.unexpected(&[]));
        };
        let operator = MatchOperator::from_symbol(symbol);
        let comparison = Comparison::from_symbol(symbol);
        if operator.is_none() && comparison.is_none() {
            return Err(self.unexpected(&[]));
        }
        self.advance();
        if let (Some(operator), Token::String(value)) = (operator, self.peek().clone()) {
            self.advance();
            return LabelMatcher::new(name, operator, value).map(LabelFilter::Text).map_err(LokiError::Parse);
        }
        let Some(comparison) = comparison else {
            return Err(self.unexpected(&["STRING"]));
        };
        let (quantity, value) = self.quantity()?;
        Ok(LabelFilter::Quantity { name, quantity, comparison, value })
    }

    fn quantity(&mut self) -> Result<(Quantity, f64), LokiError> {
        if self.next_is("ip") {
            return Err(LokiError::Unsupported("the ip() filter".into()));
        }
        if matches!(self.peek(), Token::Number(_) | Token::Symbol("+" | "-")) {
            return Ok((Quantity::Number, self.literal()?));
        }
        let found = if let Token::Duration(nanoseconds) = *self.peek() {
            (Quantity::Duration, nanoseconds as f64 / units::SECOND as f64)
        } else if let Token::Bytes(bytes) = *self.peek() {
            (Quantity::Bytes, bytes as f64)
        } else {
            return Err(self.unexpected(&[]));
        };
        self.advance();
        Ok(found)
    }

    /// A number with its sign.
    pub(super) fn literal(&mut self) -> Result<f64, LokiError> {
        let negative = self.next_is("-");
        let signed = negative || self.next_is("+");
        if signed {
            self.advance();
        }
        let number = self.expect_number(if signed { &["NUMBER"] } else { &[] })?;
        match units::float(&number) {
            Ok(value) => Ok(if negative { -value } else { value }),
            Err(reason) => Err(LokiError::Parse(format!("unable to parse literal as a float: {reason}"))),
        }
    }
}
