//! From a query's text to tokens, with the positions that Loki's scanner would report.

use super::token::{FUNCTIONS, Located, PAIRS, SINGLES, Token, WORDS};

/// Reads `query` to its end, or to what cannot be read.
pub(super) fn tokens(query: &str) -> Vec<Located> {
    let mut lexer = Lexer { characters: query.chars().collect(), at: 0, line: 1, column: 1, last_column: 0 };
    let mut tokens = Vec::new();
    loop {
        let located = lexer.next();
        let last = matches!(located.token, Token::End | Token::Invalid(_));
        tokens.push(located);
        if last {
            return tokens;
        }
    }
}

/// Where the lexer stands.
pub(super) struct Lexer {
    characters: Vec<char>,
    at: usize,
    line: usize,
    column: usize,
    /// How long the line before was; a query that ends in a line break ends there.
    last_column: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.peek_after(0)
    }

    pub(super) fn peek_after(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    pub(super) fn advance(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line += 1;
            self.last_column = self.column;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    pub(super) fn advance_by(&mut self, count: usize) {
        for _ in 0..count {
            self.advance();
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(c) = self.peek() {
            if c == '#' {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.advance();
                }
            } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
                self.advance();
            } else {
                return;
            }
        }
    }

    fn next(&mut self) -> Located {
        self.skip_blanks();
        let (line, column) = (self.line, self.column);
        let Some(first) = self.peek() else {
            return self.end();
        };
        let (token, by_hand) = match first {
            '"' => (self.quoted(), false),
            '`' => (self.raw(), false),
            '\'' => (self.character(), false),
            '[' => (self.range(), true),
            c if c.is_ascii_digit() => self.number(),
            '.' if self.peek_after(1).is_some_and(|c| c.is_ascii_digit()) => self.number(),
            '-' => self.minus(),
            c if c.is_alphabetic() || c == '_' => (self.word(), false),
            _ => self.symbol(),
        };
        Located { token, line: if by_hand { 0 } else { line }, column }
    }

    fn end(&self) -> Located {
        // Loki's scanner has not begun to count in an empty query.
        let (line, column) = match (self.characters.is_empty(), self.column) {
            (true, _) => (0, 0),
            (false, 1) => (self.line - 1, self.last_column),
            (false, column) => (self.line, column),
        };
        Located { token: Token::End, line, column }
    }

    /// The characters that `keep` accepts, some way ahead.
    pub(super) fn ahead(&self, skip: usize, keep: impl Fn(char) -> bool) -> String {
        self.characters.iter().skip(self.at + skip).copied().take_while(|c| keep(*c)).collect()
    }

    fn word(&mut self) -> Token {
        let word = self.ahead(0, |c| c.is_alphanumeric() || c == '_');
        self.advance_by(word.chars().count());
        let lower = word.to_lowercase();
        if let Some(function) = FUNCTIONS.iter().find(|name| **name == lower) {
            return if self.function_follows() { Token::Function(function) } else { Token::Identifier(word) };
        }
        match WORDS.iter().find(|name| **name == lower) {
            Some(symbol) => Token::Symbol(symbol),
            None => Token::Identifier(word),
        }
    }

    fn function_follows(&self) -> bool {
        let rest = self.characters.iter().skip(self.at);
        let rest: String = rest.skip_while(|c| c.is_whitespace()).take(256).collect::<String>().to_lowercase();
        let grouping = rest.strip_prefix("without").or_else(|| rest.strip_prefix("by"));
        rest.starts_with('(') || grouping.is_some_and(|rest| rest.trim_start().starts_with('('))
    }

    fn symbol(&mut self) -> (Token, bool) {
        let pair: String = [self.peek(), self.peek_after(1)].into_iter().flatten().collect();
        if let Some(symbol) = PAIRS.iter().find(|symbol| **symbol == pair) {
            self.advance_by(2);
            return (Token::Symbol(symbol), true);
        }
        let single: String = self.advance().into_iter().collect();
        let known = SINGLES.iter().chain([&">"]).find(|symbol| **symbol == single);
        (known.map_or(Token::Identifier(single), |symbol| Token::Symbol(symbol)), false)
    }
}
