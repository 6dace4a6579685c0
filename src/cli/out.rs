//! What is printed: to standard output, coloured on a terminal alone, quiet when nobody reads any more.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Colours of a line's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Good.
    Green,
    /// Bad.
    Red,
    /// Needs a person.
    Yellow,
    /// Beside the point.
    Dim,
    /// A heading.
    Bold,
}

/// Standard output.
pub(crate) struct Out {
    to: io::Stdout,
    colours: bool,
}

impl Out {
    pub(crate) fn new() -> Self {
        let to = io::stdout();
        let colours = to.is_terminal();
        Self { to, colours }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.colours
    }

    /// One line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }

    /// Text as it is, such as a document.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        write!(self.to, "{text}")
    }

    /// A value as JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.line(&text)
    }

    /// Text in a colour, where there are colours.
    pub(crate) fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => "32",
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Dim => "2",
            Colour::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Columns, each as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
