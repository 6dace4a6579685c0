//! Line filters: `|= "x"`, `!= "x"`, `|~ "x"`, `!~ "x"`, with `or`.

use regex::Regex;

use super::error::LokiError;
use super::escape::quote;
use super::regexp;

/// What a filter looks for.
#[derive(Debug, Clone)]
enum Needle {
    Text(String),
    Pattern(Regex),
}

/// Keeps the lines that hold one of its needles, or (negated) those that hold none.
#[derive(Debug, Clone)]
pub(super) struct LineFilter {
    negated: bool,
    needles: Vec<Needle>,
}

impl LineFilter {
    /// Builds the filter that `symbol` and its alternatives write.
    pub(super) fn new(symbol: &str, alternatives: Vec<String>) -> Result<Self, LokiError> {
        let negated = symbol.starts_with('!');
        let stage = || {
            let quoted: Vec<String> = alternatives.iter().map(|alternative| quote(alternative)).collect();
            format!("{symbol} {}", quoted.join(" or "))
        };
        let needle = |alternative: &String| {
            if symbol.ends_with('~') {
                regexp::compile(alternative).map(Needle::Pattern).map_err(|reason| LokiError::stage(&stage(), &reason))
            } else {
                Ok(Needle::Text(alternative.clone()))
            }
        };
        let needles = alternatives.iter().map(needle).collect::<Result<_, _>>()?;
        Ok(Self { negated, needles })
    }

    /// Whether the filter keeps `line`.
    pub(super) fn keeps(&self, line: &str) -> bool {
        let holds = |needle: &Needle| match needle {
            Needle::Text(text) => line.contains(text.as_str()),
            Needle::Pattern(pattern) => pattern.is_match(line),
        };
        self.needles.iter().any(holds) != self.negated
    }
}
