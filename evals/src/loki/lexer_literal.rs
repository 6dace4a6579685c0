//! Strings, numbers, durations and sizes.

use super::escape::unquote;
use super::lexer::Lexer;
use super::token::Token;
use super::units;

impl Lexer {
    /// Between double quotes.
    pub(super) fn quoted(&mut self) -> Token {
        self.advance();
        let mut inner = String::new();
        loop {
            match self.advance() {
                None | Some('\n') => return Token::Invalid("literal not terminated".into()),
                Some('"') => break,
                Some('\\') => {
                    inner.push('\\');
                    inner.extend(self.advance());
                }
                Some(c) => inner.push(c),
            }
        }
        unquote(&inner).map_or_else(|| Token::Invalid("invalid char escape".into()), Token::String)
    }

    /// Between backticks.
    pub(super) fn raw(&mut self) -> Token {
        self.advance();
        let mut inner = String::new();
        while let Some(c) = self.advance() {
            if c == '`' {
                return Token::String(inner);
            }
            inner.push(c);
        }
        Token::Invalid("literal not terminated".into())
    }

    /// Single quotes hold one character in Go, and are no string in LogQL.
    pub(super) fn character(&mut self) -> Token {
        self.advance();
        let mut inner = String::new();
        loop {
            match self.advance() {
                None | Some('\n') => return Token::Invalid("literal not terminated".into()),
                Some('\'') => break,
                Some(c) => inner.push(c),
            }
        }
        if inner.chars().count() == 1 {
            Token::Identifier(inner)
        } else {
            Token::Invalid("invalid char literal".into())
        }
    }

    /// Between brackets.
    pub(super) fn range(&mut self) -> Token {
        self.advance();
        let mut inner = String::new();
        while let Some(c) = self.advance() {
            if c == ']' {
                return units::prometheus_duration(&inner).map_or_else(Token::Invalid, Token::Range);
            }
            inner.push(c);
        }
        Token::Invalid("missing closing ']' in duration".into())
    }

    /// A number, a duration or a size; also whether Loki's scanner reads it by hand.
    pub(super) fn number(&mut self) -> (Token, bool) {
        let mut number = self.ahead(0, |c| c.is_ascii_digit() || c == '.');
        number.push_str(&self.exponent(number.len()));
        self.advance_by(number.chars().count());
        if let Some(duration) = self.duration(&number) {
            return (Token::Duration(duration), true);
        }
        let unit =
            self.ahead(0, |c| c.is_ascii_digit() || matches!(c, '.' | 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P'));
        if let (false, Ok(bytes)) = (unit.is_empty(), units::bytes(&format!("{number}{unit}"))) {
            self.advance_by(unit.chars().count());
            return (Token::Bytes(bytes), true);
        }
        (Token::Number(number), false)
    }

    /// `e-5` at `skip` characters ahead, if it stands there.
    fn exponent(&self, skip: usize) -> String {
        let mut exponent: String = self.ahead(skip, |c| matches!(c, 'e' | 'E')).chars().take(1).collect();
        exponent.push_str(
            &self.ahead(skip + exponent.len(), |c| matches!(c, '+' | '-')).chars().take(1).collect::<String>(),
        );
        let digits = self.ahead(skip + exponent.len(), |c| c.is_ascii_digit());
        if exponent.starts_with(['e', 'E']) && !digits.is_empty() { exponent + &digits } else { String::new() }
    }

    /// Takes what makes `start` a duration, if anything does.
    fn duration(&mut self, start: &str) -> Option<i64> {
        let unit = self
            .ahead(0, |c| c.is_ascii_digit() || matches!(c, '.' | 'n' | 'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w' | 'y'));
        if unit.is_empty() {
            return None;
        }
        let text = format!("{start}{unit}");
        let duration = units::prometheus_duration(&text).or_else(|_| units::go_duration(&text)).ok()?;
        self.advance_by(unit.chars().count());
        Some(duration)
    }

    /// A minus, a flag or a negative duration.
    pub(super) fn minus(&mut self) -> (Token, bool) {
        let flag = self.ahead(0, |c| c.is_alphabetic() || c == '-');
        if matches!(flag.as_str(), "--strict" | "--keep-empty") {
            self.advance_by(flag.chars().count());
            return (Token::Flag(flag), true);
        }
        self.advance();
        match self.duration("-") {
            Some(duration) => (Token::Duration(duration), true),
            None => (Token::Symbol("-"), false),
        }
    }
}
