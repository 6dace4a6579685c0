//! Functions: `rate(…)`, `sum by (…) (…)`, `vector(1)`, and what they are made of.

use super::error::LokiError;
use super::parser::QueryParser;
use super::syntax::{Grouping, LogSelector, Metric, Query, RangeFunction, VectorAggregation, VectorFunction};
use super::token::Token;
use super::units;

impl QueryParser {
    /// What operators stand between.
    pub(super) fn primary(&mut self) -> Result<Query, LokiError> {
        if self.next_is("{") {
            let matchers = self.selector()?;
            let (stages, _no_unwrap_outside_ranges) = self.pipeline(false)?;
            return Ok(Query::Log(LogSelector { matchers, stages }));
        }
        if self.take("(") {
            let query = self.expression(0)?;
            self.expect(")", &[])?;
            return Ok(query);
        }
        if let Token::Function(function) = *self.peek() {
            return self.function(function).map(Query::Metric);
        }
        if matches!(self.peek(), Token::Number(_) | Token::Symbol("+" | "-")) {
            return self.literal().map(|value| Query::Metric(Metric::Literal(value)));
        }
        Err(self.unexpected(&[]))
    }

    fn function(&mut self, name: &'static str) -> Result<Metric, LokiError> {
        if let Some(function) = RangeFunction::from_name(name) {
            self.advance();
            return self.range_aggregation(name, function);
        }
        if let Some(function) = VectorFunction::from_name(name) {
            self.advance();
            return self.vector_aggregation(name, function);
        }
        if name != "vector" {
            let unknown = matches!(name, "rate_counter" | "approx_topk" | "label_replace");
            return Err(if unknown { LokiError::Unsupported(name.into()) } else { self.unexpected(&[]) });
        }
        self.advance();
        self.expect("(", &["("])?;
        let number = self.expect_number(&["NUMBER"])?;
        self.expect(")", &[")"])?;
        units::float(&number).map(Metric::Vector).map_err(LokiError::Parse)
    }

    fn vector_aggregation(&mut self, name: &str, function: VectorFunction) -> Result<Metric, LokiError> {
        let before = self.grouping()?;
        self.expect("(", &["("])?;
        let parameter = match (self.peek().clone(), self.peek_after(1)) {
            (Token::Number(number), Token::Symbol(",")) => {
                self.advance();
                self.advance();
                Some(number)
            }
            _ => None,
        };
        let Query::Metric(inner) = self.expression(0)? else {
            return Err(self.unexpected(&[]));
        };
        self.expect(")", &[])?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_default(),
        };
        let keep = self.check_vector_aggregation(name, function, parameter.as_deref(), &grouping);
        Ok(Metric::Aggregate(VectorAggregation { function, keep, grouping, inner: Box::new(inner) }))
    }

    fn check_vector_aggregation(
        &mut self,
        name: &str,
        function: VectorFunction,
        parameter: Option<&str>,
        grouping: &Grouping,
    ) -> usize {
        let keeps_some = matches!(function, VectorFunction::TopK | VectorFunction::BottomK);
        let sorts = matches!(function, VectorFunction::Sort | VectorFunction::SortDescending);
        match parameter.map(|parameter| (parameter, parameter.parse::<usize>())) {
            None if keeps_some => self.note_invalid(format!("parameter required for operation {name}")),
            None if sorts && !grouping.names.is_empty() => {
                self.note_invalid("sort and sort_desc doesn't allow grouping by ".into());
            }
            None => {}
            Some((parameter, _)) if !keeps_some => {
                self.note_invalid(format!("unsupported parameter for operation {name}({parameter},"));
            }
            Some((parameter, Err(_))) => self.note_invalid(format!("invalid parameter {name}({parameter},")),
            Some((parameter, Ok(0))) => {
                self.note_invalid(format!("invalid parameter (must be greater than 0) {name}({parameter}"));
            }
            Some((_, Ok(keep))) => return keep,
        }
        0
    }

    /// `by (…)` or `without (…)`, if one stands here.
    pub(super) fn grouping(&mut self) -> Result<Option<Grouping>, LokiError> {
        let without = self.next_is("without");
        if !without && !self.next_is("by") {
            return Ok(None);
        }
        self.advance();
        Ok(Some(Grouping { without, names: self.names()? }))
    }

    /// `(a, b)`
    pub(super) fn names(&mut self) -> Result<Vec<String>, LokiError> {
        self.expect("(", &["("])?;
        let mut names = Vec::new();
        if self.take(")") {
            return Ok(names);
        }
        names.push(self.expect_identifier(&["IDENTIFIER", ")"])?);
        while self.take(",") {
            names.push(self.expect_identifier(&["IDENTIFIER"])?);
        }
        self.expect(")", &[",", ")"])?;
        Ok(names)
    }
}

impl VectorFunction {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "avg" => Self::Average,
            "max" => Self::Maximum,
            "min" => Self::Minimum,
            "count" => Self::Count,
            "stddev" => Self::Deviation,
            "stdvar" => Self::Variance,
            "topk" => Self::TopK,
            "bottomk" => Self::BottomK,
            "sort" => Self::Sort,
            "sort_desc" => Self::SortDescending,
            _ => return None,
        })
    }
}
