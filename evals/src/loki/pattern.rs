//! The `pattern` parser: literal text with captures, `<method> <_> <status>`.

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    /// A capture; `_` is thrown away.
    Capture(String),
}

/// A pattern that takes a line apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Vec<Piece>);

impl Pattern {
    /// Reads a pattern; it needs a named capture, and something between any two captures.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pieces = pieces(text);
        let names: Vec<&str> = pieces.iter().filter_map(capture_name).collect();
        if names.is_empty() {
            return Err("at least one capture is required".into());
        }
        for (piece, next) in pieces.iter().zip(pieces.iter().skip(1)) {
            if let (Piece::Capture(first), Piece::Capture(second)) = (piece, next) {
                return Err(format!("found consecutive capture '<{first}><{second}>': invalid expression"));
            }
        }
        for (position, name) in names.iter().enumerate() {
            if names.iter().take(position).any(|earlier| earlier == name) {
                return Err(format!("duplicate capture name ({name}): invalid expression"));
            }
        }
        Ok(Self(pieces))
    }

    /// What the captures hold in `line`; where its text runs out, the last capture takes the rest.
    pub(super) fn captures<'a>(&self, line: &'a str) -> Vec<(&str, &'a str)> {
        let mut found = Vec::new();
        let mut rest = line;
        let mut open: Option<&str> = None;
        for piece in &self.0 {
            match (piece, open) {
                (Piece::Capture(name), _) => open = Some(name),
                (Piece::Literal(literal), None) => match rest.strip_prefix(literal.as_str()) {
                    Some(after) => rest = after,
                    None => return found,
                },
                (Piece::Literal(literal), Some(name)) => {
                    let (value, after) = match rest.split_once(literal.as_str()) {
                        Some((value, after)) => (value, Some(after)),
                        None => (rest, None),
                    };
                    if name != "_" {
                        found.push((name, value));
                    }
                    let Some(after) = after else {
                        return found;
                    };
                    rest = after;
                    open = None;
                }
            }
        }
        found.extend(open.filter(|name| *name != "_").map(|name| (name, rest)));
        found
    }
}

fn capture_name(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Capture(name) if name != "_" => Some(name),
        Piece::Capture(_) | Piece::Literal(_) => None,
    }
}

/// A `<` that begins no name is literal text.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let name = rest.strip_prefix('<').and_then(|after| after.split_once('>')).filter(|(name, _)| is_name(name));
        if let Some((name, after)) = name {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Capture(name.to_owned()));
            rest = after;
        } else {
            literal.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_take_a_line_apart() {
        let pattern = Pattern::parse("<ip> - <_> \"<method> <path>\"").unwrap();
        assert_eq!(pattern.captures("::1 - x \"GET /a\" 200"), [("ip", "::1"), ("method", "GET"), ("path", "/a")]);
        assert_eq!(pattern.captures("short"), [("ip", "short")]);
        assert_eq!(Pattern::parse("[<a>]").unwrap().captures("x[1]"), []);
    }

    #[test]
    fn a_pattern_needs_separate_named_captures() {
        assert_eq!(Pattern::parse("<_> a").unwrap_err(), "at least one capture is required");
        assert_eq!(Pattern::parse("<a><b>").unwrap_err(), "found consecutive capture '<a><b>': invalid expression");
        assert_eq!(Pattern::parse("<a> <a>").unwrap_err(), "duplicate capture name (a): invalid expression");
    }
}
