//! Templates of `line_format` and `label_format`: text with `{{.label}}` in it.

use super::working_labels::WorkingLabels;

/// What a template makes of one line is cut here: templates in a row could double a line again and again.
const MAXIMUM_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Label(String),
    /// `{{__line__}}`
    Line,
}

/// A template without functions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads a template; functions and control structures are refused.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}").ok_or("template: line:1: unclosed action")?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(action_piece(action.trim())?);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The text for one line.
    pub(super) fn render(&self, line: &str, labels: &WorkingLabels<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Label(name) => labels.filter_value(name),
                Piece::Line => line,
            });
            if text.len() > MAXIMUM_BYTES {
                text.truncate(text.floor_char_boundary(MAXIMUM_BYTES));
                break;
            }
        }
        text
    }

    /// The labels that the template reads.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |piece: &Piece| match piece {
            Piece::Label(name) => Some(name.clone()),
            Piece::Text(_) | Piece::Line => None,
        };
        self.0.iter().filter_map(name).collect()
    }
}

fn action_piece(action: &str) -> Result<Piece, String> {
    if action == "__line__" {
        return Ok(Piece::Line);
    }
    let name = action.strip_prefix('.').unwrap_or_default();
    if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return Ok(Piece::Label(name.to_owned()));
    }
    Err(format!(
        "template action '{{{{{action}}}}}' is not supported by this double of Loki: only {{{{.label}}}} and {{{{__line__}}}} are"
    ))
}
