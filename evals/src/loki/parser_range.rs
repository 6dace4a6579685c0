//! Range functions and their ranges: `rate({…} | json [5m] offset 1m)`.

use super::error::LokiError;
use super::matcher::LabelMatcher;
use super::parser::QueryParser;
use super::syntax::{LogRange, LogSelector, Metric, RangeAggregation, RangeFunction, Unwrap};
use super::token::Token;
use super::units;

impl QueryParser {
    /// What follows the name of a range function.
    pub(super) fn range_aggregation(&mut self, name: &str, function: RangeFunction) -> Result<Metric, LokiError> {
        self.expect("(", &["("])?;
        let parameter = if let Token::Number(number) = self.peek().clone() {
            self.advance();
            self.expect(",", &[","])?;
            Some(number)
        } else {
            None
        };
        if !self.next_is("{") && !self.next_is("(") {
            return Err(self.unexpected(if parameter.is_some() { &["{", "("] } else { &["NUMBER", "{", "("] }));
        }
        let range = self.nested(Self::log_range)?;
        self.expect(")", &[")"])?;
        let grouping = self.grouping()?;
        self.check_range_aggregation(name, function, parameter.as_deref(), &range, grouping.is_some());
        let parameter = parameter.and_then(|number| units::float(&number).ok());
        Ok(Metric::Range(Box::new(RangeAggregation { function, range, parameter, grouping })))
    }

    fn check_range_aggregation(
        &mut self,
        name: &str,
        function: RangeFunction,
        parameter: Option<&str>,
        range: &LogRange,
        grouped: bool,
    ) {
        let quantile = function == RangeFunction::QuantileOverTime;
        if let Some(parameter) = parameter.filter(|_| !quantile) {
            self.note_invalid(format!("parameter {parameter} not supported for operation {name}"));
        } else if quantile && parameter.is_none() {
            self.note_invalid(format!("parameter required for operation {name}"));
        } else if grouped && !function.may_group() {
            self.note_invalid(format!("grouping not allowed for {name} aggregation"));
        } else if range.unwrap.is_some() && !function.may_unwrap() {
            self.note_invalid(format!("invalid aggregation {name} with unwrap"));
        } else if range.unwrap.is_none() && !function.counts_lines() {
            self.note_invalid(format!("invalid aggregation {name} without unwrap"));
        }
    }

    fn log_range(&mut self) -> Result<LogRange, LokiError> {
        if !self.take("(") {
            return self.bare_log_range();
        }
        if self.next_is("(") {
            let range = self.nested(Self::log_range)?;
            self.expect(")", &[")"])?;
            return Ok(range);
        }
        let matchers = self.selector()?;
        if let Token::Range(_) = self.peek() {
            let range = self.behind_selector(matchers)?;
            self.expect(")", &[")"])?;
            return Ok(range);
        }
        let (stages, unwrap) = self.pipeline(true)?;
        if let Token::Range(_) = self.peek() {
            let range = self.behind_pipeline(LogSelector { matchers, stages }, unwrap)?;
            self.expect(")", &[")"])?;
            return Ok(range);
        }
        self.expect(")", &[])?;
        self.behind_pipeline(LogSelector { matchers, stages }, unwrap)
    }

    fn bare_log_range(&mut self) -> Result<LogRange, LokiError> {
        let matchers = self.selector()?;
        self.behind_selector(matchers)
    }

    /// A range may stand before the pipeline or behind it.
    fn behind_selector(&mut self, matchers: Vec<LabelMatcher>) -> Result<LogRange, LokiError> {
        if let Token::Range(interval) = *self.peek() {
            self.advance();
            let offset = self.offset()?;
            let (stages, unwrap) = self.pipeline(true)?;
            return Ok(LogRange { selector: LogSelector { matchers, stages }, unwrap, interval, offset });
        }
        let (stages, unwrap) = self.pipeline(true)?;
        self.behind_pipeline(LogSelector { matchers, stages }, unwrap)
    }

    fn behind_pipeline(&mut self, selector: LogSelector, unwrap: Option<Unwrap>) -> Result<LogRange, LokiError> {
        let Token::Range(interval) = *self.peek() else {
            return Err(self.unexpected(&[]));
        };
        self.advance();
        let offset = self.offset()?;
        Ok(LogRange { selector, unwrap, interval, offset })
    }

    fn offset(&mut self) -> Result<i64, LokiError> {
        if !self.take("offset") {
            return Ok(0);
        }
        let Token::Duration(offset) = *self.peek() else {
            return Err(self.unexpected(&["DURATION"]));
        };
        self.advance();
        Ok(offset)
    }
}

impl RangeFunction {
    /// The function of that name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "rate" => Self::Rate,
            "count_over_time" => Self::CountOverTime,
            "bytes_rate" => Self::BytesRate,
            "bytes_over_time" => Self::BytesOverTime,
            "avg_over_time" => Self::AverageOverTime,
            "sum_over_time" => Self::SumOverTime,
            "min_over_time" => Self::MinimumOverTime,
            "max_over_time" => Self::MaximumOverTime,
            "stdvar_over_time" => Self::VarianceOverTime,
            "stddev_over_time" => Self::DeviationOverTime,
            "quantile_over_time" => Self::QuantileOverTime,
            "first_over_time" => Self::FirstOverTime,
            "last_over_time" => Self::LastOverTime,
            "absent_over_time" => Self::AbsentOverTime,
            _ => return None,
        })
    }

    /// Whether it works on lines; the others need `unwrap`.
    fn counts_lines(self) -> bool {
        matches!(self, Self::Rate | Self::CountOverTime | Self::BytesRate | Self::BytesOverTime | Self::AbsentOverTime)
    }

    fn may_unwrap(self) -> bool {
        !matches!(self, Self::CountOverTime | Self::BytesRate | Self::BytesOverTime)
    }

    fn may_group(self) -> bool {
        !self.counts_lines() && self != Self::SumOverTime
    }
}
