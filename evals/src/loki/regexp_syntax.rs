//! From Go's regular expression syntax to the `regex` crate's.
//!
//! They are both RE2's children and differ little: here `\d` and its kin are ASCII, an odd brace or bracket stands for
//! itself, and errors are worded as Go words them.

/// The same expression in the `regex` crate's syntax, or Go's reason to refuse it.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut walk = Walk { pattern, characters: pattern.chars().collect(), at: 0, out: String::new(), depth: 0 };
    walk.run()?;
    if walk.depth > 0 { Err(format!("missing closing ): `{pattern}`")) } else { Ok(walk.out) }
}

/// What the last item was, for the operator that may follow it.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Item,
    Repetition,
}

struct Walk<'a> {
    pattern: &'a str,
    characters: Vec<char>,
    at: usize,
    out: String,
    depth: usize,
}

impl Walk<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.characters.get(from..to.min(self.characters.len())).unwrap_or_default().iter().collect()
    }

    fn run(&mut self) -> Result<(), String> {
        let mut last = Last::Nothing;
        while let Some(c) = self.next() {
            last = match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' if self.depth == 0 => return Err(format!("unexpected ): `{}`", self.pattern)),
                ')' => {
                    self.depth -= 1;
                    self.literal(')')
                }
                '*' | '+' | '?' => self.repetition(self.at - 1, last)?,
                '{' => self.brace(last)?,
                '}' | ']' => {
                    self.out.push('\\');
                    self.literal(c)
                }
                '|' => {
                    self.out.push('|');
                    Last::Nothing
                }
                c => self.literal(c),
            };
        }
        Ok(())
    }

    fn literal(&mut self, c: char) -> Last {
        self.out.push(c);
        Last::Item
    }

    /// Takes the rest of an operator that began at `start`, with its lazy mark.
    fn repetition(&mut self, start: usize, last: Last) -> Result<Last, String> {
        if self.peek() == Some('?') {
            self.at += 1;
        }
        let operator = self.text(start, self.at);
        match last {
            Last::Nothing => return Err(format!("missing argument to repetition operator: `{operator}`")),
            Last::Repetition => {
                let before = self.text(start.saturating_sub(1), self.at);
                return Err(format!("invalid nested repetition operator: `{before}`"));
            }
            Last::Item => self.out.push_str(&operator),
        }
        Ok(Last::Repetition)
    }

    /// A counted repetition, or a brace that stands for itself.
    fn brace(&mut self, last: Last) -> Result<Last, String> {
        let start = self.at - 1;
        let rest = self.text(self.at, self.at + 16);
        let counts = rest.split_once('}').map(|(counts, _)| counts.to_owned());
        let Some(counts) = counts.filter(|counts| is_counts(counts)) else {
            self.out.push('\\');
            return Ok(self.literal('{'));
        };
        if counts.split(',').any(|count| count.parse::<u32>().is_ok_and(|count| count > 1000)) {
            return Err(format!("invalid repeat count: `{{{counts}}}`"));
        }
        self.at += counts.len() + 1;
        self.repetition(start, last)
    }

    fn group(&mut self) -> Result<Last, String> {
        self.depth += 1;
        self.out.push('(');
        if self.peek() != Some('?') {
            return Ok(Last::Nothing);
        }
        let start = self.at - 1;
        let head: String = self.text(self.at, self.at + 8);
        let named =
            head.starts_with("?P<") || (head.starts_with("?<") && !head.starts_with("?<=") && !head.starts_with("?<!"));
        let end = if named { '>' } else { ':' };
        while let Some(c) = self.next() {
            self.out.push(c);
            if c == end {
                return Ok(Last::Nothing);
            }
            if !named && c == ')' {
                self.depth -= 1;
                return Ok(Last::Nothing);
            }
            if !named && !matches!(c, '?' | 'i' | 'm' | 's' | 'U' | '-') {
                return Err(format!("invalid or unsupported Perl syntax: `{}`", self.text(start, self.at)));
            }
        }
        Err(format!("missing closing ): `{}`", self.pattern))
    }

    fn class(&mut self) -> Result<Last, String> {
        let start = self.at - 1;
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.out.push('^');
        }
        let first = self.at;
        while let Some(c) = self.next() {
            match c {
                ']' if self.at - 1 > first => {
                    self.out.push(']');
                    return Ok(Last::Item);
                }
                '\\' => drop(self.escape(true)?),
                '[' if self.peek() == Some(':') => {
                    self.out.push('[');
                    self.copy_until(']');
                }
                '-' if !self.out.ends_with('-') => self.out.push('-'),
                '[' | ']' | '&' | '~' | '-' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c => self.out.push(c),
            }
        }
        Err(format!("missing closing ]: `{}`", self.text(start, self.characters.len())))
    }

    /// Copies what stands up to `end`, and that too.
    fn copy_until(&mut self, end: char) {
        while let Some(c) = self.next() {
            self.out.push(c);
            if c == end {
                return;
            }
        }
    }

    fn escape(&mut self, in_class: bool) -> Result<Last, String> {
        let Some(c) = self.next() else {
            return Err("trailing backslash at end of expression: ``".into());
        };
        match c {
            'd' => self.set("0-9", false, in_class),
            'D' => self.set("0-9", true, in_class),
            'w' => self.set("0-9A-Za-z_", false, in_class),
            'W' => self.set("0-9A-Za-z_", true, in_class),
            's' => self.set(r"\t\n\f\r ", false, in_class),
            'S' => self.set(r"\t\n\f\r ", true, in_class),
            'b' if !in_class => self.out.push_str(r"(?-u:\b)"),
            'Q' => self.quotation(),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P' => self.out.extend(['\\', c]),
            'A' | 'z' | 'B' if !in_class => self.out.extend(['\\', c]),
            '<' | '>' | '_' | ' ' => self.out.push(c),
            c if c.is_ascii_punctuation() => self.out.extend(['\\', c]),
            c => return Err(format!("invalid escape sequence: `\\{c}`")),
        }
        if matches!(c, 'x' | 'p' | 'P') && self.peek() == Some('{') {
            self.copy_until('}');
        }
        Ok(Last::Item)
    }

    fn set(&mut self, members: &str, negated: bool, in_class: bool) {
        let part = match (negated, in_class) {
            (true, _) => format!("[^{members}]"),
            (false, false) => format!("[{members}]"),
            (false, true) => members.to_owned(),
        };
        self.out.push_str(&part);
    }

    fn quotation(&mut self) {
        while let Some(c) = self.next() {
            if c == '\\' && self.peek() == Some('E') {
                self.at += 1;
                return;
            }
            self.out.push_str(&regex::escape(&c.to_string()));
        }
    }
}

fn is_counts(counts: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match counts.split_once(',') {
        None => number(counts),
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
    }
}
