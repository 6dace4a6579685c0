//! Selectors: `{name="value", …}`.

use super::error::LokiError;
use super::matcher::{LabelMatcher, MatchOperator};
use super::parser::QueryParser;

/// Loki will not read all streams for want of a condition.
const EMPTY_COMPATIBLE: &str = "queries require at least one regexp or equality matcher that does not have an \
    empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

impl QueryParser {
    /// The conditions between braces.
    pub(super) fn selector(&mut self) -> Result<Vec<LabelMatcher>, LokiError> {
        self.expect("{", &[])?;
        let mut matchers = Vec::new();
        if !self.take("}") {
            matchers.push(self.selector_matcher(&["IDENTIFIER", "}"])?);
            while self.take(",") {
                matchers.push(self.selector_matcher(&["IDENTIFIER"])?);
            }
            self.expect("}", &["}", ","])?;
        }
        if matchers.iter().all(|matcher| matcher.matches("")) {
            self.note_invalid(EMPTY_COMPATIBLE.into());
        }
        Ok(matchers)
    }

    fn selector_matcher(&mut self, expecting: &[&str]) -> Result<LabelMatcher, LokiError> {
        let name = self.expect_identifier(expecting)?;
        let Some(operator) = self.peek().symbol().and_then(MatchOperator::from_symbol) else {
            return Err(self.unexpected(&["=", "=~", "!~", "!="]));
        };
        self.advance();
        let value = self.expect_string(&["STRING"])?;
        LabelMatcher::new(name, operator, value).map_err(LokiError::Parse)
    }
}
