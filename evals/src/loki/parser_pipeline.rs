//! Pipelines: what stands behind a selector.

use super::error::LokiError;
use super::json_path::JsonPath;
use super::label_filter::{LabelFilter, Quantity};
use super::line_filter::LineFilter;
use super::matcher::{LabelMatcher, MatchOperator};
use super::parser::QueryParser;
use super::pattern::Pattern;
use super::pipeline::{LabelSource, NamedLabel, Stage};
use super::stage_parsers::Parser;
use super::syntax::Unwrap;
use super::template::Template;
use super::token::Token;

/// The stages, and the `unwrap` behind them where one may stand.
pub(super) type Pipeline = (Vec<Stage>, Option<Unwrap>);

impl QueryParser {
    /// Stages up to what is none; `unwrap` only stands in a range.
    pub(super) fn pipeline(&mut self, in_range: bool) -> Result<Pipeline, LokiError> {
        let mut stages = Vec::new();
        loop {
            let Token::Symbol(symbol) = *self.peek() else {
                return Ok((stages, None));
            };
            match symbol {
                "|=" | "|~" | "!=" | "!~" => stages.extend(self.line_filter(symbol)?),
                "|>" | "!>" => return Err(LokiError::Unsupported(format!("the pattern line filter ({symbol})"))),
                "|" => {
                    self.advance();
                    if in_range && self.take("unwrap") {
                        return Ok((stages, Some(self.unwrap()?)));
                    }
                    stages.extend(self.stage()?);
                }
                _ => return Ok((stages, None)),
            }
        }
    }

    fn line_filter(&mut self, symbol: &str) -> Result<Option<Stage>, LokiError> {
        let mut alternatives = Vec::new();
        loop {
            self.advance();
            if self.next_is("ip") {
                return Err(LokiError::Unsupported("the ip() filter".into()));
            }
            alternatives.push(self.expect_string(&["STRING", "ip"])?);
            if !self.next_is("or") {
                break;
            }
        }
        Ok(self.built(LineFilter::new(symbol, alternatives).map(Stage::LineFilter)))
    }

    /// A stage that could be built; one that could not is noted, and told later.
    fn built(&mut self, stage: Result<Stage, LokiError>) -> Option<Stage> {
        stage.map_err(|error| self.note_unbuildable(error)).ok()
    }

    fn stage(&mut self) -> Result<Option<Stage>, LokiError> {
        if self.begins_label_filter() {
            return self.label_filter().map(|filter| Some(Stage::LabelFilter(filter)));
        }
        let Token::Symbol(symbol) = *self.peek() else {
            return Err(self.unexpected(&[]));
        };
        if !matches!(
            symbol,
            "json"
                | "logfmt"
                | "regexp"
                | "pattern"
                | "line_format"
                | "label_format"
                | "drop"
                | "keep"
                | "decolorize"
                | "unpack"
        ) {
            return Err(self.unexpected(&[]));
        }
        self.advance();
        match symbol {
            "json" => self.json(),
            "logfmt" => self.logfmt(),
            "regexp" | "pattern" => self.text_parser(symbol).map(Some),
            "line_format" => self.line_format(),
            "label_format" => self.label_format(),
            "drop" => self.named_labels().map(|names| Some(Stage::Drop(names))),
            "keep" => self.named_labels().map(|names| Some(Stage::Keep(names))),
            "decolorize" => Ok(Some(Stage::Decolorize)),
            symbol => Err(LokiError::Unsupported(format!("the {symbol} stage"))),
        }
    }

    fn json(&mut self) -> Result<Option<Stage>, LokiError> {
        let expressions = self.extractions()?;
        if expressions.is_empty() {
            return Ok(Some(Stage::Parser(Parser::Json)));
        }
        let path = |(name, expression): (String, String)| match JsonPath::parse(&expression) {
            Ok(path) => Ok((name, path)),
            Err(reason) => {
                let reason = format!("cannot parse expression [{expression}]: {reason}");
                Err(LokiError::stage(&format!("| json {name}=\"{expression}\""), &reason))
            }
        };
        let paths = expressions.into_iter().map(path).collect::<Result<_, _>>();
        Ok(self.built(paths.map(|paths| Stage::Parser(Parser::JsonPaths(paths)))))
    }

    fn logfmt(&mut self) -> Result<Option<Stage>, LokiError> {
        let (mut strict, mut keep_empty) = (false, false);
        while let Token::Flag(flag) = self.peek() {
            strict |= flag == "--strict";
            keep_empty |= flag == "--keep-empty";
            self.advance();
        }
        let keys = self.extractions()?;
        let parser =
            if keys.is_empty() { Parser::Logfmt { strict, keep_empty } } else { Parser::LogfmtKeys { keys, strict } };
        Ok(Some(Stage::Parser(parser)))
    }

    /// `a, b="c.d"`: what `json` and `logfmt` may be followed by.
    fn extractions(&mut self) -> Result<Vec<(String, String)>, LokiError> {
        let mut extractions = Vec::new();
        if !matches!(self.peek(), Token::Identifier(_)) {
            return Ok(extractions);
        }
        loop {
            let name = self.expect_identifier(&["IDENTIFIER"])?;
            let expression = if self.take("=") { self.expect_string(&["STRING"])? } else { name.clone() };
            extractions.push((name, expression));
            if !self.take(",") {
                return Ok(extractions);
            }
        }
    }

    fn text_parser(&mut self, kind: &str) -> Result<Stage, LokiError> {
        let text = self.expect_string(&["STRING"])?;
        let parser = if kind == "regexp" { Parser::regexp(&text) } else { Pattern::parse(&text).map(Parser::Pattern) };
        parser.map(Stage::Parser).map_err(|reason| LokiError::Parse(format!("invalid {kind} parser: {reason}")))
    }

    fn line_format(&mut self) -> Result<Option<Stage>, LokiError> {
        let text = self.expect_string(&["STRING"])?;
        let template = Template::parse(&text).map_err(|reason| {
            let stage = format!("| line_format {}", super::escape::quote(&text));
            LokiError::stage(&stage, &format!("invalid line template: {reason}"))
        });
        Ok(self.built(template.map(Stage::LineFormat)))
    }

    fn label_format(&mut self) -> Result<Option<Stage>, LokiError> {
        let mut formats: Vec<(String, LabelSource)> = Vec::new();
        loop {
            let name = self.expect_identifier(&["IDENTIFIER"])?;
            self.expect("=", &["="])?;
            if formats.iter().any(|(earlier, _)| *earlier == name) {
                let reason = format!("multiple label name '{name}' not allowed in a single format operation");
                self.note_unbuildable(LokiError::stage(&format!("| label_format {name}=…"), &reason));
            }
            if let Token::Identifier(from) = self.peek().clone() {
                self.advance();
                formats.push((name, LabelSource::Rename(from)));
            } else {
                let text = self.expect_string(&["IDENTIFIER", "STRING"])?;
                match Template::parse(&text) {
                    Ok(template) => formats.push((name, LabelSource::Template(template))),
                    Err(reason) => {
                        let stage = format!("| label_format {name}={}", super::escape::quote(&text));
                        let reason = format!("invalid template for label '{name}': {reason}");
                        self.note_unbuildable(LokiError::stage(&stage, &reason));
                    }
                }
            }
            if !self.take(",") {
                return Ok(Some(Stage::LabelFormat(formats)));
            }
        }
    }

    fn named_labels(&mut self) -> Result<Vec<NamedLabel>, LokiError> {
        let mut names = Vec::new();
        loop {
            let name = self.expect_identifier(&["IDENTIFIER"])?;
            let operator = self.peek().symbol().and_then(MatchOperator::from_symbol);
            names.push(match operator {
                None => NamedLabel::Name(name),
                Some(operator) => {
                    self.advance();
                    let value = self.expect_string(&["STRING"])?;
                    NamedLabel::Matcher(LabelMatcher::new(name, operator, value).map_err(LokiError::Parse)?)
                }
            });
            if !self.take(",") {
                return Ok(names);
            }
        }
    }

    /// What follows `unwrap`, filters included.
    fn unwrap(&mut self) -> Result<Unwrap, LokiError> {
        let quantity = if matches!(self.peek(), Token::Function("bytes")) {
            Some(Quantity::Bytes)
        } else if matches!(self.peek(), Token::Function("duration" | "duration_seconds")) {
            Some(Quantity::Duration)
        } else {
            None
        };
        let label = if quantity.is_some() {
            self.advance();
            self.expect("(", &["("])?;
            let label = self.expect_identifier(&["IDENTIFIER"])?;
            self.expect(")", &[")"])?;
            label
        } else {
            self.expect_identifier(&["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"])?
        };
        let mut filters: Vec<LabelFilter> = Vec::new();
        while self.take("|") {
            filters.push(self.label_filter()?);
        }
        Ok(Unwrap { label, quantity: quantity.unwrap_or(Quantity::Number), filters })
    }
}
