//! Label matchers: `name="value"`, `!=`, `=~`, `!~`.

use regex::Regex;

use super::regexp;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchOperator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, the whole value.
    Matches,
    /// `!~`, the whole value.
    NotMatches,
}

impl MatchOperator {
    /// The operator that `symbol` writes.
    pub(super) fn from_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "=~" => Self::Matches,
            "!~" => Self::NotMatches,
            _ => return None,
        })
    }
}

/// A condition on one label's value; a missing label has the empty value.
#[derive(Debug, Clone)]
pub(super) struct LabelMatcher {
    /// The label's name.
    pub(super) name: String,
    /// How to compare.
    pub(super) operator: MatchOperator,
    /// What to compare with.
    pub(super) value: String,
    pattern: Option<Regex>,
}

impl LabelMatcher {
    /// Builds a matcher; a bad pattern is an error in Go's words.
    pub(super) fn new(name: String, operator: MatchOperator, value: String) -> Result<Self, String> {
        let pattern = match operator {
            MatchOperator::Equal | MatchOperator::NotEqual => None,
            MatchOperator::Matches | MatchOperator::NotMatches => Some(regexp::compile_anchored(&value)?),
        };
        Ok(Self { name, operator, value, pattern })
    }

    /// Whether `value` meets the condition.
    pub(super) fn matches(&self, value: &str) -> bool {
        let found = self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.operator {
            MatchOperator::Equal => value == self.value,
            MatchOperator::NotEqual => value != self.value,
            MatchOperator::Matches => found,
            MatchOperator::NotMatches => !found,
        }
    }
}
